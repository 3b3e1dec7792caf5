package main

import (
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"github.com/bulkhead/bulkhead/tests/planted"
)

// mistakes plants every kind of mistake at every place of every filter of the repository that is for this architecture, and counts those
// that the prover finds.
func (b *bench) mistakes() error {
	all, err := repository(b.tree)
	if err != nil {
		return err
	}
	result, filters, seen := planted.NewResult(), 0, map[string]bool{}
	for _, s := range all {
		d := s.decision
		if key := d.Key(); seen[key] || len(d.Arches()) == 0 || d.Arches()[0] != seccomp.Native() {
			continue
		} else {
			seen[key] = true
		}
		filters++
		planted.Subject{Name: s.name, Program: s.program(), Want: d.Want, Native: seccomp.Native().Audit()}.Plant(func(p bpf.Program) (*planted.Witness, error) {
			err := seccomp.Prove(p, d)
			var diff *seccomp.Difference
			if errors.As(err, &diff) {
				return &planted.Witness{Call: diff.Call, Got: diff.Got, Want: diff.Want}, nil
			}
			return nil, err
		}, result)
	}
	for _, wrong := range result.Wrong {
		fmt.Println("  " + wrong)
	}
	fmt.Printf("  %d kinds of mistakes, %d filters; %d changes mean nothing\n", len(result.ByKind), filters, result.Harmless)
	count("planted_total", result.Planted(), 0)
	return exactly("planted_found", result.Found(), result.Planted())
}
