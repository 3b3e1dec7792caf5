package launch

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// network is a process that makes a network namespace, which takes the kernel as long as all the rest of the init's work, while everything else is
// done. The init enters that namespace as its last, when a byte has come from the process.
//
// It goes on by itself, as nothing may depend on Go code for which a child waits that has the launcher's thread suspended.
type network struct {
	l     *Launcher
	what  string // begins its errors
	place string
	pidfd posix.FD
	made  posix.FD // says when; closing it, and the init's copy, ends the process
}

// beginNetwork begins to make the network namespace of a request, when its init wants one.
func (l *Launcher) beginNetwork(r *Request) error {
	if r.Init == nil {
		return nil
	}
	at := slices.IndexFunc(r.Init.Prepare, func(want program.Prepare) bool { return want.Kind == program.Network })
	if at < 0 {
		return nil
	}
	want := r.Init.Prepare[at]
	n := &network{l: l, what: r.Program.Module + ": " + r.Init.Describe(at), place: r.Init.Place(want.Origin)}
	ours, theirs, err := l.kernel.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return n.failed(err)
	}
	child, err := l.kernel.Clone3(&posix.CloneArgs{Program: networkProgram(ours, theirs, want.Path == program.WithLoopback), ExitSignal: unix.SIGCHLD,
		Beside: true})
	_ = l.kernel.Close(theirs) // nothing has been written
	if err != nil {
		_ = l.kernel.Close(ours)
		return n.failed(fmt.Errorf("%w%s", err, cloneHint(err)))
	}
	n.pidfd, n.made = child.Pidfd, ours
	r.network = n
	return nil
}

// networkProgram is what the process does. It stays until the init is in its namespace, and is then ended; or by itself, when the others are gone.
func networkProgram(ours, theirs posix.FD, loopback bool) *posix.Program {
	b := program.NewBuilder("", "")
	var every program.Origin
	fd, at := program.Int(int(theirs)), program.At(b.Bytes([]byte{'0'}), "byte")
	b.Call(every, "prctl", unix.SYS_PRCTL, program.Int(unix.PR_SET_PDEATHSIG), program.Int(int(unix.SIGKILL)))
	b.Call(every, "close", unix.SYS_CLOSE, program.Int(int(ours)))
	b.Call(every, "unshare", unix.SYS_UNSHARE, program.Int(unix.CLONE_NEWNET))
	if loopback {
		b.LoopbackUp(every)
	}
	b.Call(every, "write", unix.SYS_WRITE, fd, at, program.Int(1))
	b.Call(every, "read", unix.SYS_READ, fd, at, program.Int(1))
	p := &posix.Program{Memory: b.Memory, Relocations: b.Relocations}
	for _, s := range b.Steps {
		p.Steps = append(p.Steps, s.Step)
	}
	return p
}

func (n *network) failed(err error) error {
	return fmt.Errorf("%s: %w (policy %s)", n.what, err, n.place)
}

// stop tells the process to end. It does not wait for that, as end does.
func (n *network) stop() {
	if n != nil && n.pidfd >= 0 {
		_ = n.l.kernel.PidfdSendSignal(n.pidfd, unix.SIGKILL) // it may have ended already
	}
}

// end ends and reaps the process. The error says why it has not made the namespace, if that is so. It does nothing the second time.
func (n *network) end() error {
	if n == nil || n.pidfd < 0 {
		return nil
	}
	n.stop()
	var info posix.WaitInfo
	err := n.l.kernel.Waitid(posix.PPidfd, int(n.pidfd), &info, unix.WEXITED|unix.WALL)
	for _, fd := range []posix.FD{n.pidfd, n.made} {
		_ = n.l.kernel.Close(fd) // nothing has been written
	}
	n.pidfd = -1
	if err == nil && info.Code == posix.CldExited && info.Status != 0 {
		err = posix.Errno(info.Status)
	}
	if err != nil {
		return n.failed(err)
	}
	return nil
}
