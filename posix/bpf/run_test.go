package bpf

import "testing"

func TestRun(t *testing.T) {
	data := Data{Nr: 257, Arch: 0xc000003e, IP: 0x1122334455667788, Args: [6]uint64{0xa1a2a3a4b1b2b3b4, 5: 0xc1c2c3c4d1d2d3d4}}
	retA := Instruction{Code: RET | A}
	load := func(offset uint32) Instruction { return Instruction{Code: LD | W | ABS, K: offset} }
	set := func(a, x uint32) []Instruction {
		return []Instruction{{Code: LD | IMM, K: a}, {Code: LDX | IMM, K: x}}
	}
	alu := func(op uint16, a, x uint32) Program { return append(set(a, x), Instruction{Code: ALU | op | X}, retA) }
	jump := func(op uint16, a, x uint32) Program {
		return append(set(a, x), Instruction{Code: JMP | op | X, JT: 1}, Instruction{Code: RET | K, K: 0}, Instruction{Code: RET | K, K: 1})
	}
	for _, c := range []struct {
		name string
		p    Program
		want uint32
	}{
		{"number", Program{load(OffsetNr), retA}, 257},
		{"architecture", Program{load(OffsetArch), retA}, 0xc000003e},
		{"first argument, low", Program{load(OffsetArgLow(0)), retA}, 0xb1b2b3b4},
		{"first argument, high", Program{load(OffsetArgHigh(0)), retA}, 0xa1a2a3a4},
		{"last argument, low", Program{load(OffsetArgLow(5)), retA}, 0xd1d2d3d4},
		{"last argument, high", Program{load(OffsetArgHigh(5)), retA}, 0xc1c2c3c4},
		{"length", Program{{Code: LD | W | LEN}, retA}, 64},
		{"registers begin at zero", Program{{Code: ALU | OR | X}, retA}, 0},
		{"add wraps", alu(ADD, 0xffffffff, 2), 1},
		{"sub wraps", alu(SUB, 1, 2), 0xffffffff},
		{"mul wraps", alu(MUL, 0x80000001, 2), 2},
		{"div", alu(DIV, 7, 2), 3},
		{"div by zero ends with 0", alu(DIV, 7, 0), RetKillThread},
		{"or", alu(OR, 5, 2), 7},
		{"and", alu(AND, 7, 2), 2},
		{"xor", alu(XOR, 7, 2), 5},
		{"lsh", alu(LSH, 1, 4), 16},
		{"rsh", alu(RSH, 16, 4), 1},
		{"a shift takes five bits", alu(LSH, 1, 33), 2},
		{"neg", append(set(1, 0), Instruction{Code: ALU | NEG}, retA), 0xffffffff},
		{"jeq", jump(JEQ, 3, 3), 1},
		{"jeq not", jump(JEQ, 3, 4), 0},
		{"jgt is unsigned", jump(JGT, 0xffffffff, 1), 1},
		{"jgt equal", jump(JGT, 1, 1), 0},
		{"jge equal", jump(JGE, 1, 1), 1},
		{"jset", jump(JSET, 6, 4), 1},
		{"jset not", jump(JSET, 6, 1), 0},
		{"scratch", append(set(11, 22), Instruction{Code: STX, K: 15}, Instruction{Code: LD | MEM, K: 15}, retA), 22},
		{"scratch to X", append(set(11, 22), Instruction{Code: ST, K: 0}, Instruction{Code: LDX | MEM, K: 0}, Instruction{Code: MISC | TXA}, retA), 11},
		{"tax", append(set(11, 22), Instruction{Code: MISC | TAX}, Instruction{Code: LD | IMM}, Instruction{Code: MISC | TXA}, retA), 11},
		{"ja", Program{{Code: JMP | JA, K: 1}, {Code: RET | K, K: 1}, {Code: RET | K, K: 2}}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.p.Check(); err != nil {
				t.Fatal(err)
			}
			if got := c.p.Run(data); got != c.want {
				t.Errorf("got %#x, want %#x\n%s", got, c.want, c.p.Disassemble())
			}
		})
	}
}

func TestSetWord(t *testing.T) {
	var d Data
	for offset := uint32(0); offset < dataSize; offset += 4 {
		d.SetWord(offset, offset+1)
	}
	for offset := uint32(0); offset < dataSize; offset += 4 {
		if got := d.word(offset); got != offset+1 {
			t.Errorf("the word at %d is %d", offset, got)
		}
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	p := Program{{Code: LD | W | ABS, K: OffsetNr}, {Code: JMP | JEQ, K: 7, JT: 1}, {Code: RET, K: RetErrno | 1}, {Code: RET, K: RetAllow}}
	if n := testing.AllocsPerRun(100, func() { p.Run(Data{Nr: 7}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		answer, action uint32
		text           string
	}{
		{RetAllow, RetAllow, "allow"},
		{RetErrno | 38, RetErrno, "errno 38"},
		{RetErrno, RetErrno, "errno 0"},
		{RetKillProcess, RetKillProcess, "kill_process"},
		{RetKillThread, RetKillThread, "kill_thread"},
		{RetLog, RetLog, "log"},
		{0x12340000, RetKillProcess, "kill_process (unknown action 0x12340000)"},
	} {
		if got := Action(c.answer); got != c.action {
			t.Errorf("Action(%#x) is %#x, want %#x", c.answer, got, c.action)
		}
		if got := Describe(c.answer); got != c.text {
			t.Errorf("Describe(%#x) is %q, want %q", c.answer, got, c.text)
		}
	}
}
