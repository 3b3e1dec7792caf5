package linux

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// TestAssemblyOffsets compares the numbers in the assembly with the structs.
func TestAssemblyOffsets(t *testing.T) {
	var b block
	var s rawStep
	want := map[string]uintptr{
		"BLOCK_ALL": unsafe.Offsetof(b.all), "BLOCK_OLD": unsafe.Offsetof(b.old), "BLOCK_CLONE": unsafe.Offsetof(b.clone),
		"BLOCK_CLONE_SIZE": unsafe.Offsetof(b.cloneSize), "BLOCK_STEPS": unsafe.Offsetof(b.steps), "BLOCK_END": unsafe.Offsetof(b.end),
		"BLOCK_FAILED": unsafe.Offsetof(b.failed), "BLOCK_ERRNO": unsafe.Offsetof(b.errno), "BLOCK_GOT": unsafe.Offsetof(b.got),
		"STEP_OP": unsafe.Offsetof(s.op), "STEP_MAYFAIL": unsafe.Offsetof(s.mayFail), "STEP_NUMBER": unsafe.Offsetof(s.number),
		"STEP_RESULT": unsafe.Offsetof(s.result), "STEP_FROM": unsafe.Offsetof(s.from), "STEP_SIZE": unsafe.Sizeof(s),
		"SYS_rt_sigprocmask": unix.SYS_RT_SIGPROCMASK, "SYS_exit_group": unix.SYS_EXIT_GROUP, "SYS_clone3": unix.SYS_CLONE3,
	}
	text, err := os.ReadFile("clone_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, m := range regexp.MustCompile(`(?m)^#define (\w+) (\d+)$`).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		if w, ok := want[m[1]]; !ok || w != uintptr(n) {
			t.Errorf("%s is %d in the assembly, %d in Go (known: %v)", m[1], n, w, ok)
		}
		seen++
	}
	if seen != len(want) {
		t.Errorf("%d definitions in the assembly, %d here", seen, len(want))
	}
}

// launchProgram runs a program and reaps its child.
func launchProgram(t *testing.T, p *posix.Program) (posix.Child, posix.WaitInfo) {
	t.Helper()
	k := New()
	child, err := k.Clone3(&posix.CloneArgs{Program: p, ExitSignal: unix.SIGCHLD})
	if err != nil {
		t.Fatalf("Clone3: %v", err)
	}
	var info posix.WaitInfo
	if err := k.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED); err != nil {
		t.Fatalf("Waitid: %v", err)
	}
	if err := k.Close(child.Pidfd); err != nil {
		t.Fatalf("close the pidfd: %v", err)
	}
	return child, info
}

func imm(v uint64) posix.Arg  { return posix.Arg{Value: v} }
func addr(v uint64) posix.Arg { return posix.Arg{Kind: posix.Address, Value: v} }
func slot(v uint64) posix.Arg { return posix.Arg{Kind: posix.Slot, Value: v} }
func load(v uint64) posix.Arg { return posix.Arg{Kind: posix.Load, Value: v} }

func TestProgramOffTheEndExitsWithZero(t *testing.T) {
	child, info := launchProgram(t, &posix.Program{})
	if child.Failed != nil || info.Code != posix.CldExited || info.Status != 0 || info.PID != child.PID {
		t.Errorf("child %+v ended as %+v", child, info)
	}
}

func TestProgramDecimal(t *testing.T) {
	for _, n := range []uint64{0, 7, 10, 4711, 1<<63 + 3, ^uint64(0)} {
		p := &posix.Program{Memory: make([]byte, 32), Steps: []posix.Step{
			{Op: posix.StepDecimal, Args: [6]posix.Arg{imm(n), addr(4)}},
		}}
		launchProgram(t, p)
		got, _, _ := strings.Cut(string(p.Memory[4:]), "\x00")
		if got != strconv.FormatUint(n, 10) {
			t.Errorf("StepDecimal of %d wrote %q", n, got)
		}
	}
}

func TestProgramSlotsAndMemory(t *testing.T) {
	p := &posix.Program{
		Memory:      make([]byte, 48),
		Relocations: []posix.Relocation{{At: 0, To: 16}},
		Steps: []posix.Step{
			{Number: unix.SYS_GETPID, Result: 3},
			{Op: posix.StepStore, Args: [6]posix.Arg{slot(3), load(0)}},
		},
	}
	// A store goes to a place that is known beforehand, not to one that memory names.
	if _, err := New().Clone3(&posix.CloneArgs{Program: p}); !errors.Is(err, posix.Errno(unix.EINVAL)) {
		t.Errorf("a store to a computed address: %v, want EINVAL", err)
	}
	p.Steps[1].Args[1] = addr(16)
	p.Steps = append(p.Steps, posix.Step{Op: posix.StepExpect, Args: [6]posix.Arg{load(16), imm(^uint64(0)), slot(3)}})
	child, info := launchProgram(t, p)
	if child.Failed != nil || info.Status != 0 {
		t.Fatalf("failed at %+v", child.Failed)
	}
	if got := binary.NativeEndian.Uint64(p.Memory[16:]); got != uint64(child.PID) {
		t.Errorf("the child stored %d; its number is %d", got, child.PID)
	}
	if binary.NativeEndian.Uint64(p.Memory[0:]) == 0 {
		t.Error("the relocation was not carried out")
	}
}

