package seccomp

import (
	"math/rand/v2"
	"testing"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// TestAnswers: for random values of what is not known the answer is among those that were yielded, and each example gets its own.
func TestAnswers(t *testing.T) {
	low := bpf.OffsetArgLow(0)
	program := bpf.Program{ // call 1: errno 1 when the lowest four bits of argument 0 are 3, log when its bit 8 is set, else allow
		{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 1, JF: 7},
		{Code: bpf.LD | bpf.W | bpf.ABS, K: low},
		{Code: bpf.JMP | bpf.JSET | bpf.K, K: 0x100, JT: 4},
		{Code: bpf.ALU | bpf.AND | bpf.K, K: 0xf},
		{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 3, JF: 1},
		{Code: bpf.RET | bpf.K, K: bpf.RetErrno | 1},
		{Code: bpf.RET | bpf.K, K: bpf.RetAllow},
		{Code: bpf.RET | bpf.K, K: bpf.RetLog},
		{Code: bpf.RET | bpf.K, K: bpf.RetKillProcess},
	}
	d, err := FromProgram(program)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		nr          uint32
		arg0, known uint64
		want        map[uint32]bool
	}{
		"all is known":            {1, 3, ^uint64(0), map[uint32]bool{bpf.RetErrno | 1: true}},
		"the upper half is not":   {1, 3, 0xffffffff, map[uint32]bool{bpf.RetErrno | 1: true}},
		"nothing is known":        {1, 0, 0, map[uint32]bool{bpf.RetErrno | 1: true, bpf.RetLog: true, bpf.RetAllow: true}},
		"bit 8 is known":          {1, 0x100, 0x100, map[uint32]bool{bpf.RetLog: true}},
		"no longer three":         {1, 0, 0x101, map[uint32]bool{bpf.RetAllow: true}},
		"another call":            {2, 0, 0, map[uint32]bool{bpf.RetKillProcess: true}},
		"unknown bits are passed": {1, 0x103, 0xf, map[uint32]bool{bpf.RetErrno | 1: true, bpf.RetLog: true}},
	} {
		t.Run(name, func(t *testing.T) {
			call := bpf.Data{Nr: c.nr, Arch: native.Audit(), Args: [6]uint64{c.arg0}}
			got := map[uint32]bool{}
			for answer, example := range d.Answers(call, [6]uint64{c.known}) {
				if got[answer] {
					t.Errorf("%s comes twice", bpf.Describe(answer))
				}
				got[answer] = true
				if program.Run(example) != answer || (example.Args[0]^c.arg0)&c.known != 0 {
					t.Errorf("the example %+v of %s is none", example, bpf.Describe(answer))
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			for range 1000 {
				one := call
				one.Args[0] = c.arg0&c.known | rand.Uint64()&^c.known
				if answer := program.Run(one); !got[answer] || !c.want[answer] {
					t.Fatalf("%#x gets %s, which is not among %v", one.Args[0], bpf.Describe(answer), got)
				}
			}
		})
	}
}
