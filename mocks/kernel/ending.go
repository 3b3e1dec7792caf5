package kernel

import (
	"runtime"

	"github.com/bulkhead/bulkhead/posix"
)

// ending is how a process ended. Source: waitid(2).
type ending struct {
	code   int // posix.CldExited, posix.CldKilled, posix.CldDumped
	status int // exit status, or signal
}

// signals is what a process has to do with signals.
type signals struct {
	blocked posix.Sigset
	pending posix.Sigset
}

// dying tells whether the process is to end instead of going on.
func (p *Process) dying() bool { return p.state != alive }

// interrupted tells whether a signal arrived that ends a wait.
func (p *Process) interrupted() bool { return p.sig.pending&^p.sig.blocked != 0 }

// unwind ends the goroutine of a process that has been killed. The kernel is locked before, and unlocked afterwards. A child that is still running its
// launch program has no goroutine of its own: it unwinds to [Process.Clone3] of its parent.
func (k *Kernel) unwind(p *Process) {
	p.unpinAll()
	k.mu.Unlock()
	if p.box.launching {
		panic(launchEnded{p})
	}
	runtime.Goexit()
}
