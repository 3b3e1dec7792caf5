package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Clone3 implements [posix.Processes]. What the child does until it executes another program, it does while the caller waits, or else on a
// goroutine of its own.
func (p *Process) Clone3(args *posix.CloneArgs) (posix.Child, error) {
	if args.Program == nil || args.Beside && executes(args.Program) || checkProgram(args.Program) != 0 {
		return posix.Child{}, einval
	}
	c, errno := p.enter(posix.OpClone3, 1, 88)
	child := posix.Child{Pidfd: -1}
	if errno == 0 {
		child, errno = p.clone3(args)
	}
	if errno != 0 {
		child = posix.Child{}
	}
	return child, c.leave(errno)
}

func (p *Process) clone3(args *posix.CloneArgs) (posix.Child, posix.Errno) {
	k := p.k
	// The implementation of posix.Core adds these.
	flags := args.Flags | unix.CLONE_VM | unix.CLONE_PIDFD | unix.CLONE_CLEAR_SIGHAND
	if !args.Beside {
		flags |= unix.CLONE_VFORK
	}
	if errno := cloneFlags(flags, args.ExitSignal); errno != 0 {
		return posix.Child{}, errno
	}
	var into *group
	if flags&unix.CLONE_INTO_CGROUP != 0 {
		var errno posix.Errno
		if into, errno = p.cloneGroup(args.Cgroup); errno != 0 {
			return posix.Child{}, errno
		}
	}
	child, errno := k.newChild(p, birth{flags: flags, exitSignal: args.ExitSignal, group: into})
	if errno != 0 {
		return posix.Child{}, errno
	}
	pidfd, errno := p.installPidfd(child, 0)
	if errno != 0 {
		child.exitSignal = 0
		child.terminate(ending{posix.CldExited, 0})
		if child.state == ended {
			child.reap()
		}
		return posix.Child{}, errno
	}
	child.sig.clearHandlers()
	child.sig.blocked = ^posix.Sigset(0) &^ neverBlocked
	pid := p.number(child)
	if args.Beside {
		own := posix.Program{Steps: slices.Clone(args.Program.Steps), Memory: slices.Clone(args.Program.Memory), Relocations: args.Program.Relocations}
		l := newLaunch(child, &own)
		k.start(child, func() int { l.run(); return 0 })
		return posix.Child{PID: pid, Pidfd: pidfd}, 0
	}
	failed := k.launch(child, args.Program)
	return posix.Child{PID: pid, Pidfd: pidfd, Failed: failed}, 0
}

// executes tells whether a program executes another one.
func executes(p *posix.Program) bool {
	return slices.ContainsFunc(p.Steps, func(s posix.Step) bool {
		return s.Op == posix.StepCall && (s.Number == unix.SYS_EXECVE || s.Number == unix.SYS_EXECVEAT)
	})
}

// cloneFlags refuses flags that are unknown or exclude each other. Source: kernel/fork.c, clone3_args_valid and copy_process.
func cloneFlags(flags uint64, exitSignal posix.Signal) posix.Errno {
	const (
		legacy   = 0xffffffff
		csignal  = 0xff
		detached = 0x00400000
	)
	switch {
	case uint64(exitSignal)&^csignal != 0 || exitSignal > 64:
		return einval
	case flags&^(legacy|unix.CLONE_CLEAR_SIGHAND|unix.CLONE_INTO_CGROUP) != 0,
		flags&(detached|csignal&^unix.CLONE_NEWTIME) != 0,
		flags&unix.CLONE_SIGHAND != 0, // CLONE_CLEAR_SIGHAND is always there
		flags&(unix.CLONE_THREAD|unix.CLONE_PARENT) != 0 && exitSignal != 0,
		flags&unix.CLONE_THREAD != 0:
		return einval
	}
	return 0
}
