package seccomp

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/tests/planted"
)

// sweep searches for a call that a program does not answer as is wanted; it shares nothing with the prover.
func sweep(p bpf.Program, want func(bpf.Data) uint32, random *rand.Rand, rounds int) *bpf.Data {
	return planted.Search(p, want, Native().Audit(), random, rounds)
}

func isBranch(in bpf.Instruction) bool { return in.Code&7 == bpf.JMP && in.Code != bpf.JMP|bpf.JA }

// TestPlanted makes every mistake of package planted at every place of several filters and demands that the prover and a search by trial agree
// on what is wrong: what the search finds the prover must find, and what the prover finds must be shown by a call that the program really
// answers differently, by the plain reading of the section.
func TestPlanted(t *testing.T) {
	result := planted.NewResult()
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
		p, err := bpf.Decode(f.Program)
		if err != nil {
			t.Fatal(err)
		}
		planted.Subject{Name: name, Program: p, Want: m.want, Native: Native().Audit()}.Plant(func(p bpf.Program) (*planted.Witness, error) {
			err := Prove(p, d)
			var diff *Difference
			if errors.As(err, &diff) {
				return &planted.Witness{Call: diff.Call, Got: diff.Got, Want: diff.Want}, nil
			}
			return nil, err
		}, result)
	}
	for _, wrong := range result.Wrong {
		t.Error(wrong)
	}
	for _, kind := range planted.Kinds() {
		if result.ByKind[kind.Name] == 0 && (!kind.X8664 || Native() == X8664) {
			t.Errorf("%s was not planted", kind.Name)
		}
	}
	t.Logf("planted %d mistakes of %d kinds, found %d; %d changes mean nothing", result.Planted(), len(planted.Kinds()), result.Found(), result.Harmless)
}
