package main

import (
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// proofs measures how long every filter of the repository takes to compile and to prove. The compile process does it once and collects no garbage;
// here it is done again and again, and the garbage is collected in between.
//
// The time of a filter is the median of its rounds, which is its own; a percentile is over the filters. The lines before the figures are over all
// rounds, with what else the machine did.
func (b *bench) proofs() error {
	all, err := repository(b.tree)
	if err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	figures := [...]struct {
		name, what string
		goal       float64
		rounds     []time.Duration // of all filters
		medians    []time.Duration // of each
	}{
		{name: "compile_ms_p99", what: "resolve, emit and prove ours", goal: 5},
		{name: "proof_ms_p99", what: "prove both, and that they are equal", goal: 20},
		{name: "libseccomp_compile_ms_p99", what: "libseccomp's tree, with its proof"},
	}
	var slowest string
	for _, s := range all {
		debug.FreeOSMemory()
		times, err := b.compileAndProve(s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		for i, of := range times {
			if len(of) == 0 {
				continue // libseccomp cannot say it
			}
			slices.Sort(of)
			f, median := &figures[i], series{"", of}.percentile(50)
			if i == 0 && (len(f.medians) == 0 || median > slices.Max(f.medians)) {
				slowest = s.name
			}
			f.rounds, f.medians = append(f.rounds, of...), append(f.medians, median)
		}
	}
	fmt.Printf("  %d filters; the one that takes longest, %s, is %s\n", len(all), micros(slices.Max(figures[0].medians)), slowest)
	for _, f := range figures {
		slices.Sort(f.rounds)
		slices.Sort(f.medians)
		of := series{f.what, f.rounds}
		fmt.Printf("  %-42s p50 %8s  p99 %8s  of %d\n", f.what, micros(of.percentile(50)), micros(of.percentile(99)), len(of.times))
		figure(f.name, milliseconds(series{"", f.medians}.percentile(99)), f.goal)
	}
	return nil
}

// compileAndProve returns how long ours takes to compile, both to prove, and libseccomp's to compile, in several rounds.
func (b *bench) compileAndProve(s section) (times [3][]time.Duration, err error) {
	theirs, cannot := b.library(s, false)
	for range b.rounds(30) {
		begin := time.Now()
		made, err := newSection(s.name, s.seccomp)
		if err != nil {
			return times, err
		}
		compiled := time.Now()
		if err := proveAll(made, theirs, cannot == nil); err != nil {
			return times, err
		}
		proved := time.Now()
		times[0], times[1] = append(times[0], compiled.Sub(begin)), append(times[1], proved.Sub(compiled))
		if cannot == nil && len(times[2]) < b.rounds(10) {
			if _, err := b.library(s, false); err != nil {
				return times, err
			}
			times[2] = append(times[2], time.Since(proved))
		}
	}
	return times, nil
}

// proveAll proves our program, and libseccomp's when there is one, and that the two are equal, as [seccomp.Choose] does.
func proveAll(s section, theirs *seccomp.Filter, both bool) error {
	if _, err := seccomp.Verify(s.own.Program, s.decision); err != nil || !both {
		return err
	}
	if _, err := seccomp.Verify(theirs.Program, s.decision); err != nil {
		return err
	}
	return seccomp.Equal(s.own.Program, theirs.Program)
}
