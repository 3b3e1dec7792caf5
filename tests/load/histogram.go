package load

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are 1/32 of a power of two wide, so that memory is bounded however long it runs.
type histogram struct {
	buckets [64 << subBits]int64
	count   int64
	most    time.Duration
}

const subBits = 5

func bucket(d time.Duration) int {
	n := uint64(max(d, 0))
	if n < 1<<subBits {
		return int(n)
	}
	shift := bits.Len64(n) - 1 - subBits
	return (shift+1)<<subBits + int(n>>shift) - 1<<subBits
}

// upper returns the longest duration of a bucket.
func upper(i int) time.Duration {
	if i < 1<<subBits {
		return time.Duration(i)
	}
	shift := i>>subBits - 1
	lower := uint64(i&(1<<subBits-1)+1<<subBits) << shift
	return time.Duration(lower + 1<<shift - 1)
}

func (h *histogram) add(d time.Duration) {
	h.buckets[bucket(d)]++
	h.count++
	h.most = max(h.most, d)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.count += o.count
	h.most = max(h.most, o.most)
}

// quantile returns a time within which a part q of all, from 0 to 1, was done; 0 when there is nothing.
func (h *histogram) quantile(q float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	rank := int64(q * float64(h.count))
	var seen int64
	for i, n := range h.buckets {
		if seen += n; seen > rank {
			return min(upper(i), h.most)
		}
	}
	return h.most
}
