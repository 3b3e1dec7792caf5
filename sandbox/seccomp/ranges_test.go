package seccomp

import (
	"math/rand/v2"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// twice returns a random program of tests of words twice: with constants, which are carried out by range, and with the same constants in the
// index register, which are carried out one after the other.
func twice(random *rand.Rand, length int) (byRange, byTest bpf.Program) {
	values := []uint32{0, 1, 2, 5, 7, 8, 1 << 30, 1 << 31, ^uint32(0) - 1, ^uint32(0)}
	words := []uint32{bpf.OffsetNr, bpf.OffsetArch, bpf.OffsetArgLow(1), bpf.OffsetArgHigh(1)}[:1+random.IntN(4)]
	ops := []uint16{bpf.JEQ, bpf.JGT, bpf.JGE, bpf.JSET}[:3+random.IntN(2)]
	add := func(a, b bpf.Instruction) { byRange, byTest = append(byRange, a), append(byTest, b) }
	both := func(in bpf.Instruction) { add(in, in) }
	load := func() { both(bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: words[random.IntN(len(words))]}) }
	load()
	for len(byRange) < length {
		switch random.IntN(8) {
		case 0:
			load()
		case 1:
			both(bpf.Instruction{Code: bpf.RET | bpf.K, K: bpf.RetErrno | 1 + random.Uint32N(3)})
			load() // what follows is reached by jumps
		default:
			op, k := ops[random.IntN(len(ops))], values[random.IntN(len(values))]
			jump := func() uint8 { return uint8(random.IntN(1 + random.IntN(8))) }
			yes, no := jump(), jump()
			add(bpf.Instruction{Code: bpf.JMP | bpf.JA}, bpf.Instruction{Code: bpf.LDX | bpf.IMM, K: k})
			add(bpf.Instruction{Code: bpf.JMP | op | bpf.K, K: k, JT: yes, JF: no}, bpf.Instruction{Code: bpf.JMP | op | bpf.X, JT: yes, JF: no})
		}
	}
	for i := range uint32(10) {
		both(bpf.Instruction{Code: bpf.RET | bpf.K, K: bpf.RetErrno | 10 + i})
	}
	return byRange, byTest
}

// TestRanges: to carry tests out by range gives what to carry each out gives, in whatever order they look at words.
func TestRanges(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	compared := 0
	for i := range 3000 {
		byRange, byTest := twice(random, 2+random.IntN(60))
		// A jump between the two of a pair leaves the index register as it was: then they are other programs.
		if byRange.Check() != nil || byTest.Check() != nil || jumpsIntoPairs(byTest) {
			continue
		}
		compared++
		if err := Equal(byRange.Bytes(), byTest.Bytes()); err != nil {
			t.Fatalf("program %d: %v\n%s", i, err, byRange.Disassemble())
		}
		d, err := FromProgram(byRange)
		if err != nil {
			t.Fatal(err)
		}
		if call := sweep(byRange, d.Want, random, 50); call != nil {
			t.Fatalf("program %d answers %#x to %+v, its function %#x\n%s", i, byRange.Run(*call), *call, d.Want(*call), byRange.Disassemble())
		}
	}
	if compared < 300 {
		t.Errorf("only %d programs were compared", compared)
	}
}

func jumpsIntoPairs(p bpf.Program) bool {
	for i, in := range p {
		if !isBranch(in) {
			continue
		}
		for _, to := range []int{i + 1 + int(in.JT), i + 1 + int(in.JF)} {
			if p[to].Code&bpf.X != 0 && isBranch(p[to]) {
				return true
			}
		}
	}
	return false
}

// TestRangesBoundTheirWork: a program whose tests follow on each other in as many ways as there can be takes no more than what is allowed.
func TestRangesBoundTheirWork(t *testing.T) {
	p := bpf.Program{{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr}}
	for len(p) < bpf.MaxInstructions-4 {
		k := uint32(len(p)) * 2654435761
		op := []uint16{bpf.JGE, bpf.JEQ, bpf.JGT}[len(p)%3]
		p = append(p, bpf.Instruction{Code: bpf.JMP | op | bpf.K, K: k, JT: uint8(len(p) % 4), JF: uint8(len(p) / 7 % 4)})
	}
	for i := range uint32(4) {
		p = append(p, bpf.Instruction{Code: bpf.RET | bpf.K, K: bpf.RetErrno | i})
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	d, err := FromProgram(p)
	if err != nil {
		t.Fatal(err) // 4,096 instructions are not too many
	}
	if call := sweep(p, d.Want, rand.New(rand.NewPCG(1, 2)), 1000); call != nil {
		t.Errorf("%+v: the program answers %#x, its function %#x", *call, p.Run(*call), d.Want(*call))
	}
}
