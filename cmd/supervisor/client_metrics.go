package main

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/metrics"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// spawnerCalls shows what the spawner has asked the kernel for: a [control.Remote].
type spawnerCalls struct{ *metrics.Remote }

func newSpawnerCalls() spawnerCalls { return spawnerCalls{metrics.NewRemote("spawner")} }

// Show implements [control.Remote].
func (r spawnerCalls) Show(s wire.Stats) error {
	counts := make([]metrics.Count, 0, len(s.Calls))
	byName := errnos()
	var errs []error
	for _, c := range s.Calls {
		op, ok := posix.OpByName(c.Op)
		errno, known := byName[c.Errno]
		if !ok || !known {
			errs = append(errs, fmt.Errorf("there is no operation %q that ends with %q", c.Op, c.Errno))
			continue
		}
		counts = append(counts, metrics.Count{Op: op, Errno: errno, N: c.N})
	}
	durations := make([]metrics.Duration, 0, len(s.Durations))
	for _, d := range s.Durations {
		op, ok := posix.OpByName(d.Op)
		if !ok {
			errs = append(errs, fmt.Errorf("there is no operation %q", d.Op))
			continue
		}
		out := metrics.Duration{Op: op, Count: d.Count, Sum: d.Sum}
		for _, b := range d.Buckets {
			out.Buckets = append(out.Buckets, metrics.Bucket{Bound: b.Le, Count: b.N})
		}
		durations = append(durations, out)
	}
	return errors.Join(append(errs, r.Set(counts, durations))...)
}

// callCounts is what the spawner tells of its own calls; the inverse of [spawnerCalls.Show].
func callCounts(core *metrics.Core) (calls []wire.CallCount, durations []wire.CallDuration) {
	for _, c := range core.Counts() {
		calls = append(calls, wire.CallCount{Op: c.Op.String(), Errno: errnoName(c.Errno), N: c.N})
	}
	for _, d := range core.Durations() {
		out := wire.CallDuration{Op: d.Op.String(), Histogram: wire.Histogram{Count: d.Count, Sum: d.Sum}}
		for _, b := range d.Buckets {
			out.Buckets = append(out.Buckets, wire.Bucket{Le: b.Bound, N: b.Count})
		}
		durations = append(durations, out)
	}
	return calls, durations
}

// errnoName is the name of an errno on the wire.
func errnoName(e posix.Errno) string {
	switch name := unix.ErrnoName(e); {
	case e == metrics.Other:
		return "other"
	case name == "":
		return strconv.Itoa(int(e)) // 0 is success
	default:
		return name
	}
}

// errnos is the inverse of errnoName.
func errnos() map[string]posix.Errno {
	out := map[string]posix.Errno{}
	for e := range metrics.Other + 1 {
		out[errnoName(e)] = e
	}
	return out
}
