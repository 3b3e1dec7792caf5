package kernel

import "github.com/bulkhead/bulkhead/posix"

// confinement is what a process has done to itself and cannot take back. A child gets a copy.
type confinement struct {
	noNewPrivs bool
	filters    *filterLink     // seccomp, the newest first
	domain     *landlockDomain // nil: not restricted
	// launching: the process runs a launch program on its parent's goroutine; asked: the filters have been asked about the call that is being made.
	launching, asked bool
	// ownFS: root and working directory have been unshared from the other threads that the caller of this kernel has.
	ownFS bool
}

// launchEnded is what a child that ends in its launch program panics with.
type launchEnded struct{ p *Process }

// filter asks the seccomp filters of the process about a call.
func (p *Process) filter(op posix.Op, args []uint64) posix.Errno {
	if p.box.filters == nil || p.box.asked {
		return 0
	}
	return p.askFilters(callNumbers[op], args)
}

// somewhere stands for a pointer in what filters are asked.
const somewhere = 0x7f00_0000_0000
