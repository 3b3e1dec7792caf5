package linux

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// echo reads a byte, and writes it.
func echo(fd posix.FD) *posix.Program {
	return &posix.Program{Memory: make([]byte, 8), Steps: []posix.Step{
		{Number: unix.SYS_READ, Args: [6]posix.Arg{imm(uint64(fd)), addr(0), imm(1)}},
		{Number: unix.SYS_WRITE, Args: [6]posix.Arg{imm(uint64(fd)), addr(0), imm(1)}},
	}}
}

// ended waits for a child.
func ended(t *testing.T, k *Kernel, child posix.Child) posix.WaitInfo {
	t.Helper()
	var info posix.WaitInfo
	if err := errors.Join(k.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED), k.Close(child.Pidfd)); err != nil {
		t.Fatal(err)
	}
	return info
}

// TestBeside: children go on while their parent does something else, each with a memory of its own, which is given back.
func TestBeside(t *testing.T) {
	k := New()
	const n = 3
	var children [n]posix.Child
	var ours [n]posix.FD
	for i := range n {
		a, b := pair(t, unix.SOCK_STREAM)
		child, err := k.Clone3(&posix.CloneArgs{Program: echo(b), ExitSignal: unix.SIGCHLD, Beside: true})
		if err != nil {
			t.Fatal(err)
		}
		children[i], ours[i] = child, a
	}
	for range 2 * n { // launches in between
		child, err := k.Clone3(&posix.CloneArgs{Program: &posix.Program{Memory: make([]byte, 64), Steps: []posix.Step{{Number: unix.SYS_GETPID}}},
			ExitSignal: unix.SIGCHLD})
		if err != nil {
			t.Fatal(err)
		}
		ended(t, k, child)
	}
	for i := range n {
		said, heard := []byte{byte('a' + i)}, []byte{0}
		if _, err := k.Write(ours[i], said); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Read(ours[i], heard); err != nil || heard[0] != said[0] {
			t.Errorf("child %d says %q, %v", i, heard, err)
		}
		if info := ended(t, k, children[i]); info.Code != posix.CldExited || info.Status != 0 {
			t.Errorf("child %d ended as %+v", i, info)
		}
	}
	k.images.collect()
	if len(k.images.lent) != 0 {
		t.Errorf("%d mappings have not been given back", len(k.images.lent))
	}
}

// TestBesideFailures: the exit status tells.
func TestBesideFailures(t *testing.T) {
	k := New()
	for _, c := range []struct {
		name string
		step posix.Step
		want int
	}{
		{"errno", posix.Step{Number: unix.SYS_CLOSE, Args: [6]posix.Arg{imm(1 << 20)}}, int(unix.EBADF)},
		{"comparison", posix.Step{Op: posix.StepExpect, Args: [6]posix.Arg{imm(1), imm(1), imm(0)}}, 127},
	} {
		child, err := k.Clone3(&posix.CloneArgs{Program: &posix.Program{Steps: []posix.Step{c.step}}, ExitSignal: unix.SIGCHLD, Beside: true})
		if err != nil {
			t.Fatal(err)
		}
		if info := ended(t, k, child); child.Failed != nil || info.Status != c.want {
			t.Errorf("%s: %+v, and it ended as %+v, want status %d", c.name, child, info, c.want)
		}
	}
	exec := &posix.Program{Memory: []byte("/\x00"), Steps: []posix.Step{{Number: unix.SYS_EXECVE, Args: [6]posix.Arg{addr(0)}}}}
	if _, err := k.Clone3(&posix.CloneArgs{Program: exec, ExitSignal: unix.SIGCHLD, Beside: true}); !errors.Is(err, posix.Errno(unix.EINVAL)) {
		t.Errorf("a program that executes another one: %v, want EINVAL", err)
	}
	_, b := pair(t, unix.SOCK_STREAM)
	child, err := k.Clone3(&posix.CloneArgs{Program: echo(b), ExitSignal: unix.SIGCHLD, Beside: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.PidfdSendSignal(child.Pidfd, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if info := ended(t, k, child); info.Code != posix.CldKilled {
		t.Errorf("it ended as %+v", info)
	}
	k.images.collect()
	if len(k.images.lent) != 0 {
		t.Errorf("%d mappings of those that were killed have not been given back", len(k.images.lent))
	}
}
