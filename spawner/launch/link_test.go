package launch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// sample is a program with a place for the exec-once value, a descriptor, and that value as an argument.
func sample() *program.Program {
	b := program.NewBuilder("nginx", "web.yaml")
	at := b.Bytes(make([]byte, 32))
	b.Cookies = []uint32{at + 4, at + 12}
	b.Add(program.Prepare{Kind: program.Stdio})
	b.Call(program.Origin{Line: 4}, "dup3", unix.SYS_DUP3, program.FD(0, "stdin"), program.Int(0), program.Int(0))
	b.Call(program.Origin{Line: 5}, "execveat", unix.SYS_EXECVEAT, program.Value{Arg: posix.Arg{Kind: program.Cookie}, Text: "<exec once>"})
	return &b.Program
}

func TestLink(t *testing.T) {
	l := &Launcher{kernel: linux.New()}
	p := sample()
	values := map[uint64]bool{}
	for range 3 {
		got, err := l.link(p, &descriptors{fds: []posix.FD{42}}, &cgroup.Join{Into: -1, Procs: []posix.FD{50, 51}})
		if err != nil {
			t.Fatal(err)
		}
		steps, memory := got.program.Steps, got.program.Memory
		if len(steps) != 4 || got.joins != 2 {
			t.Fatalf("%d steps, %d of them joins", len(steps), got.joins)
		}
		for i, fd := range []uint64{50, 51} {
			s := steps[i]
			if s.Number != unix.SYS_WRITE || s.Args[0] != (posix.Arg{Value: fd}) || s.Args[2].Value != 1 || memory[s.Args[1].Value] != '0' {
				t.Errorf("step %d does not write 0 to descriptor %d: %+v", i, fd, s)
			}
		}
		if steps[2].Args[0] != (posix.Arg{Value: 42}) {
			t.Errorf("the descriptor is %+v", steps[2].Args[0])
		}
		value := steps[3].Args[0].Value
		if steps[3].Args[0].Kind != posix.Immediate || value == 0 {
			t.Errorf("the exec-once value is %+v", steps[3].Args[0])
		}
		low, high := binary.NativeEndian.Uint32(memory[p.Cookies[0]:]), binary.NativeEndian.Uint32(memory[p.Cookies[1]:])
		if uint64(high)<<32|uint64(low) != value {
			t.Errorf("the filter compares with %#x, the exec passes %#x", uint64(high)<<32|uint64(low), value)
		}
		for _, at := range p.Cookies {
			binary.NativeEndian.PutUint32(memory[at:], binary.NativeEndian.Uint32(p.Memory[at:]))
		}
		if !bytes.Equal(memory[:len(p.Memory)], p.Memory) {
			t.Error("something else of the memory than the exec-once value was changed: it holds the filter, which was proved")
		}
		if values[value] {
			t.Errorf("%#x comes twice", value)
		}
		values[value] = true
	}
	// The program is used for the next launch.
	if p.Steps[1].Args[0].Kind != program.Cookie || binary.NativeEndian.Uint32(p.Memory[p.Cookies[0]:]) != 0 {
		t.Error("linking changed the program")
	}
}

// TestLinkLeavesOut: what the thread has taken from its bounding set is not taken from the child's again, and a step that fails is still the right one.
func TestLinkLeavesOut(t *testing.T) {
	text := func(fresh bool) *program.Program {
		b := program.NewBuilder("nginx", "web.yaml")
		for c := range 5 {
			b.Call(program.Origin{Line: 10 + c}, fmt.Sprintf("prctl %d", c), unix.SYS_PRCTL, program.Const(unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"), program.Int(c))
			b.Call(program.Origin{Line: 20 + c}, fmt.Sprintf("umask %d", c), unix.SYS_UMASK, program.Int(c))
		}
		if fresh {
			b.Call(program.Origin{Line: 30}, "unshare", unix.SYS_UNSHARE, program.Const(unix.CLONE_NEWUSER, "CLONE_NEWUSER"))
		}
		return &b.Program
	}
	tests := []struct {
		name  string
		lost  uint64
		fresh bool
		lines []int
	}{
		{"nothing", 0, false, []int{10, 20, 11, 21, 12, 22, 13, 23, 14, 24}},
		{"the first and the last", 0b10001, false, []int{20, 11, 21, 12, 22, 13, 23, 24}},
		{"two together", 0b00110, false, []int{10, 20, 21, 22, 13, 23, 14, 24}},
		{"all, and more", ^uint64(0), false, []int{20, 21, 22, 23, 24}},
		{"a user namespace", ^uint64(0), true, []int{10, 20, 11, 21, 12, 22, 13, 23, 14, 24, 30}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := text(tt.fresh)
			got, err := (&Launcher{kernel: linux.New(), lost: tt.lost}).link(p, &descriptors{}, &cgroup.Join{Into: -1, Procs: []posix.FD{50}})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.program.Steps) != 1+len(tt.lines) {
				t.Fatalf("%d steps and a join, want %d", len(got.program.Steps)-1, len(tt.lines))
			}
			for i, line := range tt.lines {
				var failed *StepError
				err := got.stepError(p, &posix.StepFailure{Step: 1 + i, Errno: unix.EPERM})
				if want := fmt.Sprintf("web.yaml:%d", line); !errors.As(err, &failed) || failed.Place != want {
					t.Errorf("step %d is %+v, want that of %s", i, failed, want)
				}
				if number := got.program.Steps[1+i].Number; (number == unix.SYS_PRCTL) != (line < 20) {
					t.Errorf("step %d makes call %d, and is that of line %d", i, number, line)
				}
			}
		})
	}
}

