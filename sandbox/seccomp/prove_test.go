package seccomp

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

func someRules(t testing.TB, group string) Rules {
	t.Helper()
	r := Rules{Denied: bpf.RetErrno | 1, Default: bpf.RetErrno | 38}
	for _, name := range Catalog().Groups[group] {
		r.Allow = append(r.Allow, must(t, name))
	}
	slices.Sort(r.Allow)
	return r
}

// sweep compares a program with rules call by call, without the reasoning of prove: a difference, or nil.
func sweep(p bpf.Program, r Rules, random *rand.Rand) *bpf.Data {
	var numbers []uint32
	for nr := range uint32(1024) {
		numbers = append(numbers, nr, nr|1<<30, nr|1<<31, nr-1024, nr|1<<10)
	}
	numbers = append(numbers, 1<<30-1, 1<<32-1, 1<<32-2)
	for range 2000 {
		numbers = append(numbers, random.Uint32())
	}
	for _, in := range p { // what the program looks at, and its neighbours
		numbers = append(numbers, in.K-1, in.K, in.K+1)
	}
	for _, arch := range []uint32{nativeArch, nativeArch - 1, nativeArch + 1, 0, 0x40000003, 0xffffffff, random.Uint32()} {
		for _, nr := range numbers {
			d := bpf.Data{Nr: nr, Arch: arch}
			if p.Run(d) != r.Want(d) {
				return &d
			}
		}
	}
	return nil
}

// TestVerifyFindsMutations changes every instruction in every way that matters and demands that Verify and a sweep of calls
// agree on whether it matters.
func TestVerifyFindsMutations(t *testing.T) {
	r := someRules(t, "@basic-io")
	f, err := Emit(r)
	if err != nil {
		t.Fatal(err)
	}
	original, err := bpf.Decode(f.Program)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 6))
	if d := sweep(original, r, random); d != nil {
		t.Fatalf("the program that was emitted is wrong for %+v", d)
	}
	wrong, harmless := 0, 0
	for i := range original {
		for name, change := range mutations {
			p := slices.Clone(original)
			change(&p[i])
			if p[i] == original[i] || p.Check() != nil {
				continue
			}
			_, err := Verify(p.Bytes(), r)
			d := sweep(p, r, random)
			if d != nil && err == nil {
				t.Fatalf("%s of instruction %d (%s) is wrong for %+v, and was accepted", name, i, original[i], d)
			}
			var diff *Difference
			if errors.As(err, &diff) {
				if got := p.Run(diff.Call); got != diff.Got || got == r.Want(diff.Call) {
					t.Fatalf("%s of instruction %d: the difference %v is none", name, i, diff)
				}
			} else if err != nil {
				t.Fatalf("%s of instruction %d: %v", name, i, err)
			}
			if err != nil {
				wrong++
			} else {
				harmless++
			}
		}
	}
	t.Logf("%d mutations found, %d harmless", wrong, harmless)
	if wrong < 3*len(original) {
		t.Errorf("only %d mutations of %d instructions were wrong", wrong, len(original))
	}
}

var mutations = map[string]func(*bpf.Instruction){
	"swapped jumps": func(in *bpf.Instruction) { in.JT, in.JF = in.JF, in.JT },
	"longer jump":   func(in *bpf.Instruction) { in.JT++ },
	"shorter jump":  func(in *bpf.Instruction) { in.JT -= min(in.JT, 1) },
	"one more":      func(in *bpf.Instruction) { in.K++ },
	"one less":      func(in *bpf.Instruction) { in.K-- },
	"one bit":       func(in *bpf.Instruction) { in.K ^= 1 << 30 },
	"other word": func(in *bpf.Instruction) {
		if in.Code == bpf.LD|bpf.W|bpf.ABS {
			in.K ^= 4
		}
	},
	"upper half of an argument": func(in *bpf.Instruction) {
		if in.Code == bpf.LD|bpf.W|bpf.ABS {
			in.K = 60
		}
	},
	"other comparison": func(in *bpf.Instruction) {
		switch in.Code {
		case bpf.JMP | bpf.JGE | bpf.K:
			in.Code = bpf.JMP | bpf.JGT | bpf.K
		case bpf.JMP | bpf.JEQ | bpf.K:
			in.Code = bpf.JMP | bpf.JGE | bpf.K
		}
	},
	"allowed": func(in *bpf.Instruction) {
		if in.Code == bpf.RET|bpf.K {
			in.K = bpf.RetAllow
		}
	},
	"denied": func(in *bpf.Instruction) {
		if in.Code == bpf.RET|bpf.K {
			in.K = bpf.RetErrno | 1
		}
	},
}

func TestVerifyFindsMissingParts(t *testing.T) {
	r := someRules(t, "@basic-io")
	f, err := Emit(r)
	if err != nil {
		t.Fatal(err)
	}
	p, err := bpf.Decode(f.Program)
	if err != nil {
		t.Fatal(err)
	}
	one := bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgHigh(3)}
	for name, wrong := range map[string]bpf.Program{
		"no check of the architecture": p[3:],
		"allows everything":            {{Code: bpf.RET, K: bpf.RetAllow}},
		"one value of one argument": append(bpf.Program{one,
			{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 0xdecade, JF: 1}, {Code: bpf.RET, K: bpf.RetAllow}}, p...),
		"one range of one argument": append(bpf.Program{one,
			{Code: bpf.JMP | bpf.JGT | bpf.K, K: 0xfffffffe, JF: 1}, {Code: bpf.RET, K: bpf.RetAllow}}, p...),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Verify(wrong.Bytes(), r)
			var diff *Difference
			if !errors.As(err, &diff) {
				t.Fatalf("got %v, want a difference", err)
			}
			if wrong.Run(diff.Call) == r.Want(diff.Call) {
				t.Errorf("%v is no difference", diff)
			}
		})
	}
}

func TestVerifyRefusesWhatItDoesNotUnderstand(t *testing.T) {
	r := Rules{Denied: bpf.RetErrno | 1, Default: bpf.RetErrno | 1}
	for name, in := range map[string]bpf.Instruction{
		"arithmetic": {Code: bpf.ALU | bpf.ADD | bpf.K, K: 1},
		"a bit test": {Code: bpf.JMP | bpf.JSET | bpf.K, K: 1},
		"X":          {Code: bpf.JMP | bpf.JEQ | bpf.X},
		"scratch":    {Code: bpf.ST},
	} {
		p := bpf.Program{in, {Code: bpf.RET, K: bpf.RetErrno | 1}}
		if _, err := Verify(p.Bytes(), r); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestProveBoundsItsWork(t *testing.T) {
	var p bpf.Program
	for arg := range 6 {
		p = append(p, bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgLow(arg)})
		for k := range uint32(20) {
			p = append(p, bpf.Instruction{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 3 * k})
		}
	}
	p = append(p, bpf.Instruction{Code: bpf.RET, K: bpf.RetAllow})
	if err := prove(p, func(bpf.Data) uint32 { return bpf.RetAllow }, nil); err == nil {
		t.Error("a program with 41^6 cells was accepted")
	}
}

func BenchmarkVerify(b *testing.B) {
	f, err := Emit(someRules(b, "@system-service"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Verify(f.Program, f.Rules); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(f.Instructions), "instructions")
}
