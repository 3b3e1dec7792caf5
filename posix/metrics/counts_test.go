package metrics

import (
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

func TestCountsAndDurations(t *testing.T) {
	inner := &answering{}
	core := New(inner)
	if c, d := core.Counts(), core.Durations(); len(c)+len(d) != 0 {
		t.Errorf("a new core has %v %v", c, d)
	}
	core.Getpid()
	_ = core.Close(3)
	for _, err := range []error{nil, syscall.EAGAIN, fs.ErrClosed, syscall.EAGAIN, posix.Errno(100000), nil, nil, syscall.EPERM} {
		inner.err = err
		_, _ = core.Read(3, nil)
	}
	want := []Count{ // in the order of posix.Core
		{posix.OpClose, 0, 1},
		{posix.OpRead, 0, 3}, {posix.OpRead, syscall.EPERM, 1}, {posix.OpRead, syscall.EAGAIN, 2}, {posix.OpRead, Other, 2},
		{posix.OpGetpid, 0, 1},
	}
	if got := core.Counts(); !reflect.DeepEqual(got, want) {
		t.Errorf("counts %v\nwant   %v", got, want)
	}
	var ops []posix.Op
	for _, d := range core.Durations() {
		ops = append(ops, d.Op)
		if d.Count != 1 || d.Sum < 0 || len(d.Buckets) != len(bounds) || d.Buckets[0].Bound != bounds[0] {
			t.Errorf("histogram %+v", d)
		}
	}
	if want := []posix.Op{posix.OpClose, posix.OpRead, posix.OpGetpid}; !slices.Equal(ops, want) {
		t.Errorf("histograms of %v, want %v", ops, want)
	}
	if err := NewRemote("spawner").Set(core.Counts(), core.Durations()); err != nil {
		t.Errorf("what a core returns is refused: %v", err)
	}
}

// What cannot have come from a Core is refused, and what was shown before stays.
func TestRemoteRefuses(t *testing.T) {
	good := []Count{{posix.OpRead, 0, 5}, {posix.OpRead, Other, 1}, {posix.OpWrite, 0, 1}}
	hist := func(buckets ...Bucket) Duration {
		return Duration{Op: posix.OpRead, Count: 3, Sum: 5, Buckets: buckets}
	}
	r := NewRemote("spawner")
	if err := r.Set(good, []Duration{hist(Bucket{1, 1}, Bucket{2, 1}, Bucket{3, 3})}); err != nil {
		t.Fatal(err)
	}
	if err := r.Set(good, []Duration{{Op: posix.OpRead, Count: 1}}); err != nil {
		t.Fatalf("a histogram without buckets: %v", err)
	}
	before := shown(t, r)
	for _, tt := range []struct {
		name      string
		counts    []Count
		durations []Duration
		order     bool
	}{
		{name: "operation 0", counts: []Count{{0, 0, 1}}},
		{name: "an operation too far", counts: []Count{{posix.OpCount, 0, 1}}},
		{name: "an errno too far", counts: []Count{{posix.OpRead, Other + 1, 1}}},
		{name: "twice", counts: []Count{{posix.OpRead, 0, 1}, {posix.OpRead, 0, 1}}, order: true},
		{name: "operations out of order", counts: []Count{{posix.OpWrite, 0, 1}, {posix.OpRead, 0, 1}}, order: true},
		{name: "errnos out of order", counts: []Count{{posix.OpRead, 2, 1}, {posix.OpRead, 1, 1}}, order: true},
		{name: "histogram of operation 0", durations: []Duration{{Op: 0, Count: 1}}},
		{name: "histogram of an operation too far", durations: []Duration{{Op: posix.OpCount, Count: 1}}},
		{name: "histogram twice", durations: []Duration{hist(), hist()}, order: true},
		{name: "negative sum", durations: []Duration{{Op: posix.OpRead, Count: 1, Sum: -1}}},
		{name: "bounds out of order", durations: []Duration{hist(Bucket{2, 1}, Bucket{1, 1})}},
		{name: "bound twice", durations: []Duration{hist(Bucket{2, 1}, Bucket{2, 1})}},
		{name: "negative bound", durations: []Duration{hist(Bucket{-1, 1})}},
		{name: "counts that go down", durations: []Duration{hist(Bucket{1, 2}, Bucket{2, 1})}},
		{name: "more than all", durations: []Duration{hist(Bucket{1, 4})}},
	} {
		err := r.Set(tt.counts, tt.durations)
		if err == nil || errors.Is(err, errOrder) != tt.order {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := shown(t, r); got != before {
			t.Errorf("%s: shows now\n%s\nand before\n%s", tt.name, got, before)
		}
	}
}

// The caller may go on using what it handed over.
func TestRemoteKeepsCopies(t *testing.T) {
	counts := []Count{{posix.OpRead, 0, 5}}
	durations := []Duration{{Op: posix.OpRead, Count: 3, Sum: time.Second, Buckets: []Bucket{{time.Second, 2}}}}
	r := NewRemote("spawner")
	if err := r.Set(counts, durations); err != nil {
		t.Fatal(err)
	}
	before := shown(t, r)
	counts[0].N, durations[0].Count, durations[0].Buckets[0].Count = 6, 7, 1
	if got := shown(t, r); got != before {
		t.Errorf("shows now\n%s\nand before\n%s", got, before)
	}
}
