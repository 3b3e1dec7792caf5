package posix_test

import (
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/internal/trial"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/log"
	"github.com/bulkhead/bulkhead/posix/metrics"
	"github.com/bulkhead/bulkhead/posix/restrict"
	"github.com/bulkhead/bulkhead/posix/retry"
	"github.com/bulkhead/bulkhead/posix/stack"
)

var (
	quiet = slog.New(slog.DiscardHandler)
	level slog.LevelVar // info
	// leveled is a logger as a program has one, whose level is above that of calls.
	leveled = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: &level}))
	loud    = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: log.Level}))
	// asking is rules with a predicate.
	asking = restrict.Rules{Read: restrict.Read(func(fd posix.FD, _ []byte) bool { return fd >= 0 })}
)

// opening is rules with a predicate about what is opened.
var opening = restrict.Rules{
	Openat2: restrict.Openat2(func(_ posix.FD, _ string, how posix.OpenHow) bool { return how.Flags&unix.O_CLOEXEC != 0 }),
	Close:   restrict.Allow,
}

// standard is the stack of a program, with a log that is not listened to and nothing that fails.
func standard(core posix.Core) posix.Core {
	rules := everything()
	return stack.New(core, stack.Options{Logger: leveled, Level: &level, Rules: &rules})
}

// apart is the same layers put together by hand.
func apart(core posix.Core) posix.Core {
	return errs.New(log.New(metrics.New(restrict.New(retry.New(fault.New(core)), everything())), leveled))
}

// The standard stack allocates nothing in any call that succeeds. The calls are made by reflection, which allocates by itself: as much on
// top of the stack as without it.
func TestStackAllocatesNothing(t *testing.T) {
	for op, n := range stackAllocs() {
		if n != 0 {
			t.Errorf("%s: %v allocations, want 0", op, n)
		}
	}
}

// stackAllocs returns how many allocations the stack adds to one call of each operation.
func stackAllocs() map[posix.Op]float64 {
	bare, stack := reflect.ValueOf(trial.Succeeding{}), reflect.ValueOf(standard(trial.Succeeding{}))
	added := map[posix.Op]float64{}
	for _, op := range posix.Ops() {
		var fill filler
		var args []reflect.Value
		for i := range bare.MethodByName(op.Method()).Type().NumIn() {
			args = append(args, fill.value(bare.MethodByName(op.Method()).Type().In(i)))
		}
		count := func(core reflect.Value) float64 {
			m := core.MethodByName(op.Method())
			return testing.AllocsPerRun(200, func() { m.Call(args) })
		}
		added[op] = count(stack) - count(bare)
	}
	return added
}