func TestProgramFailures(t *testing.T) {
	tests := []struct {
		name  string
		steps []posix.Step
		want  posix.StepFailure
	}{
		{"errno", []posix.Step{{Number: unix.SYS_GETPID}, {Number: unix.SYS_CLOSE, Args: [6]posix.Arg{imm(1 << 20)}}},
			posix.StepFailure{Step: 1, Errno: unix.EBADF}},
		{"expect", []posix.Step{{Op: posix.StepExpect, Args: [6]posix.Arg{imm(0x1ff), imm(0xff), imm(0xfe)}}},
			posix.StepFailure{Step: 0, Got: 0xff}},
		{"no such call", []posix.Step{{Number: 100_000}}, posix.StepFailure{Step: 0, Errno: unix.ENOSYS}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			child, info := launchProgram(t, &posix.Program{Steps: tt.steps})
			if child.Failed == nil || *child.Failed != tt.want {
				t.Errorf("failure %+v, want %+v", child.Failed, tt.want)
			}
			want := int(tt.want.Errno)
			if want == 0 {
				want = 127
			}
			if info.Status != want {
				t.Errorf("exit status %d, want %d", info.Status, want)
			}
		})
	}
}

func TestProgramMayFail(t *testing.T) {
	child, _ := launchProgram(t, &posix.Program{Steps: []posix.Step{
		{Number: unix.SYS_CLOSE, MayFail: true, Result: 1, Args: [6]posix.Arg{imm(1 << 20)}},
		{Op: posix.StepExpect, Args: [6]posix.Arg{slot(1), imm(^uint64(0)), imm(^uint64(unix.EBADF) + 1)}},
	}})
	if child.Failed != nil {
		t.Errorf("failed at %+v", child.Failed)
	}
}

// TestProgramFilterDeniesExit shows that a child ends even when its filter denies every call, exit_group included.
func TestProgramFilterDeniesExit(t *testing.T) {
	p := &posix.Program{Memory: make([]byte, 32), Relocations: []posix.Relocation{{At: 16, To: 0}}}
	binary.NativeEndian.PutUint16(p.Memory[0:], 0x06) // BPF_RET|BPF_K
	binary.NativeEndian.PutUint32(p.Memory[4:], unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM))
	binary.NativeEndian.PutUint16(p.Memory[8:], 1)
	p.Steps = []posix.Step{
		{Number: unix.SYS_PRCTL, Args: [6]posix.Arg{imm(unix.PR_SET_NO_NEW_PRIVS), imm(1)}},
		{Number: unix.SYS_SECCOMP, Args: [6]posix.Arg{imm(unix.SECCOMP_SET_MODE_FILTER), imm(0), addr(8)}},
		{Number: unix.SYS_GETPID},
	}
	child, info := launchProgram(t, p)
	if child.Failed == nil || child.Failed.Step != 2 || child.Failed.Errno != unix.EPERM {
		t.Errorf("failure %+v, want EPERM at step 2", child.Failed)
	}
	if info.Code == posix.CldExited || posix.Signal(info.Status) != unix.SIGILL && posix.Signal(info.Status) != unix.SIGSEGV {
		t.Errorf("the child ended as %+v; want an illegal instruction", info)
	}
}

