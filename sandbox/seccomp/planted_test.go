package seccomp

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// TestPlanted makes every mistake of mutations at every place of several filters and demands that the prover and a search by trial, which
// shares nothing with it, agree on what is wrong: what the search finds the prover must find, and what the prover finds must be shown by
// a call that the program really answers differently.
func TestPlanted(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	planted, found, harmless := map[string]int{}, map[string]int{}, 0
	for name, m := range map[string]model{
		"a group": allowing("@basic-io"), "arguments": withArguments(),
		"two architectures": func() model {
			m := withArguments()
			m.section.Architectures = []policy.Value[string]{{V: "native"}, {V: "x86"}}
			for i := range m.section.Allow {
				m.section.Allow[i].Group = ""
			}
			return m
		}(),
	} {
		d := m.decision(t)
		f, err := Emit(d)
		if err != nil {
			t.Fatal(err)
		}
		original, err := bpf.Decode(f.Program)
		if err != nil {
			t.Fatal(err)
		}
		for i := range original {
			for _, kind := range mutations {
				p, applies := kind.make(original, i)
				if !applies || p.Check() != nil {
					continue
				}
				err := Prove(p, d)
				var diff *Difference
				if errors.As(err, &diff) {
					planted[kind.name]++
					found[kind.name]++
					if got := p.Run(diff.Call); got != diff.Got || got == m.want(diff.Call) || m.want(diff.Call) != diff.Want {
						t.Fatalf("%s: %s of instruction %d: the difference %v is none", name, kind.name, i, diff)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s: %s of instruction %d: %v", name, kind.name, i, err)
				}
				if wrong := sweep(p, m.want, nil, random, 3000); wrong != nil {
					planted[kind.name]++
					t.Errorf("%s: %s of instruction %d (%s) is wrong for %+v, and was proved", name, kind.name, i, original[i], *wrong)
				}
				harmless++
			}
		}
	}
	total, all := 0, 0
	for _, kind := range mutations {
		if planted[kind.name] == 0 && (kind.name != "x32 left open" || Native() == X8664) {
			t.Errorf("%s was not planted", kind.name)
		}
		total, all = total+planted[kind.name], all+found[kind.name]
	}
	t.Logf("planted %d mistakes of %d kinds, found %d; %d changes mean nothing", total, len(mutations), all, harmless)
	if len(mutations) < 15 || all != total {
		t.Errorf("%d of %d found", all, total)
	}
}
