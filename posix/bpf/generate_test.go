package bpf

import "math/rand/v2"

// randomProgram makes a plausible program: all instructions of seccomp, loads mostly of what was stored, and constants that are
// near what the data holds. About half of them are valid; guarded says that any call but probe is allowed at once.
func randomProgram(r *rand.Rand, probe uint32, returns func(uint32) uint32) Program {
	body := 3 + r.IntN(24)
	p := Program{
		{Code: LD | W | ABS, K: OffsetNr},
		{Code: JMP | JEQ | K, JT: 1, K: probe},
		{Code: RET | K, K: RetAllow},
	}
	for i := range body {
		p = append(p, randomInstruction(r, body-i-1, returns))
	}
	// What RET|A gives must be an answer that the probing thread survives.
	return append(p,
		Instruction{Code: ALU | AND | K, K: 0xfff},
		Instruction{Code: ALU | OR | K, K: RetErrno},
		Instruction{Code: RET | A})
}

var (
	aluOps  = []uint16{ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, XOR}
	jumpOps = []uint16{JEQ, JGT, JGE, JSET}
)

func randomInstruction(r *rand.Rand, following int, returns func(uint32) uint32) Instruction {
	constant := []uint32{0, 1, 2, 31, 32, 255, 0x7fffffff, 0x80000000, 0xffffffff, r.Uint32(), uint32(r.IntN(64))}[r.IntN(11)]
	operand := []uint16{K, X}[r.IntN(2)]
	word := uint32(r.IntN(2))
	skip := func() uint8 { return uint8(r.IntN(min(following, 4) + 1)) }
	switch r.IntN(14) {
	case 0, 1, 2: // not the instruction pointer, which a caller cannot choose
		return Instruction{Code: LD | W | ABS, K: uint32([]int{0, 4, 16 + 4*r.IntN(12)}[r.IntN(3)])}
	case 3:
		return Instruction{Code: []uint16{LD | IMM, LDX | IMM}[r.IntN(2)], K: constant}
	case 4:
		return Instruction{Code: []uint16{LD | W | LEN, LDX | W | LEN, ALU | NEG}[r.IntN(3)]}
	case 5:
		return Instruction{Code: []uint16{LD | MEM, LDX | MEM}[r.IntN(2)], K: word}
	case 6, 7:
		return Instruction{Code: []uint16{ST, STX}[r.IntN(2)], K: word}
	case 8:
		return Instruction{Code: MISC | []uint16{TAX, TXA}[r.IntN(2)]}
	case 9:
		if r.IntN(4) == 0 {
			return Instruction{Code: RET | K, K: returns(constant)}
		}
		return Instruction{Code: JMP | JA, K: uint32(skip())}
	case 10, 11:
		return Instruction{Code: JMP | jumpOps[r.IntN(len(jumpOps))] | operand, JT: skip(), JF: skip(), K: constant}
	default:
		return Instruction{Code: ALU | aluOps[r.IntN(len(aluOps))] | operand, K: constant}
	}
}

func randomData(r *rand.Rand, nr, arch uint32) Data {
	d := Data{Nr: nr, Arch: arch}
	for i := range d.Args {
		d.Args[i] = []uint64{0, 1, uint64(r.IntN(64)), r.Uint64(), 1 << 32, ^uint64(0)}[r.IntN(6)]
	}
	return d
}