func TestCloneRefuses(t *testing.T) {
	tests := []struct {
		name string
		p    *posix.Program
	}{
		{"no program", nil},
		{"address outside", &posix.Program{Steps: []posix.Step{{Args: [6]posix.Arg{addr(1)}}}}},
		{"load outside", &posix.Program{Memory: make([]byte, 7), Steps: []posix.Step{{Args: [6]posix.Arg{load(0)}}}}},
		{"slot 0", &posix.Program{Steps: []posix.Step{{Args: [6]posix.Arg{slot(0)}}}}},
		{"slot 16", &posix.Program{Steps: []posix.Step{{Args: [6]posix.Arg{slot(16)}}}}},
		{"result 16", &posix.Program{Steps: []posix.Step{{Result: 16}}}},
		{"operation", &posix.Program{Steps: []posix.Step{{Op: posix.StepExpect + 1}}}},
		{"argument kind", &posix.Program{Steps: []posix.Step{{Args: [6]posix.Arg{{Kind: posix.Load + 1}}}}}},
		{"decimal without room", &posix.Program{Memory: make([]byte, 20), Steps: []posix.Step{{Op: posix.StepDecimal, Args: [6]posix.Arg{imm(1), addr(0)}}}}},
		{"relocation outside", &posix.Program{Memory: make([]byte, 8), Relocations: []posix.Relocation{{At: 1}}}},
		{"relocation target", &posix.Program{Memory: make([]byte, 8), Relocations: []posix.Relocation{{To: 9}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := New().Clone3(&posix.CloneArgs{Program: tt.p, ExitSignal: unix.SIGCHLD}); !errors.Is(err, posix.Errno(unix.EINVAL)) {
				t.Errorf("Clone3: %v, want EINVAL", err)
			}
		})
	}
}

// TestProgramShared: what a process with memory of its own stores comes back when the memory is shared, and only then.
func TestProgramShared(t *testing.T) {
	for _, shared := range []bool{true, false} {
		fork := posix.Step{Number: unix.SYS_CLONE, Args: [6]posix.Arg{imm(uint64(unix.SIGCHLD))}}
		wait := posix.Step{Number: unix.SYS_WAIT4, MayFail: true, Result: 1, Args: [6]posix.Arg{imm(^uint64(0)), imm(0), imm(unix.WALL), imm(0)}}
		p := &posix.Program{Shared: shared, Memory: make([]byte, 8), Steps: []posix.Step{fork, wait,
			{Op: posix.StepExpect, Args: [6]posix.Arg{slot(1), imm(^uint64(0)), imm(^uint64(unix.ECHILD) + 1)}}, // the other process goes on
			{Op: posix.StepStore, Args: [6]posix.Arg{imm(7), addr(0)}}}}
		child, _ := launchProgram(t, p)
		if child.Failed == nil || child.Failed.Step != 2 {
			t.Fatalf("the process that waits ended as %+v", child)
		}
		if got := binary.NativeEndian.Uint64(p.Memory); (got == 7) != shared {
			t.Errorf("shared %t: %d", shared, got)
		}
	}
}

// TestImagesAreUsedAgain: a launch finds nothing of the one before it, whichever of them was larger, nor of one that runs at the same time.
func TestImagesAreUsedAgain(t *testing.T) {
	k := New()
	once := func(n, fill int) error {
		p := &posix.Program{Memory: bytes.Repeat([]byte{byte(fill)}, n)}
		for at := 0; at+8 <= n; at += 64 {
			p.Steps = append(p.Steps, posix.Step{Op: posix.StepStore, Args: [6]posix.Arg{imm(uint64(n)), addr(uint64(at))}})
		}
		child, err := k.Clone3(&posix.CloneArgs{Program: p, ExitSignal: unix.SIGCHLD})
		if err != nil {
			return err
		}
		var info posix.WaitInfo
		if err := errors.Join(k.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED), k.Close(child.Pidfd)); err != nil {
			return err
		}
		if child.Failed != nil || info.Status != 0 {
			return fmt.Errorf("failed at %+v, ended as %+v", child.Failed, info)
		}
		for at := 0; at < n; at++ {
			stored := at&^63+8 <= n && at%64 < 8
			if want := byte(n >> (at % 64 * 8)); stored && p.Memory[at] != want || !stored && p.Memory[at] != byte(fill) {
				return fmt.Errorf("%d bytes: byte %d is %#x", n, at, p.Memory[at])
			}
		}
		return nil
	}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for n, size := range []int{100, 64 << 10, 8, 3000, 2 << 20, 40, 64 << 10} {
				if err := once(size, 1+n+10*worker); err != nil {
					t.Errorf("launch %d of worker %d: %v", n, worker, err)
				}
			}
		})
	}
	all.Wait()
	kept := k.images.spare
	if len(kept) == 0 || len(kept) > mostKept {
		t.Errorf("%d are kept", len(kept))
	}
	for _, m := range kept {
		if len(m) < leastImage || len(m) > mostImage {
			t.Errorf("one of %d bytes is kept", len(m))
		}
	}
}

// TestChildThatWaitsHoldsNobody: while a child waits in the kernel, as it does for a file system that does not answer, and its parent with it, the rest of
// the program goes on, garbage collections included.
func TestChildThatWaitsHoldsNobody(t *testing.T) {
	k := New()
	var ends, begun [2]int
	for _, p := range []*[2]int{&ends, &begun} {
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = errors.Join(unix.Close(p[0]), unix.Close(p[1])) }()
	}
	p := &posix.Program{Memory: make([]byte, 8), Steps: []posix.Step{
		{Number: unix.SYS_WRITE, Args: [6]posix.Arg{imm(uint64(begun[1])), addr(0), imm(1)}},
		{Number: unix.SYS_READ, Args: [6]posix.Arg{imm(uint64(ends[0])), addr(0), imm(1)}},
	}}
	done := make(chan error, 1)
	go func() {
		child, err := k.Clone3(&posix.CloneArgs{Program: p, ExitSignal: unix.SIGCHLD})
		if err == nil {
			var info posix.WaitInfo
			err = errors.Join(k.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED), k.Close(child.Pidfd))
		}
		done <- err
	}()
	b := make([]byte, 1)
	if _, err := unix.Read(begun[0], b); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		runtime.GC() // waits for every thread that the runtime thinks is running
	}
	select {
	case err := <-done:
		t.Fatalf("the child did not wait: %v", err)
	default:
	}
	if _, err := unix.Write(ends[1], b); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
