package planted

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

const native = 0xc000003e

// subject allows read and write, and no other architecture.
func subject() Subject {
	p := bpf.Program{
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArch},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, K: native, JF: 3},
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
		{Code: bpf.JMP | bpf.JGE | bpf.K, K: 2, JT: 1},
		{Code: bpf.RET | bpf.K, K: bpf.RetAllow},
		{Code: bpf.RET | bpf.K, K: bpf.RetKillProcess},
	}
	return Subject{Name: "two calls", Program: p, Native: native, Want: func(d bpf.Data) uint32 {
		if d.Arch == native && d.Nr < 2 {
			return bpf.RetAllow
		}
		return bpf.RetKillProcess
	}}
}

// TestPlant tries provers of which it is known what they are worth.
func TestPlant(t *testing.T) {
	s := subject()
	truth := NewResult()
	s.Plant(func(p bpf.Program) (*Witness, error) { return nil, nil }, truth)
	if truth.Planted() < 30 || truth.Found() != 0 || len(truth.Wrong) != truth.Planted() {
		t.Fatalf("a prover that believes everything: planted %d, found %d, complaints %d", truth.Planted(), truth.Found(), len(truth.Wrong))
	}
	searches := NewResult()
	s.Plant(func(p bpf.Program) (*Witness, error) {
		for nr := range uint32(4) {
			for _, arch := range []uint32{native, native ^ 4} {
				for _, word := range []uint64{0, 0xdecade << 32} {
					d := bpf.Data{Arch: arch, Nr: nr, Args: [6]uint64{3: word}}
					if got := p.Run(d); got != s.Want(d) {
						return &Witness{d, got, s.Want(d)}, nil
					}
				}
			}
		}
		return nil, nil
	}, searches)
	if searches.Found() == 0 || searches.Found() > searches.Planted() {
		t.Errorf("a search of a few calls: planted %d, found %d", searches.Planted(), searches.Found())
	}
	for name, c := range map[string]struct {
		prove Prover
		says  string
	}{
		"makes witnesses up": {func(p bpf.Program) (*Witness, error) { return &Witness{Got: 1, Want: 2}, nil }, "is none"},
		"gives up":           {func(p bpf.Program) (*Witness, error) { return nil, errors.New("too much") }, "cannot tell: too much"},
	} {
		r := NewResult()
		s.Plant(c.prove, r)
		if r.Found() != 0 || r.Planted() == 0 || !strings.Contains(r.Wrong[0], c.says) {
			t.Errorf("a prover that %s: planted %d, found %d, %.1q", name, r.Planted(), r.Found(), r.Wrong)
		}
	}
}

func TestKindsAreNamed(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if k.Name == "" || seen[k.Name] {
			t.Errorf("%q is there twice", k.Name)
		}
		seen[k.Name] = true
	}
	if len(seen) < 15 {
		t.Errorf("only %d kinds", len(seen))
	}
}
