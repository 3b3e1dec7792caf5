package kernel

import (
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

// Process is one process, and what it may call. It has one thread: what Linux keeps for a thread (signal mask, capabilities, filters) it keeps for the
// process. Its methods may be called from any goroutine, one at a time unless Config.Concurrent is set.
//
// A process is either driven by whoever holds it (a test), or programmed: then a function runs in it, that of [Process.Fork] or what [Kernel.Install] put into
// the file tree.
type Process struct {
	posix.Unimplemented

	k   *Kernel
	pid posix.PID // in the first pid namespace; never changes

	// Everything below is guarded by k.mu.

	parent     *Process   // nil: process 1
	children   []*Process // running and ended, not reaped, by age
	programmed bool       // a goroutine of the kernel runs a program in it
	state      state
	ending     ending // when it is to end or has ended
	calls      int    // calls that are being made
	stopped    bool   // by a signal, until SIGCONT
	jobs       jobNews
	exitSignal posix.Signal // sent to the parent at the end; 0 for none
	executed   bool         // it has executed a program since it was made
	born       time.Duration

	fds     *fdTable
	cwd     *place
	root    *place
	umask   uint32
	persona uint32 // personality(2)
	cred    credentials
	sig     signals
	group   posix.PID // in the first pid namespace
	session posix.PID // in the first pid namespace
	hungUp  posix.PID // the group in the foreground of the terminal that it led and that has been closed; 0: none
	pinned  []*file   // what its calls wait on
	limits  [rlimits]posix.Rlimit

	exe  *file // nil: that of process 1, or of a kernel without files
	argv []string
	env  []string
	comm string // at most 15 bytes

	attrs attributes

	box confinement // copied to a child
	ns  namespaces  // copied to a child
	in  *group      // control group, nil without a hierarchy: see admit

	maps []*mapping // what Mmap made
}

// state says whether a process runs.
type state int

const (
	alive  state = iota
	killed       // it ends as soon as the call that it makes is over
	ended        // a zombie: it waits to be reaped
	reaped
)

// Name returns "kernel": see [posix.Describe].
func (p *Process) Name() string { return "kernel" }

// Kernel returns the machine that the process is on.
func (p *Process) Kernel() *Kernel { return p.k }

// dying tells whether the process is to end instead of going on.
func (p *Process) dying() bool { return p.state != alive }

// call is what enter returns: leave it when the call is over, whatever happened.
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
	k := p.k
	k.mu.Lock()
	if k.goTime.on() {
		k.catchUp()
	}
	if p.state != alive || p.stopped || p.sig.pending&^p.sig.blocked != 0 || k.crash != nil {
		p.mayEnter()
	}
	p.calls++
	return call{p, op}, p.filter(op, args)
}

// mayEnter does what is to be done before a call is made: it takes signals, and does not return in a process that has ended.
func (p *Process) mayEnter() {
	p.attend()
	if p.state != alive {
		p.perish()
		p.k.unwind(p)
	}
	if p.k.crash != nil && !p.programmed {
		p.k.crashes()
	}
}

// leave ends a call: it takes signals, lets those go on that waited for what the call has done, and unlocks the kernel. It returns a nil error for errno 0.
// In a process that has been killed it does not return.
func (c call) leave(errno posix.Errno) error {
	p, k := c.p, c.p.k
	if errno == answered {
		errno = 0
	}
	if k.config.Trace != nil && !p.box.asked {
		k.config.Trace(Call{Time: k.now, PID: p.pid, Op: c.op, Errno: errno})
	}
	p.calls--
	if p.state != alive || p.stopped || p.sig.pending&^p.sig.blocked != 0 {
		p.attend()
		if p.state != alive {
			p.perish()
			k.unwind(p)
		}
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
