package kernel

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Main is a program: what a file that was installed in the tree does when it is executed, as process p. What it returns is the exit
// status. It must not use p, or give it to other goroutines, when it has returned. A call that ends the process, or comes after its end, does not return: the
// goroutine ends, with its deferred functions.
type Main func(p *Process, argv, env []string) int

// Crash is what the test panics with when a program has panicked.
type Crash struct {
	PID   posix.PID
	Comm  string // the process's name
	Value any    // what the program panicked with
	Stack []byte // of the program
}

// Error says what happened, with the program's stack.
func (c *Crash) Error() string {
	return fmt.Sprintf("kernel: process %d (%s) panicked: %v\n\n%s", c.PID, c.Comm, c.Value, c.Stack)
}

// Ended is what a call panics with in a process that has ended and is not a program's: one that the test drives.
type Ended struct {
	PID    posix.PID
	Signal posix.Signal // what killed it; 0: it had ended by itself
	Closed bool         // the machine has been shut down
}

// Error says what was wrong with the call.
func (e *Ended) Error() string {
	switch {
	case e.Closed:
		return fmt.Sprintf("kernel: a call of process %d after Close of its kernel", e.PID)
	case e.Signal != 0:
		return fmt.Sprintf("kernel: a call of process %d, which signal %d (%v) has killed; what may be killed runs in Fork", e.PID, int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("kernel: a call of process %d, which has exited", e.PID)
}

// unwind ends the goroutine of a process that has ended. The kernel is locked before, and unlocked afterwards. A child that is still running its
// launch program has no goroutine of its own: it unwinds to [Process.Clone3] of its parent.
func (k *Kernel) unwind(p *Process) {
	p.unpinAll()
	ended := &Ended{PID: p.pid, Closed: k.closed}
	if p.ending.code != posix.CldExited {
		ended.Signal = posix.Signal(p.ending.status)
	}
	launching, programmed := p.box.launching, p.programmed
	if k.config.Concurrent {
		k.reschedule()
	}
	k.mu.Unlock()
	switch {
	case launching:
		panic(launchEnded{p})
	case programmed:
		runtime.Goexit()
	}
	panic(ended)
}

// start runs f in p on a goroutine of its own, as soon as its turn comes. The kernel is locked. The process ends with f, at the latest.
func (k *Kernel) start(p *Process, f func() int) {
	p.programmed = true
	w := &wait{process: p, what: "its first call", until: never, ready: func() bool { return true }}
	k.enqueue(w)
	k.sched.goroutines++
	go func() {
		<-w.resumed
		defer k.ended(p)
		p.runs(f)
	}()
	if k.config.Concurrent {
		k.reschedule()
	}
}

// runs lets f run unless the process has ended before, and ends the process. It notes a panic.
func (p *Process) runs(f func() int) {
	k := p.k
	k.mu.Lock()
	if p.dying() {
		p.perish()
		k.mu.Unlock()
		return
	}
	k.mu.Unlock()
	// Without an answer from f: it called runtime.Goexit, perhaps by way of testing's FailNow.
	how := ending{posix.CldKilled, int(unix.SIGABRT)}
	defer func() {
		v := recover()
		within := false // it panicked within a call, where the kernel is locked
		switch {
		case v == nil:
			k.mu.Lock()
		case !k.config.Concurrent && p.calls > 0:
			within = true
		default:
			within = !k.seize()
		}
		if v != nil && k.crash == nil {
			k.crash = &Crash{PID: p.pid, Comm: p.comm, Value: v, Stack: debug.Stack()}
		}
		if within {
			p.calls = max(p.calls-1, 0)
		}
		p.terminate(how)
		k.mu.Unlock()
	}()
	how = ending{posix.CldExited, f() & 0xff}
}

// patience is how long somebody else has the kernel locked at most: a call takes microseconds.
const patience = 2 * time.Second

// seize locks the kernel after a panic. When that is not possible, it was a call that panicked, with the kernel locked, and the lock is whoever's asks: false.
func (k *Kernel) seize() bool {
	for end := time.Now().Add(patience); !k.mu.TryLock(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// ended is the end of a program's goroutine.
func (k *Kernel) ended(*Process) {
	k.mu.Lock()
	k.sched.running--
	k.sched.goroutines--
	if k.crash != nil && !k.closed {
		w := k.tester()
		if w == nil && !k.config.Concurrent {
			crash := k.crash
			k.mu.Unlock()
			panic(crash) // nobody waits for the program: end the test run rather than hide it
		}
		if w != nil {
			w.why = crashed
			k.resume(w)
		}
	}
	k.reschedule()
	k.mu.Unlock()
}

// crashes panics, in a goroutine of the test, with what a program has panicked with. The kernel is locked before.
func (k *Kernel) crashes() {
	crash := k.crash
	k.told = true
	k.mu.Unlock()
	panic(crash)
}
