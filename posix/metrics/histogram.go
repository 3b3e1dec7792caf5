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

// snapshot returns the number of observations, their sum in seconds and the cumulative buckets by upper bound in seconds.
func (h *histogram) snapshot() (count uint64, sum float64, buckets map[float64]uint64) {
	sum = time.Duration(h.sum.Load()).Seconds()
	buckets = make(map[float64]uint64, len(bounds))
	for i, b := range bounds {
		count += h.buckets[i].Load()
		buckets[b.Seconds()] = count
	}
	count += h.buckets[len(bounds)].Load()
	return count, sum, buckets
}