// BenchmarkFigures measures each decorator, and the standard stack of them, against what it decorates, alternating between them so that
// whatever else the machine does hits both. It prints the medians, and a line `missed:` for what is above its limit:
//
//	make bench-posix
func BenchmarkFigures(b *testing.B) {
	base := posix.Core(trial.Succeeding{})
	fused := standard(base)
	buf := make([]byte, 1)
	read := func(core posix.Core) func() { return func() { _, _ = core.Read(0, buf) } }
	open := func(core posix.Core) func() {
		return func() { _, _ = core.Openat2(posix.AtFDCWD, "/dev/null", posix.OpenHow{Flags: unix.O_CLOEXEC}) }
	}
	kernel := posix.Core(linux.New())
	stacked := standard(kernel)
	openClose := func(core posix.Core) func() {
		return func() {
			fd, err := core.Openat2(posix.AtFDCWD, "/dev/null", posix.OpenHow{Flags: unix.O_CLOEXEC})
			if err == nil {
				err = core.Close(fd)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	const calls, opens = 20_000, 1_000
	layers := []*comparison{
		{name: "posix_errs_ns", with: read(errs.New(base))},
		{name: "posix_log_disabled_ns", with: read(log.New(base, leveled))},
		{name: "posix_log_enabled_ns", with: read(log.New(base, loud))},
		{name: "posix_metrics_ns", with: read(metrics.New(base))},
		{name: "posix_restrict_ns", with: read(restrict.New(base, everything()))},
		{name: "posix_restrict_predicate_ns", with: read(restrict.New(base, asking))},
		{name: "posix_retry_ns", with: read(retry.New(base))},
		{name: "posix_fault_off_ns", with: read(fault.New(base))},
		{name: "stack_apart_ns", with: read(apart(base))},
		{name: "stack_ns", limit: 25, with: read(fused)},
		{name: "stack_openat2_ns", with: open(fused), without: open(base)},
	}
	parallel := comparison{name: "stack_parallel_ns", limit: 40, with: read(fused), without: read(base)}
	asked := stack.New(kernel, stack.Options{Logger: leveled, Level: &level, Rules: &opening})
	supervised := comparison{name: "stack_predicate_vs_openat", with: openClose(asked), without: openClose(kernel)}
	byHand := comparison{name: "stack_apart_vs_openat", with: openClose(apart(kernel)), without: openClose(kernel)}
	kernelCalls := comparison{name: "stack_vs_openat", limit: 1.03, with: openClose(stacked), without: openClose(kernel)}
	for b.Loop() {
		for _, l := range layers {
			if l.without == nil {
				l.without = read(base)
			}
			l.measure(func(call func()) float64 { return timed(calls, call) })
		}
		parallel.measure(func(call func()) float64 { return inParallel(calls, 2, call) })
		for range 4 { // what a call of the kernel takes differs more than what the stack adds
			kernelCalls.measure(func(call func()) float64 { return timed(opens, call) })
			supervised.measure(func(call func()) float64 { return timed(opens, call) })
			byHand.measure(func(call func()) float64 { return timed(opens, call) })
		}
	}
	for _, c := range append(layers, &parallel) {
		figure(c.name, c.added(), c.limit)
	}
	figure(kernelCalls.name, kernelCalls.ratio(), kernelCalls.limit)
	figure(supervised.name, supervised.ratio(), supervised.limit)
	figure(byHand.name, byHand.ratio(), byHand.limit)
	most := 0.0
	for _, n := range stackAllocs() {
		most = max(most, n)
	}
	figure("stack_allocs", most, 0)
}

// figure prints a number and whether it is above its limit; without a limit, 0, only stack_allocs has one.
func figure(name string, value, limit float64) {
	fmt.Printf("figure: %s %.4g\n", name, value)
	if value > limit && (limit > 0 || name == "stack_allocs") {
		fmt.Printf("missed: %s want ≤ %g\n", name, limit)
	}
}

// comparison is two series of measurements that take turns.
type comparison struct {
	name            string
	limit           float64 // 0 is none
	with, without   func()
	longer, shorter []float64
}

func (c *comparison) measure(one func(call func()) float64) {
	c.shorter = append(c.shorter, one(c.without))
	c.longer = append(c.longer, one(c.with))
}

func (c *comparison) added() float64 { return median(c.longer) - median(c.shorter) }
func (c *comparison) ratio() float64 { return median(c.longer) / median(c.shorter) }

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// timed returns the nanoseconds that one of n calls takes.
func timed(n int, call func()) float64 {
	start := time.Now()
	for range n {
		call()
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

// inParallel returns the nanoseconds that one of n calls takes in each of some goroutines, which begin when all are there.
func inParallel(n, goroutines int, call func()) float64 {
	var wg sync.WaitGroup
	var missing atomic.Int32
	missing.Store(int32(goroutines))
	times := make([]float64, goroutines)
	for i := range goroutines {
		wg.Go(func() {
			for missing.Add(-1); missing.Load() > 0; {
				runtime.Gosched()
			}
			times[i] = timed(n, call)
		})
	}
	wg.Wait()
	return slices.Max(times)
}