func TestStepErrorPlaces(t *testing.T) {
	l := linked{joins: 1}
	tests := []struct {
		failure posix.StepFailure
		want    StepError
		text    string
	}{
		{posix.StepFailure{Step: 0, Errno: unix.ENOSPC},
			StepError{Module: "nginx", Call: "write to tasks", Text: `write(<tasks>, "0", 1)`, Errno: unix.ENOSPC, Place: "every module"},
			"nginx: write to tasks: no space left on device (policy every module)"},
		{posix.StepFailure{Step: 1, Errno: unix.EBADF},
			StepError{Module: "nginx", Call: "dup3", Text: "dup3(<stdin>, 0, 0)", Errno: unix.EBADF, Place: "web.yaml:4"},
			"nginx: dup3: bad file descriptor (policy web.yaml:4)"},
		{posix.StepFailure{Step: 2, Errno: unix.ENOENT},
			StepError{Module: "nginx", Call: "execveat", Text: "execveat(<exec once>)", Errno: unix.ENOENT, Place: "web.yaml:5", Exec: true},
			"nginx: execveat: no such file or directory (policy web.yaml:5)"},
	}
	for _, tt := range tests {
		err := l.stepError(sample(), &tt.failure)
		var got *StepError
		if !errors.As(err, &got) || *got != tt.want || err.Error() != tt.text {
			t.Errorf("step %d: %+v\n%v", tt.failure.Step, got, err)
		}
		if !errors.Is(err, tt.failure.Errno) {
			t.Errorf("%v is not %v", err, tt.failure.Errno)
		}
	}
	outside := StepError{Module: "nginx", Call: "expect first character of the working directory == 0x2f", Got: '(', Place: "web.yaml:7"}
	if text := outside.Error(); !strings.Contains(text, "leads out of the module's root") || !strings.HasSuffix(text, "(policy web.yaml:7)") {
		t.Error(text)
	}
	if !errors.Is(&StepError{Errno: unix.ENOENT}, fs.ErrNotExist) || (&StepError{Got: 3}).Unwrap() != nil {
		t.Error("a step error does not unwrap to its errno")
	}
}

func TestCookieIsNeverZero(t *testing.T) {
	k := &fewRandom{Kernel: linux.New(), zeros: 3}
	value, err := (&Launcher{kernel: k}).cookie()
	if err != nil || value == 0 || k.zeros != 0 {
		t.Errorf("%#x, %v, %d zeros left", value, err, k.zeros)
	}
}

// fewRandom gives zeros first.
type fewRandom struct {
	Kernel
	zeros int
}

func (k *fewRandom) Getrandom(p []byte, flags int) (int, error) {
	if k.zeros > 0 {
		k.zeros--
		clear(p)
		return len(p), nil
	}
	return k.Kernel.Getrandom(p, flags)
}

func TestCloneHints(t *testing.T) {
	for errno, want := range map[posix.Errno]bool{unix.EAGAIN: true, unix.ENOSPC: true, unix.EMFILE: true, unix.EPERM: true, unix.ENOSYS: true, unix.ENOMEM: false} {
		if got := cloneHint(errno) != ""; got != want {
			t.Errorf("%v has a hint: %v", errno, got)
		}
	}
}
