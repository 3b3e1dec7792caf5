package kernel

import "github.com/bulkhead/bulkhead/posix"

// filterLink is a filter and those that were there before it.
type filterLink struct{ older *filterLink }

// askFilters asks all filters about a call of this number.
func (p *Process) askFilters(number uint32, args []uint64) posix.Errno { return 0 }

// callNumbers are the system calls of the operations.
var callNumbers [posix.OpCount]uint32
