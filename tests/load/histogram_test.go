package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Every duration lies in a bucket that is at most 1/32 wider than itself, and buckets are in order.
func TestBuckets(t *testing.T) {
	last := -1
	for _, d := range []time.Duration{0, 1, 31, 32, 33, 63, 64, 65, 1000, time.Microsecond, time.Millisecond, time.Second, time.Hour, math.MaxInt64} {
		i := bucket(d)
		if i < last || i >= len(histogram{}.buckets) {
			t.Fatalf("%d is in bucket %d, after %d", d, i, last)
		}
		last = i
		if u := upper(i); u < d || u-d > d/32 {
			t.Errorf("the bucket of %d goes up to %d", d, u)
		}
	}
	for i := range bucket(math.MaxInt64) {
		if bucket(upper(i)) != i || bucket(upper(i)+1) != i+1 {
			t.Fatalf("bucket %d ends at %d, which is in %d; the next is in %d", i, upper(i), bucket(upper(i)), bucket(upper(i)+1))
		}
	}
	if bucket(-1) != 0 {
		t.Error("a negative time is not counted as none")
	}
}

// Quantiles are those of the sorted durations, but for the width of a bucket.
func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var a, b histogram
	var all []time.Duration
	for i := range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		if i%3 == 0 {
			a.add(d)
		} else {
			b.add(d)
		}
	}
	a.merge(&b)
	slices.Sort(all)
	for _, q := range []float64{0, .01, .5, .9, .99, .999} {
		want := all[int(q*float64(len(all)))]
		if got := a.quantile(q); got < want || got-want > want/32+1 {
			t.Errorf("quantile %v is %v; want %v", q, got, want)
		}
	}
	if got := a.quantile(1); got != all[len(all)-1] {
		t.Errorf("the longest is %v; want %v", got, all[len(all)-1])
	}
	if got := new(histogram).quantile(.5); got != 0 {
		t.Errorf("of nothing it is %v", got)
	}
}
