package planted

import (
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// Kind is a mistake that a compiler can make. make returns a program with it at the instruction of a place, and whether that instruction is
// one with which it can be made.
type Kind struct {
	Name string
	// X8664 tells that only filters of that architecture can have it.
	X8664 bool
	make  func(s Subject, i int) (bpf.Program, bool)
}

// The bit of x32's numbers, and its execve. Source: asm/unistd.h, asm/unistd_x32.h.
const (
	x32Bit    = 0x40000000
	x32Execve = x32Bit + 520
)

// change is a change of one instruction of some kind.
func change(name string, of func(bpf.Instruction) bool, do func(*bpf.Instruction)) Kind {
	return Kind{Name: name, make: func(s Subject, i int) (bpf.Program, bool) {
		p := s.Program
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

// replaced is a change of one instruction where a condition holds.
func replaced(name string, x8664 bool, where func(s Subject, in bpf.Instruction) bool, do func(*bpf.Instruction)) Kind {
	return Kind{Name: name, X8664: x8664, make: func(s Subject, i int) (bpf.Program, bool) {
		if !where(s, s.Program[i]) {
			return nil, false
		}
		p := slices.Clone(s.Program)
		do(&p[i])
		return p, true
	}}
}

// inFront is instructions in front of the whole program.
func inFront(name string, front ...bpf.Instruction) Kind {
	return Kind{Name: name, make: func(s Subject, i int) (bpf.Program, bool) {
		return append(slices.Clone(bpf.Program(front)), s.Program...), i == 0
	}}
}

// Kinds returns all kinds. The slice is new.
func Kinds() []Kind {
	return []Kind{
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
		{Name: "dropped AND", make: func(s Subject, i int) (bpf.Program, bool) { return removed(s.Program, i), isAnd(s.Program[i]) }},
		{Name: "dropped load", make: func(s Subject, i int) (bpf.Program, bool) {
			return removed(s.Program, i), isLoad(s.Program[i]) && i > 0
		}},
		replaced("missing architecture check", false, func(s Subject, in bpf.Instruction) bool { return compares(bpf.JEQ)(in) && in.K == s.Native },
			func(in *bpf.Instruction) { in.JF = in.JT }),
		replaced("x32 left open", true, func(_ Subject, in bpf.Instruction) bool { return compares(bpf.JGE)(in) && in.K == x32Bit },
			func(in *bpf.Instruction) { in.JT = in.JF }),
		replaced("lost argument rule", false, func(_ Subject, in bpf.Instruction) bool { return isLoad(in) && in.K >= 16 },
			func(in *bpf.Instruction) { *in = bpf.Instruction{Code: bpf.RET | bpf.K, K: bpf.RetAllow} }),
		inFront("a call before the checks",
			bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetNr},
			bpf.Instruction{Code: bpf.JMP | bpf.JEQ | bpf.K, K: x32Execve, JF: 1},
			bpf.Instruction{Code: bpf.RET | bpf.K, K: bpf.RetAllow}),
		inFront("one value of one argument",
			bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: bpf.OffsetArgHigh(3)},
			bpf.Instruction{Code: bpf.JMP | bpf.JEQ | bpf.K, K: 0xdecade, JF: 1},
			bpf.Instruction{Code: bpf.RET | bpf.K, K: bpf.RetAllow}),
	}
}
