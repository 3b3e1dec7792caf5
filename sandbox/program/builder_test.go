package program

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func TestMemory(t *testing.T) {
	b := NewBuilder("web", "web.yaml")
	hello, again, other := b.String("hello"), b.String("hello"), b.String("")
	if hello.Arg != again.Arg {
		t.Error("equal strings take their room twice")
	}
	if hello.Arg == other.Arg {
		t.Error("different strings share their room")
	}
	words := b.Words(1, ^uint64(0))
	data := b.Bytes([]byte{1, 2, 3})
	for _, at := range []uint32{uint32(hello.Arg.Value), uint32(other.Arg.Value), words, data} {
		if at%8 != 0 {
			t.Errorf("offset %d is not aligned", at)
		}
	}
	if got := b.Memory[hello.Arg.Value:]; !bytes.HasPrefix(got, []byte("hello\x00")) {
		t.Errorf("the string is %q", got[:8])
	}
	if binary.NativeEndian.Uint64(b.Memory[words:]) != 1 || binary.NativeEndian.Uint64(b.Memory[words+8:]) != ^uint64(0) {
		t.Error("the words are not in memory")
	}
	// A word may be read at any byte of the last datum.
	if len(b.Memory) < int(data)+3+7 {
		t.Errorf("%d bytes of memory; the last datum is at %d", len(b.Memory), data)
	}
}

func TestPointers(t *testing.T) {
	b := NewBuilder("web", "web.yaml")
	to := []uint32{b.Bytes([]byte("a\x00")), b.Bytes([]byte("b\x00"))}
	at := b.Pointers(to...)
	empty := b.Pointers()
	if len(b.Relocations) != 2 {
		t.Fatalf("relocations %v", b.Relocations)
	}
	for i, r := range b.Relocations {
		if r != (posix.Relocation{At: at + uint32(8*i), To: to[i]}) {
			t.Errorf("pointer %d is %v", i, r)
		}
	}
	for _, end := range []uint32{at + 16, empty} {
		if binary.NativeEndian.Uint64(b.Memory[end:]) != 0 {
			t.Errorf("no null pointer at %d", end)
		}
	}
}

func TestSteps(t *testing.T) {
	b := NewBuilder("web", "web.yaml")
	o := Origin{Line: 3, Col: 4}
	b.Call(o, "openat", unix.SYS_OPENAT, Int(7), b.String("x"), Hex(0x10), Null(), Const(1, "ONE"), Kept(2, "$2")).Keep(5)
	b.Expect(o, Word(8, "uid"), 0xff, 0x12)
	b.Store(o, Kept(5, "$5"), 16, "there")
	b.Decimal(o, Kept(5, "$5"), 24, "digits")
	want := []Step{
		{Step: posix.Step{Number: unix.SYS_OPENAT, Result: 5, Args: [6]posix.Arg{
			{Value: 7}, {Kind: posix.Address}, {Value: 16}, {}, {Value: 1}, {Kind: posix.Slot, Value: 2}}},
			Text: `openat(7, "x", 0x10, NULL, ONE, $2) = $5`, Origin: o},
		{Step: posix.Step{Op: posix.StepExpect, Args: [6]posix.Arg{{Kind: posix.Load, Value: 8}, {Value: 0xff}, {Value: 0x12}}},
			Text: "expect uid == 0x12", Origin: o},
		{Step: posix.Step{Op: posix.StepStore, Args: [6]posix.Arg{{Kind: posix.Slot, Value: 5}, {Kind: posix.Address, Value: 16}}},
			Text: "store there = $5", Origin: o},
		{Step: posix.Step{Op: posix.StepDecimal, Args: [6]posix.Arg{{Kind: posix.Slot, Value: 5}, {Kind: posix.Address, Value: 24}}},
			Text: "store-decimal digits = $5", Origin: o},
	}
	for i := range want {
		if b.Steps[i] != want[i] {
			t.Errorf("step %d is\n%+v\nwant\n%+v", i, b.Steps[i], want[i])
		}
	}
	if b.Module != "web" || b.File != "web.yaml" {
		t.Errorf("program of %s in %s", b.Module, b.File)
	}
}
