package metrics

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkFigures compares ways to count from as many busy goroutines as there are processors, alternating between them:
// one counter for all, a shard chosen at random, one taken from a sync.Pool and that of the processor, as this package
// does. The medians count: the least times are those in which the goroutines happened to run one after the other.
//
//	go test ./posix/metrics -run '^$' -bench Figures
func BenchmarkFigures(b *testing.B) {
	var single atomic.Uint64
	core := New(&answering{})
	cells := make([]shard, len(core.shards))
	var handed atomic.Uint32
	pool := sync.Pool{New: func() any { return &cells[int(handed.Add(1))%len(cells)] }}
	ways := []struct {
		name  string
		add   func()
		times []float64
	}{
		{name: "single", add: func() { single.Add(1) }},
		{name: "random", add: func() { cells[rand.Uint32N(uint32(len(cells)))].cells[1].ok.Add(1) }},
		{name: "pool", add: func() { s := pool.Get().(*shard); pool.Put(s); s.cells[1].ok.Add(1) }},
		{name: "processor", add: func() { core.shard().cells[1].ok.Add(1) }},
		{name: "decorator", add: func() { _ = core.Close(3) }},
	}
	for b.Loop() {
		for i := range ways {
			ways[i].times = append(ways[i].times, parallel(500_000, ways[i].add))
		}
	}
	for _, w := range ways {
		slices.Sort(w.times)
		fmt.Printf("figure: posix_metrics_parallel_%s_ns %.1f\n", w.name, w.times[len(w.times)/2])
	}
}

// parallel returns the nanoseconds that one of n calls takes in each of as many goroutines as there are processors, which
// start when all are there.
func parallel(n int, call func()) float64 {
	var wg sync.WaitGroup
	var missing atomic.Int32
	missing.Store(int32(runtime.GOMAXPROCS(0)))
	start := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for missing.Add(-1); missing.Load() > 0; {
				runtime.Gosched()
			}
			for range n {
				call()
			}
		})
	}
	wg.Wait()
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}
