package seccomp

import (
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// mutation is a mistake that a compiler can make, applied to the instruction at a place. It tells whether the instruction is one of its kind.
type mutation struct {
	name string
	make func(p bpf.Program, i int) (bpf.Program, bool)
}

// change is a mutation of one instruction of some kind.
func change(name string, of func(bpf.Instruction) bool, do func(*bpf.Instruction)) mutation {
	return mutation{name, func(p bpf.Program, i int) (bpf.Program, bool) {
		if !of(p[i]) {
			return nil, false
		}
		p = slices.Clone(p)
		do(&p[i])
		return p, true
	}}
}

func isBranch(in bpf.Instruction) bool { return in.Code&7 == bpf.JMP && in.Code != bpf.JMP|bpf.JA }
func isLoad(in bpf.Instruction) bool   { return in.Code == bpf.LD|bpf.W|bpf.ABS }
func isAnd(in bpf.Instruction) bool    { return in.Code == bpf.ALU|bpf.AND|bpf.K }
func isReturn(in bpf.Instruction) bool { return in.Code == bpf.RET|bpf.K }

func compares(op uint16) func(bpf.Instruction) bool {
	return func(in bpf.Instruction) bool { return in.Code == bpf.JMP|op|bpf.K }
}

// removed takes instructions out; a jump over them becomes shorter.
func removed(p bpf.Program, i int) bpf.Program {
	out := slices.Clone(p)
	for at := range out[:i] {
		in := &out[at]
		switch {
		case in.Code == bpf.JMP|bpf.JA && at+1+int(in.K) > i:
			in.K--
		case isBranch(*in):
			if at+1+int(in.JT) > i {
				in.JT--
			}
			if at+1+int(in.JF) > i {
				in.JF--
			}
		}
	}
	return slices.Delete(out, i, i+1)
}

var mutations = []mutation{
	change("wrong jump where it holds", isBranch, func(in *bpf.Instruction) { in.JT++ }),
	change("wrong jump where it does not hold", isBranch, func(in *bpf.Instruction) { in.JF++ }),
	change("shorter jump", isBranch, func(in *bpf.Instruction) { in.JT -= min(in.JT, 1) }),
	change("inverted test", isBranch, func(in *bpf.Instruction) { in.JT, in.JF = in.JF, in.JT }),
	change("lost test, always", isBranch, func(in *bpf.Instruction) { in.JF = in.JT }),
	change("lost test, never", isBranch, func(in *bpf.Instruction) { in.JT = in.JF }),
	change("off by one, above", isBranch, func(in *bpf.Instruction) { in.K++ }),
	change("off by one, below", isBranch, func(in *bpf.Instruction) { in.K-- }),
	change("one wrong bit", isBranch, func(in *bpf.Instruction) { in.K ^= 1 << 30 }),
	change("signed for unsigned", isBranch, func(in *bpf.Instruction) { in.K ^= 1 << 31 }),
	change("GE for EQ", compares(bpf.JEQ), func(in *bpf.Instruction) { in.Code = bpf.JMP | bpf.JGE | bpf.K }),
	change("EQ for GE", compares(bpf.JGE), func(in *bpf.Instruction) { in.Code = bpf.JMP | bpf.JEQ | bpf.K }),
	change("GT for GE", compares(bpf.JGE), func(in *bpf.Instruction) { in.Code = bpf.JMP | bpf.JGT | bpf.K }),
	change("EQ for a set of bits", compares(bpf.JSET), func(in *bpf.Instruction) { in.Code = bpf.JMP | bpf.JEQ | bpf.K }),
	change("wrong mask of a test", compares(bpf.JSET), func(in *bpf.Instruction) { in.K |= in.K << 1 }),
	change("swapped half word", func(in bpf.Instruction) bool { return isLoad(in) && in.K >= 16 }, func(in *bpf.Instruction) { in.K ^= 4 }),
	change("number for architecture", func(in bpf.Instruction) bool { return isLoad(in) && in.K < 8 }, func(in *bpf.Instruction) { in.K ^= 4 }),
	change("wrong argument", func(in bpf.Instruction) bool { return isLoad(in) && in.K >= 16 },
		func(in *bpf.Instruction) { in.K = 16 + (in.K-16+8)%48 }),
	change("wrong mask", isAnd, func(in *bpf.Instruction) { in.K |= in.K << 1 }),
	change("narrower mask", isAnd, func(in *bpf.Instruction) { in.K &= in.K - 1 }),
	change("OR for AND", isAnd, func(in *bpf.Instruction) { in.Code = bpf.ALU | bpf.OR | bpf.K }),
	change("allowed", isReturn, func(in *bpf.Instruction) { in.K = bpf.RetAllow }),
	change("denied", isReturn, func(in *bpf.Instruction) { in.K = bpf.RetErrno | 1 }),
	change("another error", isReturn, func(in *bpf.Instruction) { in.K = bpf.RetErrno | 99 }),
	change("log for errno", isReturn, func(in *bpf.Instruction) { in.K = bpf.RetLog }),
	{"dropped AND", func(p bpf.Program, i int) (bpf.Program, bool) { return removed(p, i), isAnd(p[i]) }},
	{"dropped load", func(p bpf.Program, i int) (bpf.Program, bool) { return removed(p, i), isLoad(p[i]) && i > 0 }},
	{"missing architecture check", func(p bpf.Program, i int) (bpf.Program, bool) {
		if !compares(bpf.JEQ)(p[i]) || p[i].K != Native().Audit() {
			return nil, false
		}
		p = slices.Clone(p)
		p[i].JF = p[i].JT
		return p, true
	}},
	{"x32 left open", func(p bpf.Program, i int) (bpf.Program, bool) {
		if !compares(bpf.JGE)(p[i]) || p[i].K != x32Bit {
			return nil, false
		}
		p = slices.Clone(p)
		p[i].JT = p[i].JF
		return p, true
	}},
	{"lost argument rule", func(p bpf.Program, i int) (bpf.Program, bool) {
		if !isLoad(p[i]) || p[i].K < 16 {
			return nil, false
		}
		p = slices.Clone(p)
		p[i] = bpf.Instruction{Code: bpf.RET | bpf.K, K: bpf.RetAllow}
		return p, true
	}},
	{"a call before the checks", func(p bpf.Program, i int) (bpf.Program, bool) {
		return append(bpf.Program{
			{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
			{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 0x40000208, JF: 1}, // execve of x32
			{Code: bpf.RET | bpf.K, K: bpf.RetAllow},
		}, p...), i == 0
	}},
	{"one value of one argument", func(p bpf.Program, i int) (bpf.Program, bool) {
		return append(bpf.Program{
			{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgHigh(3)},
			{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 0xdecade, JF: 1},
			{Code: bpf.RET | bpf.K, K: bpf.RetAllow},
		}, p...), i == 0
	}},
}
