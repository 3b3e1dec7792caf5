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
func (b *bench) proofs() error {
	all, err := repository(b.tree)
	if err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	names := [...]string{"resolve and emit, with the proof of that", "prove both and that they are equal", "libseccomp's tree, with its proof"}
	var times [len(names)][]time.Duration
	for _, s := range all {
		debug.FreeOSMemory()
		theirs, cannot := b.library(s, false)
		for range b.rounds(20) {
			begin := time.Now()
			made, err := newSection(s.name, s.seccomp)
			if err != nil {
				return err
			}
			compiled := time.Now()
			if err := proveAll(made, theirs, cannot == nil); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			proved := time.Now()
			times[0], times[1] = append(times[0], compiled.Sub(begin)), append(times[1], proved.Sub(compiled))
			if cannot == nil {
				if _, err := b.library(s, false); err != nil {
					return err
				}
				times[2] = append(times[2], time.Since(proved))
			}
		}
	}
	for i, name := range names {
		slices.Sort(times[i])
		of := series{name, times[i]}
		fmt.Printf("  %-42s p50 %8s  p99 %8s  max %8s  of %d\n", name, micros(of.percentile(50)), micros(of.percentile(99)), micros(of.percentile(100)), len(of.times))
	}
	p99 := func(i int) float64 { return milliseconds(series{"", times[i]}.percentile(99)) }
	figure("compile_ms_p99", p99(0), 5)
	figure("proof_ms_p99", p99(1), 20)
	figure("libseccomp_compile_ms_p99", p99(2), 0)
	return nil
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
