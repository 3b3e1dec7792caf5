package kernel

import (
	"github.com/bulkhead/bulkhead/posix"
)

// Process is one process, and what it may call. It has one thread: what Linux keeps for a thread (signal mask, capabilities, filters) it keeps for the
// process. Its methods may be called from any goroutine, one at a time unless Config.Concurrent is set.
//
// A process is either driven by whoever holds it (a test), or programmed: then a function that [Kernel.Install] put into the file tree runs in it.
type Process struct {
	posix.Unimplemented

	k   *Kernel
	pid posix.PID // never changes

	// Everything below is guarded by k.mu.

	parent     *Process
	children   []*Process // running and ended, not reaped, by age
	programmed bool       // a goroutine of the kernel runs a program in it
	state      state
	ending     ending // with ended

	fds     *fdTable
	cwd     *place
	root    *place
	umask   uint32
	cred    credentials
	sig     signals
	group   posix.PID
	session posix.PID
	pinned  []*file // what its calls wait on
	limits  [rlimits]posix.Rlimit

	box confinement // copied to a child
	ns  namespaces  // copied to a child
	in  *group      // control group, nil without a hierarchy: see admit
}

// state says whether a process runs.
type state int

const (
	alive  state = iota
	killed       // it is to end as soon as it makes a call or stops waiting
	ended        // a zombie: it waits to be reaped
	reaped
)

// Name returns "kernel": see [posix.Describe].
func (p *Process) Name() string { return "kernel" }

// call is what enter returns: leave it with defer.
type call struct {
	p  *Process
	op posix.Op
}

// enter begins a call: it locks the kernel and lets the filters decide. args are the arguments as seccomp sees them, as many as there are; a pointer
// is any number but 0. When errno is not 0, the call has been answered. The pattern of every method is
//
//	c, errno := p.enter(posix.OpClose, uint64(fd))
//	if errno == 0 {
//		errno = …
//	}
//	return c.leave(errno)
func (p *Process) enter(op posix.Op, args ...uint64) (call, posix.Errno) {
	p.k.mu.Lock()
	if p.dying() {
		p.k.unwind(p)
	}
	return call{p, op}, p.filter(op, args)
}

// leave ends a call: it lets those go on that waited for what the call has done, and unlocks the kernel. It returns a nil error for errno 0.
func (c call) leave(errno posix.Errno) error {
	k := c.p.k
	if errno == answered {
		errno = 0
	}
	if k.config.Trace != nil && !c.p.box.asked {
		k.config.Trace(Call{Time: k.now, PID: c.p.pid, Op: c.op, Errno: errno})
	}
	if k.config.Concurrent && len(k.sched.waits) > 0 {
		k.reschedule()
	}
	k.mu.Unlock()
	if errno == 0 {
		return nil
	}
	return errno
}
