package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// clone makes a child that does the steps of b, and reaps it.
func (t *T) clone(args posix.CloneArgs, b *builder) (posix.Child, posix.WaitInfo) {
	t.Helper()
	args.Program = &posix.Program{Steps: b.steps, Memory: b.memory, Relocations: b.relocations}
	child, err := t.Core.Clone3(&args)
	t.Must("clone3", err)
	c := &Child{Child: child, t: t}
	t.children = append(t.children, c)
	var info posix.WaitInfo
	t.Must("waitid", t.Core.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED|wAll))
	c.Reaped()
	return child, info
}

// wAll is __WALL. Source: waitid(2).
const wAll = 0x40000000

// refused makes a child that must not come into being.
func (t *T) refused(what string, args posix.CloneArgs, want posix.Errno) {
	t.Helper()
	if args.Program == nil {
		args.Program = &posix.Program{}
	}
	child, err := t.Core.Clone3(&args)
	t.Errno(what, err, want)
	if err == nil {
		_ = t.Core.Waitid(posix.PPidfd, int(child.Pidfd), &posix.WaitInfo{}, unix.WEXITED|wAll)
		_ = t.Core.Close(child.Pidfd)
	}
}

func cloneCases() []Case {
	return []Case{
		{Op: posix.OpClone3, Name: "flags that exclude each other", Run: func(t *T) {
			for _, flags := range []uint64{
				unix.CLONE_THREAD, unix.CLONE_SIGHAND, unix.CLONE_DETACHED, unix.CLONE_NEWNS | unix.CLONE_FS, unix.CLONE_NEWUSER | unix.CLONE_FS,
				1 << 40, 1, unix.CLONE_NEWUSER | unix.CLONE_PARENT,
			} {
				t.refused("clone3", posix.CloneArgs{Flags: flags, ExitSignal: unix.SIGCHLD}, unix.EINVAL)
			}
		}},
		{Op: posix.OpClone3, Name: "no such signal", Run: func(t *T) {
			for _, sig := range []posix.Signal{65, 256, -1} {
				t.refused("clone3", posix.CloneArgs{ExitSignal: sig}, unix.EINVAL)
			}
		}},
		{Op: posix.OpClone3, Name: "no control group", Run: func(t *T) {
			t.refused("no number", posix.CloneArgs{Flags: unix.CLONE_INTO_CGROUP, Cgroup: -1, ExitSignal: unix.SIGCHLD}, unix.EINVAL)
			t.refused("closed", posix.CloneArgs{Flags: unix.CLONE_INTO_CGROUP, Cgroup: 1 << 20, ExitSignal: unix.SIGCHLD}, unix.EBADF)
			t.refused("a directory", posix.CloneArgs{Flags: unix.CLONE_INTO_CGROUP, Cgroup: t.Dir, ExitSignal: unix.SIGCHLD}, unix.EBADF)
		}},
		{Op: posix.OpClone3, Name: "namespaces, as a user", Need: User, Run: func(t *T) {
			for _, flags := range []uint64{unix.CLONE_NEWNS, unix.CLONE_NEWPID, unix.CLONE_NEWNET, unix.CLONE_NEWUTS, unix.CLONE_NEWIPC, unix.CLONE_NEWCGROUP} {
				t.refused("clone3", posix.CloneArgs{Flags: flags, ExitSignal: unix.SIGCHLD}, unix.EPERM)
			}
		}},
		{Op: posix.OpClone3, Name: "nothing to do", Run: func(t *T) {
			child, info := t.clone(posix.CloneArgs{ExitSignal: unix.SIGCHLD}, &builder{})
			t.Equal("failed", child.Failed == nil, true)
			t.Equal("ended", info, posix.WaitInfo{PID: child.PID, UID: t.Core.Getuid(), Code: posix.CldExited})
		}},
		{Op: posix.OpClone3, Name: "a step that fails", Run: func(t *T) {
			var b builder
			b.call(unix.SYS_GETPID)
			b.call(unix.SYS_CLOSE, posix.Arg{Value: 1 << 20})
			b.call(unix.SYS_EXIT_GROUP, posix.Arg{Value: 3})
			child, info := t.clone(posix.CloneArgs{ExitSignal: unix.SIGCHLD}, &b)
			if child.Failed == nil {
				t.Fatalf("nothing failed")
			}
			t.Equal("failure", *child.Failed, posix.StepFailure{Step: 1, Errno: unix.EBADF})
			t.Equal("code", info.Code, posix.CldExited)
			t.Equal("status", info.Status, int(unix.EBADF))
		}},
		{Op: posix.OpClone3, Name: "beside the caller", Run: func(t *T) {
			ours, theirs, err := t.Core.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			t.Must("socketpair", err)
			t.FD(ours, nil)
			t.FD(theirs, nil)
			var b builder
			place := b.bytes(make([]byte, 8))
			b.call(unix.SYS_READ, posix.Arg{Value: uint64(theirs)}, place, posix.Arg{Value: 1})
			b.call(unix.SYS_WRITE, posix.Arg{Value: uint64(theirs)}, place, posix.Arg{Value: 1})
			b.call(unix.SYS_CLOSE, posix.Arg{Value: 1 << 20})
			program := &posix.Program{Steps: b.steps, Memory: b.memory}
			child, err := t.Core.Clone3(&posix.CloneArgs{Program: program, ExitSignal: unix.SIGCHLD, Beside: true})
			t.Must("clone3", err)
			t.FD(child.Pidfd, nil)
			var info posix.WaitInfo
			t.Errno("it runs", t.Core.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED|unix.WNOHANG), 0)
			t.Equal("ended", info.PID, posix.PID(0))
			_, err = t.Core.Write(ours, []byte("x"))
			t.Must("write", err)
			said := make([]byte, 1)
			_, err = t.Core.Read(ours, said)
			t.Must("read", err)
			t.Errno("waitid", t.Core.Waitid(posix.PPidfd, int(child.Pidfd), &info, unix.WEXITED), 0)
			t.Equal("said", string(said), "x")
			t.Equal("failed", child.Failed == nil, true)
			t.Equal("status", info.Status, int(unix.EBADF))
			t.Equal("memory", b.memory[0], byte(0))
		}},
		{Op: posix.OpClone3, Name: "beside the caller, to execute something", Run: func(t *T) {
			var b builder
			b.call(unix.SYS_EXECVEAT)
			_, err := t.Core.Clone3(&posix.CloneArgs{Program: &posix.Program{Steps: b.steps}, ExitSignal: unix.SIGCHLD, Beside: true})
			t.Errno("clone3", err, unix.EINVAL)
		}},
		{Op: posix.OpClone3, Name: "a step that may fail", Run: func(t *T) {
			var b builder
			b.call(unix.SYS_CLOSE, posix.Arg{Value: 1 << 20})
			b.steps[0].MayFail, b.steps[0].Result = true, 1
			b.call(unix.SYS_EXIT_GROUP, posix.Arg{Kind: posix.Slot, Value: 1})
			child, info := t.clone(posix.CloneArgs{ExitSignal: unix.SIGCHLD}, &b)
			t.Equal("failed", child.Failed == nil, true)
			t.Equal("status", info.Status, 256-int(unix.EBADF))
		}},
		{Op: posix.OpClone3, Name: "a value that differs", Run: func(t *T) {
			b := builder{steps: []posix.Step{{Op: posix.StepExpect, Args: [6]posix.Arg{{Value: 0xf5}, {Value: 0x0f}, {Value: 4}}}}}
			child, _ := t.clone(posix.CloneArgs{ExitSignal: unix.SIGCHLD}, &b)
			if child.Failed == nil {
				t.Fatalf("nothing failed")
			}
			t.Equal("failure", *child.Failed, posix.StepFailure{Got: 5})
		}},
		{Op: posix.OpClone3, Name: "what is stored comes back", Run: func(t *T) {
			var b builder
			b.call(unix.SYS_GETPPID)
			b.steps[0].Result = 1
			place := b.bytes(make([]byte, 24))
			b.steps = append(b.steps, posix.Step{Op: posix.StepDecimal, Args: [6]posix.Arg{{Value: 1234567}, place}})
			memory := b.memory
			t.clone(posix.CloneArgs{ExitSignal: unix.SIGCHLD}, &b)
			t.Equal("text", string(memory[:8]), "1234567\x00")
		}},
		{Op: posix.OpClone3, Name: "no program", Run: func(t *T) {
			_, err := t.Core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD})
			t.Errno("clone3", err, unix.EINVAL)
		}},
		{Op: posix.OpClone3, Name: "a child of a thread's kind", Run: func(t *T) {
			child, err := t.Core.Clone3(&posix.CloneArgs{Program: &posix.Program{}})
			t.Must("clone3", err)
			t.FD(child.Pidfd, nil)
			t.Errno("not among the usual ones", t.Core.Waitid(posix.PPid, int(child.PID), &posix.WaitInfo{}, unix.WEXITED|unix.WNOHANG), unix.ECHILD)
			t.Errno("waitid", t.Core.Waitid(posix.PPid, int(child.PID), &posix.WaitInfo{}, unix.WEXITED|wAll), 0)
		}},
	}
}
