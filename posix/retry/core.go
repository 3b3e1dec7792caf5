package retry

import (
	"sync/atomic"
	"syscall"

	"github.com/bulkhead/bulkhead/posix"
)

// Limit is how often a call that is interrupted again and again is repeated. Then EINTR is returned.
const Limit = 10_000

// Core repeats calls to the layer below. Its methods are generated, but for Openat2.
type Core struct {
	next     posix.Core
	repeated *[posix.OpCount]atomic.Uint64
}

// New returns a layer on top of next.
func New(next posix.Core) *Core {
	return &Core{next: next, repeated: new([posix.OpCount]atomic.Uint64)}
}

// Onto returns a layer on top of another Core that counts its repetitions together with d.
func (d *Core) Onto(next posix.Core) *Core { return &Core{next: next, repeated: d.repeated} }

// Name returns "retry".
func (d *Core) Name() string { return "retry" }

// Unwrap returns the layer below.
func (d *Core) Unwrap() posix.Core { return d.next }

// Repeated returns how many calls of an operation were made again, 0 for an invalid Op. The layers above see one call, however often it was
// made; so this is the place where a storm of signals shows.
func (d *Core) Repeated(op posix.Op) uint64 {
	if op >= posix.OpCount {
		return 0
	}
	return d.repeated[op].Load()
}

// Repeat tells whether a call of an operation whose directive is `retry` is to be made again, because err is EINTR, and counts it then. It is for a
// caller that goes past this layer as long as nothing is to be repeated, as package stack does.
//
//go:noinline
func (d *Core) Repeat(op posix.Op, err error) bool {
	if err != error(syscall.EINTR) {
		return false
	}
	d.repeated[op].Add(1)
	return true
}
