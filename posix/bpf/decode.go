package bpf

import (
	"encoding/binary"
	"fmt"
)

// Decode reads a program as the kernel takes it and checks it with [Program.Check].
func Decode(b []byte) (Program, error) {
	if len(b)%InstructionSize != 0 {
		return nil, fmt.Errorf("decode a filter: %d bytes are no whole number of instructions of %d bytes", len(b), InstructionSize)
	}
	if n := len(b) / InstructionSize; n < 1 || n > MaxInstructions {
		return nil, lengthError(n)
	}
	p := make(Program, len(b)/InstructionSize)
	for i := range p {
		at := b[i*InstructionSize:]
		p[i] = Instruction{
			Code: binary.NativeEndian.Uint16(at),
			JT:   at[2],
			JF:   at[3],
			K:    binary.NativeEndian.Uint32(at[4:]),
		}
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	return p, nil
}

func lengthError(n int) error {
	return fmt.Errorf("check a filter: %d instructions; a filter has 1 to %d", n, MaxInstructions)
}

// Check refuses what the kernel refuses with EINVAL when a program is loaded: instructions that seccomp does not have,
// jumps out of the program, an end that does not return, loads outside the data or of scratch memory that was not
// stored on every path. Source: bpf_check_classic, check_load_and_stores and seccomp_check_filter.
func (p Program) Check() error {
	if len(p) < 1 || len(p) > MaxInstructions {
		return lengthError(len(p))
	}
	for i, in := range p {
		if why := in.invalid(len(p) - i - 1); why != "" {
			return fmt.Errorf("check a filter: instruction %d (%s): %s", i, in, why)
		}
	}
	if last := p[len(p)-1]; last.Code&7 != RET {
		return fmt.Errorf("check a filter: the last instruction (%s) does not return", last)
	}
	return p.checkScratch()
}

// invalid says why the kernel refuses an instruction that is followed by so many others, or returns "".
func (in Instruction) invalid(following int) string {
	switch in.Code {
	case LD | W | ABS:
		if in.K >= dataSize || in.K%4 != 0 {
			return "the load is not of a word of the data"
		}
	case LD | MEM, LDX | MEM, ST, STX:
		if in.K >= scratchWords {
			return "there are 16 words of scratch memory"
		}
	case ALU | DIV | K:
		if in.K == 0 {
			return "division by zero"
		}
	case ALU | LSH | K, ALU | RSH | K:
		if in.K >= 32 {
			return "a shift of 32 bits or more"
		}
	case JMP | JA:
		if uint64(in.K) >= uint64(following) {
			return "the jump leaves the program"
		}
	case JMP | JEQ | K, JMP | JEQ | X, JMP | JGT | K, JMP | JGT | X, JMP | JGE | K, JMP | JGE | X, JMP | JSET | K, JMP | JSET | X:
		if int(in.JT) >= following || int(in.JF) >= following {
			return "a jump leaves the program"
		}
	case RET | K, RET | A,
		LD | W | LEN, LDX | W | LEN, LD | IMM, LDX | IMM, MISC | TAX, MISC | TXA, ALU | NEG,
		ALU | ADD | K, ALU | SUB | K, ALU | MUL | K, ALU | AND | K, ALU | OR | K, ALU | XOR | K,
		ALU | ADD | X, ALU | SUB | X, ALU | MUL | X, ALU | DIV | X, ALU | AND | X, ALU | OR | X, ALU | XOR | X,
		ALU | LSH | X, ALU | RSH | X:
	default:
		return "seccomp does not have this instruction"
	}
	return ""
}

// checkScratch refuses loads of scratch memory that some path reaches without a store. Jumps only go forward, so one
// pass knows for every instruction what every path to it has stored. As in the kernel, the instruction after a return
// counts as reached from the return.
func (p Program) checkScratch() error {
	const all = ^uint16(0)
	arriving := make([]uint16, len(p)) // what is not stored on some path that jumps here
	stored := uint16(0)
	for i, in := range p {
		stored &^= arriving[i]
		switch {
		case in.Code == ST || in.Code == STX:
			stored |= 1 << in.K
		case in.Code == LD|MEM || in.Code == LDX|MEM:
			if stored&(1<<in.K) == 0 {
				return fmt.Errorf("check a filter: instruction %d (%s): the word may not have been stored", i, in)
			}
		case in.Code == JMP|JA:
			arriving[i+1+int(in.K)] |= ^stored
			stored = all
		case in.Code&7 == JMP:
			arriving[i+1+int(in.JT)] |= ^stored
			arriving[i+1+int(in.JF)] |= ^stored
			stored = all
		}
	}
	return nil
}
