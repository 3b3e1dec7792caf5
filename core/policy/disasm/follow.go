package disasm

import (
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// what is in the accumulator.
type loaded uint8

const (
	unknown loaded = iota
	arch
	number
	argument
)

// state is what is known where an instruction is reached, on every way to it.
type state struct {
	loaded loaded
	index  int    // of the argument
	mask   uint32 // that the argument was taken with
	audit  uint32 // the architecture that was found; 0 for none, or several
	nr     uint32
	isNr   bool // the call's number is nr
}

// sources returns where each instruction is jumped to from. The next instruction after one that does not jump is not one.
func sources(p bpf.Program) [][]int {
	from := make([][]int, len(p))
	for i, in := range p {
		for _, to := range targets(i, in) {
			if to < len(p) && in.Code&7 == bpf.JMP && (len(from[to]) == 0 || from[to][len(from[to])-1] != i) {
				from[to] = append(from[to], i)
			}
		}
	}
	return from
}

// targets returns the instructions that may come after one: of a conditional jump first where it holds.
func targets(i int, in bpf.Instruction) []int {
	switch {
	case in.Code&7 == bpf.RET:
		return nil
	case in.Code == bpf.JMP|bpf.JA:
		if in.K > 1<<20 { // further than any program is long
			return nil
		}
		return []int{i + 1 + int(in.K)}
	case in.Code&7 == bpf.JMP:
		return []int{i + 1 + int(in.JT), i + 1 + int(in.JF)}
	}
	return []int{i + 1}
}

// follow returns the state of each instruction, nil for one that is never reached. Jumps only go forward, so one pass is enough.
func follow(p bpf.Program) []*state {
	states := make([]*state, len(p))
	if len(p) > 0 {
		states[0] = &state{}
	}
	for i, in := range p {
		if states[i] == nil {
			continue
		}
		for branch, to := range targets(i, in) {
			if to < len(p) {
				next := states[i].after(in, branch == 0)
				states[to] = meet(states[to], next)
			}
		}
	}
	return states
}

// after returns the state after an instruction; holds tells which way a conditional jump went.
func (s state) after(in bpf.Instruction, holds bool) *state {
	switch class := in.Code & 7; {
	case in.Code == bpf.LD|bpf.W|bpf.ABS:
		s.load(in.K)
	case in.Code == bpf.ALU|bpf.AND|bpf.K && s.loaded == argument:
		s.mask &= in.K
	case class == bpf.LD, class == bpf.ALU, in.Code == bpf.MISC|bpf.TXA:
		s.loaded = unknown
	case in.Code == bpf.JMP|bpf.JEQ|bpf.K && holds && s.loaded == arch:
		s.audit = in.K
	case in.Code == bpf.JMP|bpf.JEQ|bpf.K && holds && s.loaded == number:
		s.nr, s.isNr = in.K, true
	}
	return &s
}

func (s *state) load(offset uint32) {
	switch {
	case offset == bpf.OffsetNr:
		s.loaded = number
	case offset == bpf.OffsetArch:
		s.loaded = arch
	case offset >= 16:
		s.loaded, s.index, s.mask = argument, int(offset-16)/8, ^uint32(0)
	default:
		s.loaded = unknown
	}
}

// meet returns what is known when an instruction is reached in two ways.
func meet(a, b *state) *state {
	if a == nil {
		return b
	}
	m := *a
	if a.loaded != b.loaded || a.index != b.index || a.mask != b.mask {
		m.loaded = unknown
	}
	if a.audit != b.audit {
		m.audit = 0
	}
	if a.nr != b.nr || a.isNr != b.isNr {
		m.nr, m.isNr = 0, false
	}
	return &m
}

// name returns the call that has a number on the architecture that was found; "" when there is none.
func (s *state) name(nr uint32) (seccomp.Arch, string) {
	for _, a := range seccomp.Arches() {
		if name := a.CallName(nr); name != "" && s.audit == a.Audit() {
			return a, name
		}
	}
	return 0, ""
}

// called returns the call that it must be; "" when it may be several.
func (s *state) called() (seccomp.Arch, string) {
	if !s.isNr {
		return 0, ""
	}
	return s.name(s.nr)
}
