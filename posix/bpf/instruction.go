package bpf

import "encoding/binary"

// MaxInstructions is how long a program may be (BPF_MAXINSNS).
const MaxInstructions = 4096

// InstructionSize is the length of an instruction in bytes (struct sock_filter).
const InstructionSize = 8

// Instruction is one instruction. Source: struct sock_filter in linux/filter.h.
type Instruction struct {
	Code   uint16 // a class, and what the class needs: LD|W|ABS, JMP|JEQ|K …
	JT, JF uint8  // how many instructions a comparison that holds, or does not, skips
	K      uint32 // the constant
}

// Program is a list of instructions. Only what [Decode] or [Program.Check] accepted may be run.
type Program []Instruction

// The classes of instructions, in the lowest three bits of a code. Source: linux/bpf_common.h.
const (
	LD   = 0x00
	LDX  = 0x01
	ST   = 0x02
	STX  = 0x03
	ALU  = 0x04
	JMP  = 0x05
	RET  = 0x06
	MISC = 0x07
)

// What LD and LDX load: a 32-bit word (the only size of seccomp) of the data, a constant, scratch memory, the data's length.
const (
	W   = 0x00
	IMM = 0x00
	ABS = 0x20
	MEM = 0x60
	LEN = 0x80
)

// The operations of ALU.
const (
	ADD = 0x00
	SUB = 0x10
	MUL = 0x20
	DIV = 0x30
	OR  = 0x40
	AND = 0x50
	LSH = 0x60
	RSH = 0x70
	NEG = 0x80
	XOR = 0xa0
)

// The comparisons of JMP; JA is a jump that is always taken, by K instructions.
const (
	JA   = 0x00
	JEQ  = 0x10
	JGT  = 0x20
	JGE  = 0x30
	JSET = 0x40
)

// The operand of ALU and JMP: the constant or the index register; A, as what RET returns, is the accumulator.
const (
	K = 0x00
	X = 0x08
	A = 0x10
)

// The operations of MISC: the accumulator to the index register, and back.
const (
	TAX = 0x00
	TXA = 0x80
)

// scratchWords is the size of the scratch memory (BPF_MEMWORDS).
const scratchWords = 16

// Bytes returns the program as the kernel takes it: struct sock_filter after struct sock_filter.
func (p Program) Bytes() []byte {
	b := make([]byte, 0, len(p)*InstructionSize)
	for _, in := range p {
		b = binary.NativeEndian.AppendUint16(b, in.Code)
		b = append(b, in.JT, in.JF)
		b = binary.NativeEndian.AppendUint32(b, in.K)
	}
	return b
}
