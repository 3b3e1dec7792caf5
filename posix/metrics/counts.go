package metrics

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

// Other is the Errno of a [Count] of errors that carry none of Linux's.
const Other = posix.Errno(errnos)

// Count is how often an operation has ended in one way.
type Count struct {
	Op    posix.Op
	Errno posix.Errno // 0 is success
	N     uint64
}

// Duration is the histogram of one operation. It has samples: about one call in 64.
type Duration struct {
	Op      posix.Op
	Count   uint64
	Sum     time.Duration
	Buckets []Bucket // by ascending bound; what is above the last one is in Count only
}

// Bucket is how many observations lasted no longer than its bound.
type Bucket struct {
	Bound time.Duration
	Count uint64
}

// Counts returns what has been counted, without what has never occurred, in the order of operations and errnos. The numbers of a Core
// never go down. Calls that are made meanwhile may be in it or not.
func (d *Core) Counts() []Count {
	var counts []Count
	for _, op := range posix.Ops() {
		for place, n := range d.totals(op) {
			if n > 0 {
				counts = append(counts, Count{op, posix.Errno(place), n})
			}
		}
	}
	return counts
}

// Durations returns the histograms of the operations that have one, in the order of operations.
func (d *Core) Durations() []Duration {
	var durations []Duration
	for _, op := range posix.Ops() {
		if s := d.durations[op].snapshot(); s.Count > 0 {
			s.Op = op
			durations = append(durations, s)
		}
	}
	return durations
}

var errOrder = errors.New("not in the order of operations")

// checkCounts returns an error unless counts are what [Core.Counts] can return.
func checkCounts(counts []Count) error {
	var last Count
	for i, c := range counts {
		switch {
		case c.Op < 1 || c.Op >= posix.OpCount:
			return fmt.Errorf("count %d: operation %d does not exist", i, c.Op)
		case c.Errno > Other:
			return fmt.Errorf("count %d, %s: errno %d does not exist", i, c.Op, int(c.Errno))
		case c.Op < last.Op || c.Op == last.Op && c.Errno <= last.Errno:
			return fmt.Errorf("count %d, %s %s: %w and errnos", i, c.Op, label(int(c.Errno)), errOrder)
		}
		last = c
	}
	return nil
}

// checkDurations returns an error unless durations are what [Core.Durations] can return, with whatever bounds.
func checkDurations(durations []Duration) error {
	last := posix.Op(0)
	for i, d := range durations {
		switch {
		case d.Op < 1 || d.Op >= posix.OpCount:
			return fmt.Errorf("histogram %d: operation %d does not exist", i, d.Op)
		case d.Op <= last:
			return fmt.Errorf("histogram %d, %s: %w", i, d.Op, errOrder)
		case d.Sum < 0:
			return fmt.Errorf("histogram %d, %s: the sum %v is negative", i, d.Op, d.Sum)
		}
		last = d.Op
		var below Bucket
		for j, b := range d.Buckets {
			if b.Count < below.Count || b.Count > d.Count || b.Bound < 0 || j > 0 && b.Bound <= below.Bound {
				return fmt.Errorf("histogram %d, %s: bucket %d does not follow from the one before", i, d.Op, j)
			}
			below = b
		}
	}
	return nil
}
