package metrics

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

// sampling is how many calls there are for each one whose duration is taken.
const sampling = 64

// Core counts the calls to the layer below. Its methods are generated.
type Core struct {
	next      posix.Core
	base      time.Time                  // durations are differences of times since base, which are never 0
	due       [posix.OpCount]atomic.Bool // the duration of the next call is wanted
	shards    []shard                    // one for each processor that there was when the Core was made
	rest      shard                      // for the processors that came later
	durations [posix.OpCount]histogram
}

// New returns a layer on top of next.
func New(next posix.Core) *Core {
	d := &Core{next: next, base: time.Now().Add(-1), shards: make([]shard, runtime.GOMAXPROCS(0))}
	for op := range d.due {
		d.due[op].Store(true)
	}
	return d
}

// Name returns "metrics".
func (d *Core) Name() string { return "metrics" }

// Unwrap returns the layer below.
func (d *Core) Unwrap() posix.Core { return d.next }

// Due tells whether the duration of the next call of an operation is wanted. With [Core.Succeed] and [Core.Fail] a caller that goes past this
// layer, as package stack does, counts a call when it has ended; one that is due it makes through the layer.
func (d *Core) Due(op posix.Op) bool { return d.due[op].Load() }

// begin returns when a call started if its duration is wanted, else 0. What is known of a call is passed in registers: a struct that was copied made a
// call twice as slow.
func (d *Core) begin(op posix.Op) time.Duration {
	if !d.due[op].Load() {
		return 0
	}
	return d.claim(op)
}

// claim lets one of the calls that come at once have its duration taken.
//
//go:noinline
func (d *Core) claim(op posix.Op) time.Duration {
	if !d.due[op].CompareAndSwap(true, false) {
		return 0
	}
	return time.Since(d.base)
}

// end counts a call whose duration is taken.
//
//go:noinline
func (d *Core) end(op posix.Op, start time.Duration, err error) {
	d.durations[op].observe(time.Since(d.base) - start)
	if err != nil {
		d.Fail(op, err)
		return
	}
	d.Succeed(op)
}

// Fail counts a call that failed with err.
//
//go:noinline
func (d *Core) Fail(op posix.Op, err error) {
	if d.shard().cells[op].fail(err)%sampling == 0 {
		d.due[op].Store(true)
	}
}

// shard returns the counters of the processor that the caller ran on an instant ago.
func (d *Core) shard() *shard {
	if p := processor(); p < len(d.shards) {
		return &d.shards[p]
	}
	return &d.rest
}
