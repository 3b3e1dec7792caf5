package bpf

import (
	"fmt"
	"strings"
)

var aluNames = map[uint16]string{
	ADD: "add", SUB: "sub", MUL: "mul", DIV: "div", OR: "or", AND: "and", LSH: "lsh", RSH: "rsh", XOR: "xor", NEG: "neg",
}

var jumpNames = map[uint16]string{JEQ: "jeq", JGT: "jgt", JGE: "jge", JSET: "jset"}

// String returns the instruction in the notation of the kernel's bpf_asm, with jumps as distances ("+0" is the next).
func (in Instruction) String() string {
	return in.text(func(skip uint32) string { return fmt.Sprintf("+%d", skip) })
}

// Disassemble returns one line for each instruction: its number, the instruction in the notation of the kernel's bpf_asm with
// numbers of lines as the targets of jumps, and what it is about.
func (p Program) Disassemble() string {
	var b strings.Builder
	for i, in := range p {
		line := in.text(func(skip uint32) string { return fmt.Sprint(uint64(i) + 1 + uint64(skip)) })
		if about := in.about(); about != "" {
			line = fmt.Sprintf("%-36s ; %s", line, about)
		}
		fmt.Fprintf(&b, "%4d: %s\n", i, line)
	}
	return b.String()
}

func (in Instruction) text(target func(skip uint32) string) string {
	operand := fmt.Sprintf("#%#x", in.K)
	if class := in.Code & 7; (class == ALU || class == JMP) && in.Code&X != 0 {
		operand = "x"
	}
	switch in.Code {
	case LD | W | ABS:
		return fmt.Sprintf("ld [%d]", in.K)
	case LD | IMM:
		return "ld " + operand
	case LDX | IMM:
		return "ldx " + operand
	case LD | W | LEN:
		return "ld len"
	case LDX | W | LEN:
		return "ldx len"
	case LD | MEM:
		return fmt.Sprintf("ld M[%d]", in.K)
	case LDX | MEM:
		return fmt.Sprintf("ldx M[%d]", in.K)
	case ST:
		return fmt.Sprintf("st M[%d]", in.K)
	case STX:
		return fmt.Sprintf("stx M[%d]", in.K)
	case MISC | TAX:
		return "tax"
	case MISC | TXA:
		return "txa"
	case RET | K:
		return "ret " + operand
	case RET | A:
		return "ret a"
	case JMP | JA:
		return "ja " + target(in.K)
	case ALU | NEG:
		return "neg"
	}
	op := in.Code &^ (7 | X)
	if name := jumpNames[op]; name != "" && in.Code&7 == JMP {
		return fmt.Sprintf("%s %s, %s, %s", name, operand, target(uint32(in.JT)), target(uint32(in.JF)))
	}
	if name := aluNames[op]; name != "" && in.Code&7 == ALU && op != NEG {
		return name + " " + operand
	}
	return fmt.Sprintf("code %#04x, %d, %d, %#x", in.Code, in.JT, in.JF, in.K)
}

// about says what a load reads and what a return does.
func (in Instruction) about() string {
	switch {
	case in.Code == RET|K:
		return Describe(in.K)
	case in.Code != LD|W|ABS:
		return ""
	case in.K == OffsetNr:
		return "number"
	case in.K == OffsetArch:
		return "architecture"
	case in.K < 16:
		return "instruction pointer, " + half(in.K)
	default:
		return fmt.Sprintf("argument %d, %s", (in.K-16)/8, half(in.K))
	}
}

func half(offset uint32) string {
	if (offset%8 == 4) != bigEndian {
		return "high half"
	}
	return "low half"
}
