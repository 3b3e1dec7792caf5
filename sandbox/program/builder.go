package program

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Builder puts a program together.
type Builder struct {
	Program
	strings map[string]uint32
}

// NewBuilder starts the program of a module.
func NewBuilder(module, file string) *Builder {
	const usual = 192 // steps; more are no error
	return &Builder{Program: Program{Module: module, File: file, Steps: make([]Step, 0, usual)}, strings: map[string]uint32{}}
}

// Value is an argument with the way it is shown.
type Value struct {
	Arg  posix.Arg
	Text string
}

// Int is a number.
func Int(n int) Value { return Value{posix.Arg{Value: uint64(n)}, strconv.Itoa(n)} }

// Const is a number that is shown by name.
func Const(n uint64, name string) Value { return Value{posix.Arg{Value: n}, name} }

// Hex is a number that is shown in hexadecimal.
func Hex(n uint64) Value { return Value{posix.Arg{Value: n}, "0x" + strconv.FormatUint(n, 16)} }

// Null is the null pointer.
func Null() Value { return Value{Text: "NULL"} }

// Kept is the result of an earlier step.
func Kept(slot uint8, name string) Value {
	return Value{posix.Arg{Kind: posix.Slot, Value: uint64(slot)}, name}
}

// Word is the 64-bit word at an offset of the memory, read when the step runs.
func Word(at uint32, name string) Value {
	return Value{posix.Arg{Kind: posix.Load, Value: uint64(at)}, name}
}

// At is the address of an offset of the memory.
func At(at uint32, text string) Value {
	return Value{posix.Arg{Kind: posix.Address, Value: uint64(at)}, text}
}

// FD is a prepared descriptor.
func FD(index int, name string) Value {
	return Value{posix.Arg{Kind: Descriptor, Value: uint64(index)}, "<" + name + ">"}
}

// String is the address of a zero-terminated string; equal strings share it.
func (b *Builder) String(s string) Value {
	at, ok := b.strings[s]
	if !ok {
		at = b.Bytes(append([]byte(s), 0))
		b.strings[s] = at
	}
	return At(at, strconv.Quote(s))
}

// Bytes adds data to the memory, aligned to eight bytes, and returns where it is.
func (b *Builder) Bytes(data []byte) uint32 {
	for len(b.Memory)%8 != 0 {
		b.Memory = append(b.Memory, 0)
	}
	at := uint32(len(b.Memory))
	b.Memory = append(b.Memory, data...)
	// A word may be read at any byte of the data.
	b.Memory = append(b.Memory, make([]byte, 8)...)
	return at
}

// Words adds 64-bit words and returns where they are.
func (b *Builder) Words(words ...uint64) uint32 {
	data := make([]byte, 0, 8*len(words))
	for _, w := range words {
		data = binary.NativeEndian.AppendUint64(data, w)
	}
	return b.Bytes(data)
}

// Pointers adds an array of addresses that ends with a null pointer, as execve takes it.
func (b *Builder) Pointers(to ...uint32) uint32 {
	at := b.Words(make([]uint64, len(to)+1)...)
	for i, t := range to {
		b.Relocations = append(b.Relocations, posix.Relocation{At: at + uint32(8*i), To: t})
	}
	return at
}

// Prepare adds a descriptor and returns its index.
func (b *Builder) Add(p Prepare) int {
	p.Origin = b.own(p.Origin)
	for i := range p.Rules {
		p.Rules[i].Origin = b.own(p.Rules[i].Origin)
	}
	b.Program.Prepare = append(b.Program.Prepare, p)
	return len(b.Program.Prepare) - 1
}

// own leaves the file out of an origin when it is the program's.
func (b *Builder) own(o Origin) Origin {
	if o.File == b.File {
		o.File = ""
	}
	return o
}

// Call adds a system call.
func (b *Builder) Call(o Origin, name string, number uint32, args ...Value) *Step {
	s := Step{Step: posix.Step{Op: posix.StepCall, Number: number}, Origin: b.own(o)}
	texts := make([]string, len(args))
	for i, a := range args {
		s.Args[i], texts[i] = a.Arg, a.Text
	}
	s.Text = name + "(" + strings.Join(texts, ", ") + ")"
	b.Steps = append(b.Steps, s)
	return &b.Steps[len(b.Steps)-1]
}

// Keep makes the result of the step available as Kept(slot, …).
func (s *Step) Keep(slot uint8) {
	s.Result = slot
	s.Text += " = $" + strconv.Itoa(int(slot))
}

// LoopbackUp brings lo up in the network namespace of the process. Source: netdevice(7).
func (b *Builder) LoopbackUp(o Origin) {
	ifreq := make([]byte, 40)
	copy(ifreq, "lo")
	ifreq[16] = unix.IFF_UP
	at := b.Bytes(ifreq)
	b.Call(o, "socket", unix.SYS_SOCKET, Const(unix.AF_INET, "AF_INET"), Const(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, "SOCK_DGRAM|SOCK_CLOEXEC"), Int(0)).Keep(1)
	b.Call(o, "ioctl", unix.SYS_IOCTL, Kept(1, "$1"), Const(unix.SIOCSIFFLAGS, "SIOCSIFFLAGS"), At(at, "{lo, IFF_UP}"))
}

// Expect adds a comparison: the value, masked, must be want.
func (b *Builder) Expect(o Origin, value Value, mask, want uint64) {
	s := Step{Step: posix.Step{Op: posix.StepExpect}, Origin: b.own(o)}
	s.Args[0], s.Args[1].Value, s.Args[2].Value = value.Arg, mask, want
	s.Text = fmt.Sprintf("expect %s == %#x", value.Text, want)
	b.Steps = append(b.Steps, s)
}

// Store adds the writing of a value, eight bytes, at an offset.
func (b *Builder) Store(o Origin, value Value, at uint32, text string) {
	s := Step{Step: posix.Step{Op: posix.StepStore}, Origin: b.own(o)}
	s.Args[0], s.Args[1] = value.Arg, posix.Arg{Kind: posix.Address, Value: uint64(at)}
	s.Text = "store " + text + " = " + value.Text
	b.Steps = append(b.Steps, s)
}

// Decimal adds the writing of a value in decimal digits at an offset.
func (b *Builder) Decimal(o Origin, value Value, at uint32, text string) {
	s := Step{Step: posix.Step{Op: posix.StepDecimal}, Origin: b.own(o)}
	s.Args[0], s.Args[1] = value.Arg, posix.Arg{Kind: posix.Address, Value: uint64(at)}
	s.Text = "store-decimal " + text + " = " + value.Text
	b.Steps = append(b.Steps, s)
}
