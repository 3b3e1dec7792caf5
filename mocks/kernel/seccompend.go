package kernel

import "github.com/bulkhead/bulkhead/posix"

// endBySignal ends a process from within, as a forced signal does: nothing can block it.
func (p *Process) endBySignal(sig posix.Signal, dumped bool) {
	p.state = killed
	p.ending = ending{posix.CldKilled, int(sig)}
}
