package metrics

import (
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the histogram's buckets, which contain them.
var bounds = [...]time.Duration{
	250 * time.Nanosecond, 500 * time.Nanosecond,
	time.Microsecond, 2500 * time.Nanosecond, 5 * time.Microsecond,
	10 * time.Microsecond, 25 * time.Microsecond, 100 * time.Microsecond,
	time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second,
}

// histogram counts durations. It is not sharded: only one call in 64 comes here.
type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64 // not cumulative; the last is for all above the last bound
	sum     atomic.Int64                   // nanoseconds
}

func (h *histogram) observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

// snapshot returns what was observed, without the operation.
func (h *histogram) snapshot() Duration {
	d := Duration{Sum: time.Duration(h.sum.Load()), Buckets: make([]Bucket, 0, len(bounds))}
	for i, b := range bounds {
		d.Count += h.buckets[i].Load()
		d.Buckets = append(d.Buckets, Bucket{b, d.Count})
	}
	d.Count += h.buckets[len(bounds)].Load()
	return d
}
