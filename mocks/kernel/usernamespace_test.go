package kernel_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// TestUserNamespace: who is in a new one has all capabilities about what belongs to it, and none about the rest.
func TestUserNamespace(t *testing.T) {
	uid := calls(unix.SYS_GETUID)
	uid.Result = 1
	pid := calls(unix.SYS_GETPID)
	pid.Result = 2
	is := func(slot, want uint64) posix.Step {
		return posix.Step{Op: posix.StepExpect, Args: [6]posix.Arg{{Kind: posix.Slot, Value: slot}, number(^uint64(0)), number(want)}}
	}
	p := kernel.New(kernel.Config{}).Init()
	name := []byte("inner\x00/tmp\x00")
	for _, c := range []struct {
		name  string
		flags uint64
		last  posix.Step
		want  posix.Errno
	}{
		{"its own name", unix.CLONE_NEWUTS, calls(unix.SYS_SETHOSTNAME, address(0), number(5)), 0},
		{"the name of the machine", 0, calls(unix.SYS_SETHOSTNAME, address(0), number(5)), unix.EPERM},
		{"its own mounts", unix.CLONE_NEWNS, calls(unix.SYS_FSOPEN, address(6+1)), unix.ENODEV},
		{"the mounts of the machine", 0, calls(unix.SYS_FSOPEN, address(6)), unix.EPERM},
		{"another one", 0, calls(unix.SYS_UNSHARE, number(unix.CLONE_NEWUSER)), unix.EPERM}, // it is not mapped
		{"other namespaces", 0, calls(unix.SYS_UNSHARE, number(unix.CLONE_NEWUTS|unix.CLONE_NEWIPC)), 0},
	} {
		program := &posix.Program{Memory: name, Steps: []posix.Step{uid, is(1, 65534), pid, is(2, 1), c.last}}
		child, err := p.Clone3(&posix.CloneArgs{Flags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | c.flags, ExitSignal: unix.SIGCHLD, Program: program})
		if err != nil {
			t.Fatal(c.name, err)
		}
		var info posix.WaitInfo
		if err := errors.Join(p.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED), p.Close(child.Pidfd)); err != nil {
			t.Fatal(c.name, err)
		}
		switch {
		case c.want == 0 && child.Failed != nil:
			t.Errorf("%s: %+v, want success", c.name, *child.Failed)
		case c.want != 0 && (child.Failed == nil || *child.Failed != posix.StepFailure{Step: 4, Errno: c.want}):
			t.Errorf("%s: %+v, want %v", c.name, child.Failed, c.want)
		}
	}
}
