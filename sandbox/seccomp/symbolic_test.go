package seccomp

import (
	"math/rand/v2"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// scrambled returns a random program of instructions of every kind, with the registers and the scratch memory in use all the time.
func scrambled(random *rand.Rand, length int) (p bpf.Program) {
	values := []uint32{1, 2, 3, 5, 7, 8, 31, 1 << 16, 1<<31 - 1, 1 << 31, 1<<31 + 1, ^uint32(0) - 1, ^uint32(0)}
	words := []uint32{bpf.OffsetNr, bpf.OffsetArgLow(1), bpf.OffsetArgHigh(1)}
	masks := []uint32{0xf, 0x80000003, 0xc0000001, 0x700}
	k := func() uint32 { return values[random.IntN(len(values))] }
	source := func() uint16 { return []uint16{bpf.K, bpf.X}[random.IntN(2)] }
	add := func(in ...bpf.Instruction) { p = append(p, in...) }
	word := func() { // few bits of it, so that every function of some can be decided
		add(bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: words[random.IntN(len(words))]},
			bpf.Instruction{Code: bpf.ALU | bpf.AND | bpf.K, K: masks[random.IntN(len(masks))]})
	}
	const places = 2
	for i := range uint32(places) {
		word()
		add(bpf.Instruction{Code: bpf.ST, K: i})
	}
	add(bpf.Instruction{Code: bpf.LDX | bpf.IMM, K: k()})
	word()
	for len(p) < length {
		place := random.Uint32N(places)
		switch random.IntN(12) {
		case 0:
			word()
		case 1:
			add(bpf.Instruction{Code: bpf.MISC | bpf.TXA})
		case 2:
			add(bpf.Instruction{Code: bpf.MISC | bpf.TAX})
		case 3:
			add(bpf.Instruction{Code: bpf.ST, K: place})
		case 4:
			add(bpf.Instruction{Code: bpf.STX, K: place})
		case 5:
			add(bpf.Instruction{Code: bpf.LD | bpf.MEM, K: place})
		case 6:
			add(bpf.Instruction{Code: bpf.LDX | bpf.MEM, K: place})
		case 7:
			add(bpf.Instruction{Code: []uint16{bpf.LD | bpf.IMM, bpf.LDX | bpf.IMM}[random.IntN(2)], K: k()})
		case 8:
			op := []uint16{bpf.JEQ, bpf.JGT, bpf.JGE, bpf.JSET}[random.IntN(4)]
			add(bpf.Instruction{Code: bpf.JMP | op | source(), K: k(), JT: uint8(random.IntN(3)), JF: uint8(random.IntN(3))})
		case 9:
			add(bpf.Instruction{Code: bpf.ALU | []uint16{bpf.LSH, bpf.RSH}[random.IntN(2)] | bpf.K, K: random.Uint32N(32)})
		default:
			op := []uint16{bpf.ADD, bpf.SUB, bpf.DIV, bpf.AND, bpf.OR, bpf.XOR, bpf.NEG}[random.IntN(7)]
			if op == bpf.NEG {
				add(bpf.Instruction{Code: bpf.ALU | op})
				continue
			}
			add(bpf.Instruction{Code: bpf.ALU | op | source(), K: k()})
		}
	}
	jump := func(op uint16) bpf.Instruction { return bpf.Instruction{Code: bpf.JMP | op | bpf.K, K: k()} }
	for i, op := range []uint16{bpf.JEQ, bpf.JGE, bpf.JSET} {
		test := jump(op)
		test.JF = 1
		add(test, bpf.Instruction{Code: bpf.RET | bpf.K, K: bpf.RetErrno | 1 + uint32(i)})
	}
	add(bpf.Instruction{Code: bpf.ALU | bpf.AND | bpf.K, K: 7}, bpf.Instruction{Code: bpf.RET | bpf.A})
	return p
}

// TestExecute: the function of a program answers as the program does, whatever instructions it is made of.
func TestExecute(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	const programs = 1500
	decided := 0
	for range programs {
		p := scrambled(random, 12+random.IntN(30))
		if err := p.Check(); err != nil {
			t.Fatalf("the kernel does not take the program: %v", err)
		}
		d, err := FromProgram(p)
		if err != nil {
			continue // it is too large to be decided
		}
		decided++
		if call := sweep(p, d.Want, random, 100); call != nil {
			t.Fatalf("%v\n%+v: the program answers %#x, its function %#x", p, *call, p.Run(*call), d.Want(*call))
		}
	}
	if decided < programs*9/10 {
		t.Errorf("only %d of %d programs could be decided", decided, programs)
	}
}
