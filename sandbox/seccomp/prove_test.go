package seccomp

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

func TestProveFindsMissingParts(t *testing.T) {
	d := allowing("@basic-io").decision(t)
	f, err := Emit(d)
	if err != nil {
		t.Fatal(err)
	}
	p, err := bpf.Decode(f.Program)
	if err != nil {
		t.Fatal(err)
	}
	one := bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgHigh(3)}
	for name, wrong := range map[string]bpf.Program{
		"allows everything": {{Code: bpf.RET, K: bpf.RetAllow}},
		"one value of one argument": append(bpf.Program{one,
			{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 0xdecade, JF: 1}, {Code: bpf.RET, K: bpf.RetAllow}}, p...),
		"one range of one argument": append(bpf.Program{one,
			{Code: bpf.JMP | bpf.JGT | bpf.K, K: 0xfffffffe, JF: 1}, {Code: bpf.RET, K: bpf.RetAllow}}, p...),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Verify(wrong.Bytes(), d)
			var diff *Difference
			if !errors.As(err, &diff) {
				t.Fatalf("got %v, want a difference", err)
			}
			if got := wrong.Run(diff.Call); got == d.Want(diff.Call) || got != diff.Got || d.Want(diff.Call) != diff.Want {
				t.Errorf("%v is no difference", diff)
			}
		})
	}
}

// TestProveUnderstands writes one function in instructions of every kind: a filter that another program made may have them.
func TestProveUnderstands(t *testing.T) {
	load := bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgLow(0)}
	yes, no := bpf.Instruction{Code: bpf.RET, K: bpf.RetAllow}, bpf.Instruction{Code: bpf.RET, K: bpf.RetErrno | 1}
	plain := bpf.Program{load, {Code: bpf.JMP | bpf.JEQ | bpf.K, K: 40, JF: 1}, yes, no}
	for name, p := range map[string]bpf.Program{
		"addition": {load, {Code: bpf.ALU | bpf.ADD | bpf.K, K: 5}, {Code: bpf.JMP | bpf.JEQ | bpf.K, K: 45, JF: 1}, yes, no},
		"subtraction": {load, {Code: bpf.ALU | bpf.SUB | bpf.K, K: 41},
			{Code: bpf.JMP | bpf.JEQ | bpf.K, K: ^uint32(0), JF: 1}, yes, no},
		"negation": {load, {Code: bpf.ALU | bpf.NEG}, {Code: bpf.JMP | bpf.JEQ | bpf.K, K: ^uint32(39), JF: 1}, yes, no},
		"exclusive or": {load, {Code: bpf.ALU | bpf.XOR | bpf.K, K: 0xff},
			{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 40 ^ 0xff, JF: 1}, yes, no},
		"multiplication by an odd number": {load, {Code: bpf.ALU | bpf.MUL | bpf.K, K: 3}, {Code: bpf.JMP | bpf.JEQ | bpf.K, K: 120, JF: 1}, yes, no},
		"division": {load, {Code: bpf.ALU | bpf.DIV | bpf.K, K: 8}, {Code: bpf.JMP | bpf.JEQ | bpf.K, K: 5, JF: 3},
			load, {Code: bpf.JMP | bpf.JSET | bpf.K, K: 7, JT: 1}, yes, no},
		"shifts": {load, {Code: bpf.ALU | bpf.RSH | bpf.K, K: 3}, {Code: bpf.JMP | bpf.JEQ | bpf.K, K: 5, JF: 4},
			load, {Code: bpf.ALU | bpf.LSH | bpf.K, K: 29}, {Code: bpf.JMP | bpf.JEQ | bpf.K, JF: 1}, yes, no},
		"or": {load, {Code: bpf.ALU | bpf.OR | bpf.K, K: 1 << 6}, {Code: bpf.JMP | bpf.JEQ | bpf.K, K: 104, JF: 3},
			load, {Code: bpf.JMP | bpf.JGE | bpf.K, K: 64, JT: 1}, yes, no},
		"the index register": {load, {Code: bpf.MISC | bpf.TAX}, {Code: bpf.LD | bpf.IMM, K: 40}, {Code: bpf.JMP | bpf.JEQ | bpf.X, JF: 1}, yes, no},
		"scratch memory": {load, {Code: bpf.ST, K: 3}, {Code: bpf.LD | bpf.IMM, K: 1}, {Code: bpf.LD | bpf.MEM, K: 3},
			{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 40, JF: 1}, yes, no},
		"the length": {load, {Code: bpf.LDX | bpf.W | bpf.LEN}, {Code: bpf.ALU | bpf.ADD | bpf.X},
			{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 104, JF: 1}, yes, no},
		"a computed answer": {load, {Code: bpf.JMP | bpf.JEQ | bpf.K, K: 40, JF: 2},
			{Code: bpf.LD | bpf.IMM, K: bpf.RetAllow}, {Code: bpf.RET | bpf.A}, no},
	} {
		t.Run(name, func(t *testing.T) {
			if err := p.Check(); err != nil {
				t.Fatal(err)
			}
			if err := Equal(p.Bytes(), plain.Bytes()); err != nil {
				t.Error(err)
			}
			other := append(bpf.Program{}, p...)
			for i := range other {
				if other[i] == no {
					other[i].K = bpf.RetErrno | 2
				}
			}
			var diff *Difference
			if err := Equal(other.Bytes(), plain.Bytes()); !errors.As(err, &diff) || other.Run(diff.Call) != bpf.RetErrno|2 {
				t.Errorf("another answer: got %v", err)
			}
		})
	}
}

func TestProveBoundsItsWork(t *testing.T) {
	p := bpf.Program{
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgLow(0)}, {Code: bpf.MISC | bpf.TAX},
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgLow(1)}, {Code: bpf.ALU | bpf.MUL | bpf.X},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 77, JF: 1}, {Code: bpf.RET, K: bpf.RetAllow}, {Code: bpf.RET},
	}
	if _, err := FromProgram(p); err == nil || !strings.Contains(err.Error(), "instruction ") {
		t.Errorf("a product of two arguments: %v", err)
	}
}

func TestEqualRefusesJunk(t *testing.T) {
	own, err := AllowList([]string{"read"}, bpf.RetErrno|1)
	if err != nil {
		t.Fatal(err)
	}
	for _, junk := range [][2][]byte{{{1}, own.Program}, {own.Program, {1}}, {own.Program, nil}} {
		if Equal(junk[0], junk[1]) == nil {
			t.Errorf("% x and % x were taken for equal", junk[0], junk[1])
		}
	}
}

func BenchmarkProve(b *testing.B) {
	f, err := Emit(allowing("@system-service").decision(b))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Verify(f.Program, f.Decision); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(f.Instructions), "instructions")
}
