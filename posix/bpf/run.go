package bpf

// Run returns what the kernel does with a call: an action and its value. It allocates nothing.
//
//   - The program was accepted by [Decode] or [Program.Check].
func (p Program) Run(d Data) uint32 {
	var a, x uint32
	var scratch [scratchWords]uint32
	for pc := 0; ; pc++ {
		in := &p[pc]
		switch in.Code {
		case JMP | JEQ | K:
			pc += in.skip(a == in.K)
		case JMP | JGE | K:
			pc += in.skip(a >= in.K)
		case JMP | JGT | K:
			pc += in.skip(a > in.K)
		case JMP | JSET | K:
			pc += in.skip(a&in.K != 0)
		case JMP | JA:
			pc += int(in.K)
		case RET | K:
			return in.K
		case RET | A:
			return a
		case LD | W | ABS:
			a = d.word(in.K)
		case LD | IMM:
			a = in.K
		case LDX | IMM:
			x = in.K
		case LD | W | LEN:
			a = dataSize
		case LDX | W | LEN:
			x = dataSize
		case LD | MEM:
			a = scratch[in.K%scratchWords]
		case LDX | MEM:
			x = scratch[in.K%scratchWords]
		case ST:
			scratch[in.K%scratchWords] = a
		case STX:
			scratch[in.K%scratchWords] = x
		case MISC | TAX:
			x = a
		case MISC | TXA:
			a = x
		case JMP | JEQ | X:
			pc += in.skip(a == x)
		case JMP | JGE | X:
			pc += in.skip(a >= x)
		case JMP | JGT | X:
			pc += in.skip(a > x)
		case JMP | JSET | X:
			pc += in.skip(a&x != 0)
		default:
			operand := in.K
			if in.Code&X != 0 {
				operand = x
			}
			var ok bool
			if a, ok = compute(in.Code&0xf0, a, operand); !ok {
				return RetKillThread
			}
		}
	}
}

func (in *Instruction) skip(holds bool) int {
	if holds {
		return int(in.JT)
	}
	return int(in.JF)
}

// compute carries out an operation of ALU. A division by zero is not ok: the kernel then ends the program with 0, which is
// kill_thread. Of a shift the kernel takes the lowest five bits. Source: bpf_convert_filter, ___bpf_prog_run.
func compute(op uint16, a, operand uint32) (result uint32, ok bool) {
	switch op {
	case ADD:
		return a + operand, true
	case SUB:
		return a - operand, true
	case MUL:
		return a * operand, true
	case DIV:
		if operand == 0 {
			return 0, false
		}
		return a / operand, true
	case OR:
		return a | operand, true
	case AND:
		return a & operand, true
	case XOR:
		return a ^ operand, true
	case LSH:
		return a << (operand & 31), true
	case RSH:
		return a >> (operand & 31), true
	default: // NEG; Check refuses all others
		return -a, true
	}
}
