package minijail

import (
	"fmt"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// program makes a filter that answers as the file does. It is there to be read by a prover and knows nothing of the rules that Policy makes; where
// a condition is long it has jumps that the kernel takes, and may be longer than what it takes.
func (f *File) program() (bpf.Program, error) {
	out := bpf.Program{load(bpf.OffsetArch), {Code: bpf.JMP | bpf.JEQ | bpf.K, JT: 1, K: f.Arch.Audit()}, ret(bpf.RetKillProcess), load(bpf.OffsetNr)}
	if f.Arch == seccomp.X8664 { // the numbers of x32, all but the one of no call
		out = append(out, bpf.Instruction{Code: bpf.JMP | bpf.JEQ | bpf.K, JT: 2, K: 0xffffffff},
			bpf.Instruction{Code: bpf.JMP | bpf.JGE | bpf.K, JF: 1, K: 0x40000000}, ret(bpf.RetKillProcess))
	}
	for _, c := range f.Calls {
		nr, _ := f.Arch.Number(c.Name)
		var body bpf.Program
		for _, k := range c.Cases {
			if len(k.Or) == 0 {
				body = append(body, ret(k.Answer))
				break
			}
			for _, and := range k.Or {
				body = append(body, conjunction(and, k.Answer)...)
			}
		}
		body = append(body, ret(f.Default))
		out = append(out, bpf.Instruction{Code: bpf.JMP | bpf.JEQ | bpf.K, JT: 1, K: nr}, bpf.Instruction{Code: bpf.JMP | bpf.JA, K: uint32(len(body))})
		out = append(out, body...)
	}
	out = append(out, ret(f.Default))
	if len(out) > bpf.MaxInstructions {
		return nil, fmt.Errorf("%s: as a filter it would have %d instructions; the kernel takes %d", f.Name, len(out), bpf.MaxInstructions)
	}
	return out, nil
}

func ret(answer uint32) bpf.Instruction { return bpf.Instruction{Code: bpf.RET | bpf.K, K: answer} }

func load(offset uint32) bpf.Instruction {
	return bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: offset}
}

// conjunction returns an answer where all atoms hold, and goes on behind itself where one does not.
func conjunction(and []Atom, answer uint32) bpf.Program {
	out := bpf.Program{ret(answer)}
	for i := len(and) - 1; i >= 0; i-- {
		// Every atom is a block whose last instruction jumps away when it fails.
		out = append(and[i].block(uint32(len(out))), out...)
	}
	return out
}

// block falls through its end when the atom holds, and jumps so far behind it otherwise.
func (a Atom) block(fails uint32) bpf.Program {
	low, high := uint32(a.Value.v), uint32(a.Value.v>>32)
	jump := func(op uint16, k uint32, yes, no uint8) bpf.Instruction {
		return bpf.Instruction{Code: bpf.JMP | op | bpf.K, JT: yes, JF: no, K: k}
	}
	away := bpf.Instruction{Code: bpf.JMP | bpf.JA, K: fails}
	h, l := load(bpf.OffsetArgHigh(a.Arg)), load(bpf.OffsetArgLow(a.Arg))
	switch a.Op {
	case "==": // 0 h, 1 test, 2 l, 3 test, 4 away
		return bpf.Program{h, jump(bpf.JEQ, high, 0, 2), l, jump(bpf.JEQ, low, 1, 0), away}
	case "!=":
		return bpf.Program{h, jump(bpf.JEQ, high, 0, 3), l, jump(bpf.JEQ, low, 0, 1), away}
	case "<":
		return bpf.Program{h, jump(bpf.JGT, high, 3, 0), jump(bpf.JEQ, high, 0, 3), l, jump(bpf.JGE, low, 0, 1), away}
	case "<=":
		return bpf.Program{h, jump(bpf.JGT, high, 3, 0), jump(bpf.JEQ, high, 0, 3), l, jump(bpf.JGT, low, 0, 1), away}
	case ">":
		return bpf.Program{h, jump(bpf.JGT, high, 4, 0), jump(bpf.JEQ, high, 0, 2), l, jump(bpf.JGT, low, 1, 0), away}
	case ">=":
		return bpf.Program{h, jump(bpf.JGT, high, 4, 0), jump(bpf.JEQ, high, 0, 2), l, jump(bpf.JGE, low, 1, 0), away}
	case "&":
		return bpf.Program{h, jump(bpf.JSET, high, 3, 0), l, jump(bpf.JSET, low, 1, 0), away}
	default: // in
		return bpf.Program{h, jump(bpf.JSET, ^high, 2, 0), l, jump(bpf.JSET, ^low, 0, 1), away}
	}
}
