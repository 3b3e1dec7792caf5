package kernel

import "github.com/bulkhead/bulkhead/posix"

// endBySignal ends a process from within, as a forced signal does: nothing can block it. It does not return.
func (p *Process) endBySignal(sig posix.Signal) {
	p.die(sig)
	p.calls = max(p.calls-1, 0) // the call is not going to be over
	p.perish()
	p.k.unwind(p)
}
