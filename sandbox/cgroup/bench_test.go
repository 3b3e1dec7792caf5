package cgroup

import (
	"errors"
	"testing"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// BenchmarkInstance is what a launch pays: making, joining and removing a group with the three limits.
func BenchmarkInstance(b *testing.B) {
	f := probe(b)
	need(b, f, all)
	r := open(b, f, all)
	limits := []policy.Resource{{Key: "memory.max", Limit: 64 << 20}, {Key: "pids.max", Limit: 64}, {Key: "cpu.max", Limit: 50_000}}
	first, err := r.Instance("web", "stays", limits)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = first.Remove() }()
	for b.Loop() {
		i, err := r.Instance("web", "0", limits)
		if err != nil {
			b.Fatal(err)
		}
		j, err := i.Join()
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(j.Close(), i.Remove()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExec is what a supervisor with one instance pays, from the first directory to the last.
func BenchmarkExec(b *testing.B) {
	f := probe(b)
	need(b, f, all)
	limits := []policy.Resource{{Key: "memory.max", Limit: 64 << 20}, {Key: "pids.max", Limit: 64}, {Key: "cpu.max", Limit: 50_000}}
	for b.Loop() {
		r, err := Open(linux.New(), f, Options{Name: "bulkhead-test", Controllers: all})
		if err != nil {
			b.Fatal(err)
		}
		i, err := r.Instance("", "0", limits)
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(i.Remove(), r.Close()); err != nil {
			b.Fatal(err)
		}
	}
}
