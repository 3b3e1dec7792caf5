package metrics

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

// sampling is how many calls there are for each one whose duration is taken.
const sampling = 64

// Core counts the calls to the layer below. Its methods are generated.
type Core struct {
	next      posix.Core
	base      time.Time // durations are differences of times since base
	shards    []shard
	handed    atomic.Uint32
	pool      sync.Pool // of *shard
	durations [posix.OpCount]histogram
}

// New returns a layer on top of next.
func New(next posix.Core) *Core {
	d := &Core{next: next, base: time.Now(), shards: make([]shard, runtime.GOMAXPROCS(0))}
	d.pool.New = func() any { return &d.shards[int(d.handed.Add(1)-1)%len(d.shards)] }
	return d
}

// Name returns "metrics".
func (d *Core) Name() string { return "metrics" }

// Unwrap returns the layer below.
func (d *Core) Unwrap() posix.Core { return d.next }

// call is one call under way.
type call struct {
	core    *Core
	cell    *cell
	op      posix.Op
	sampled bool
	start   time.Duration // since core.base, when sampled
}

func (d *Core) begin(op posix.Op) call {
	s := d.pool.Get().(*shard)
	d.pool.Put(s) // at once, not after the call: a call that blocks would keep it from others on this processor
	c := call{core: d, cell: &s.cells[op], op: op}
	if c.cell.seen()%sampling == 0 {
		c.sampled = true
		c.start = time.Since(d.base)
	}
	return c
}

func (c *call) end(err error) {
	if c.sampled {
		c.core.durations[c.op].observe(time.Since(c.core.base) - c.start)
	}
	if err == nil {
		c.cell.ok.Add(1)
		return
	}
	c.cell.fail(err)
}
