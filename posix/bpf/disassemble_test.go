package bpf

import (
	"fmt"
	"strings"
	"testing"
)

func ExampleProgram_Disassemble() {
	p := Program{
		{Code: LD | W | ABS, K: OffsetArch},
		{Code: JMP | JEQ, K: 0xc000003e, JT: 1},
		{Code: RET, K: RetKillProcess},
		{Code: LD | W | ABS, K: OffsetNr},
		{Code: JMP | JGE, K: 0x40000000, JF: 1},
		{Code: RET, K: RetErrno | 38},
		{Code: RET, K: RetAllow},
	}
	fmt.Print(p.Disassemble())
	// Output:
	//    0: ld [4]                               ; architecture
	//    1: jeq #0xc000003e, 3, 2
	//    2: ret #0x80000000                      ; kill_process
	//    3: ld [0]                               ; number
	//    4: jge #0x40000000, 5, 6
	//    5: ret #0x50026                         ; errno 38
	//    6: ret #0x7fff0000                      ; allow
}

func TestString(t *testing.T) {
	for want, in := range map[string]Instruction{
		"ld [60]":           {Code: LD | W | ABS, K: 60},
		"ldx #0x5":          {Code: LDX | IMM, K: 5},
		"ld M[3]":           {Code: LD | MEM, K: 3},
		"stx M[3]":          {Code: STX, K: 3},
		"add x":             {Code: ALU | ADD | X},
		"and #0xff":         {Code: ALU | AND, K: 255},
		"neg":               {Code: ALU | NEG},
		"jset x, +1, +2":    {Code: JMP | JSET | X, JT: 1, JF: 2},
		"ja +7":             {Code: JMP | JA, K: 7},
		"ret a":             {Code: RET | A},
		"code 0x0095, 0, 0": {Code: 0x95},
	} {
		if got := in.String(); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
