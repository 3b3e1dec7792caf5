package metrics

import (
	"math/bits"
	"runtime"
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

// sampling is how many calls there are for each one whose duration is taken.
const sampling = 64

// Core counts the calls to the layer below. Its methods are generated.
type Core struct {
	next      posix.Core
	base      time.Time // durations are differences of times since base, which are never 0
	shards    []shard   // a power of two, at least one for each processor that there was when the Core was made
	durations [posix.OpCount]histogram
}

// New returns a layer on top of next.
func New(next posix.Core) *Core {
	n := 1 << bits.Len(uint(runtime.GOMAXPROCS(0)-1))
	return &Core{next: next, base: time.Now().Add(-1), shards: make([]shard, n)}
}

// Name returns "metrics".
func (d *Core) Name() string { return "metrics" }

// Unwrap returns the layer below.
func (d *Core) Unwrap() posix.Core { return d.next }

// shard returns the counters of the processor that the caller runs on.
func (d *Core) shard() *shard { return &d.shards[processor()&(len(d.shards)-1)] }

// begin returns where a call is to be counted, and when it started if its duration is wanted, else 0. What is known of a call
// is passed in registers: a struct that was copied made a call twice as slow.
func (d *Core) begin(op posix.Op) (*cell, time.Duration) {
	c := &d.shard().cells[op]
	if c.seen()%sampling != 0 {
		return c, 0
	}
	return c, time.Since(d.base)
}

// end counts a call that begin began.
func (d *Core) end(op posix.Op, c *cell, start time.Duration, err error) {
	if start != 0 {
		d.durations[op].observe(time.Since(d.base) - start)
	}
	if err == nil {
		c.ok.Add(1)
		return
	}
	c.fail(err)
}
