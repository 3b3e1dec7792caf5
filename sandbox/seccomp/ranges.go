package seccomp

import (
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// ranges carries out the tests that follow on each other while the accumulator holds a word as it was loaded. All that they ask of it is in
// which range of values it is, so they are carried out once for each range, and the answers put together by range. It does what one
// test after the other would do ([machine.branch]), in a fraction of the time and without what is in between: most of a filter is such tests.
type ranges struct {
	m     *machine
	s     state    // the registers, which no test changes
	word  uint32   // what the accumulator holds
	cuts  []uint32 // where the ranges begin; the first is 0
	is    []ref    // the answer of each range, none yet
	steps int
}

// none is the answer of a range that is not known yet.
const none ref = -1

// isRangeTest tells whether an instruction asks for the range of the accumulator.
func isRangeTest(in bpf.Instruction) bool {
	switch in.Code {
	case bpf.JMP | bpf.JEQ | bpf.K, bpf.JMP | bpf.JGT | bpf.K, bpf.JMP | bpf.JGE | bpf.K:
		return true
	}
	return false
}

// ranges returns what the program answers from a range test on, at which the accumulator holds a word as it was loaded.
func (m *machine) ranges(s state, word uint32) ref {
	r := ranges{m: m, s: s, word: word}
	r.cut()
	r.is = make([]ref, len(r.cuts))
	for i := range r.is {
		r.is[i] = none
	}
	r.walk(s.pc, 0, len(r.cuts))
	if m.d.exhausted() {
		m.stop(s.pc)
		return never
	}
	for _, f := range r.is {
		if m.d.nodes[f].level < 32*(word+1) { // it looks at a word that comes earlier, or at this one again
			return r.fold()
		}
	}
	return m.d.ranged(word, r.cuts, r.is)
}

// passes tells whether an instruction leaves the accumulator as it is and does not end the tests.
func (r *ranges) passes(pc int) bool {
	if _, is := r.m.once.at(pc); is {
		return false
	}
	in := r.m.p[pc]
	return isRangeTest(in) || in.Code == bpf.JMP|bpf.JA || in.Code == bpf.LD|bpf.W|bpf.ABS && wordAt(in.K) == r.word
}

// cut finds where a test changes.
func (r *ranges) cut() {
	p := r.m.p
	r.cuts = append(r.cuts, 0)
	after := func(k uint32) {
		if k != ^uint32(0) {
			r.cuts = append(r.cuts, k+1)
		}
	}
	r.m.visit++
	todo := []int{r.s.pc}
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		in := p[pc]
		if r.m.visited[pc] == r.m.visit || !r.passes(pc) {
			continue
		}
		r.m.visited[pc] = r.m.visit
		switch in.Code {
		case bpf.JMP | bpf.JA:
			todo = append(todo, pc+1+int(in.K))
			continue
		case bpf.LD | bpf.W | bpf.ABS:
			todo = append(todo, pc+1)
			continue
		case bpf.JMP | bpf.JGT | bpf.K:
			after(in.K)
		case bpf.JMP | bpf.JGE | bpf.K:
			r.cuts = append(r.cuts, in.K)
		case bpf.JMP | bpf.JEQ | bpf.K:
			r.cuts = append(r.cuts, in.K)
			after(in.K)
		}
		todo = append(todo, pc+1+int(in.JF), pc+1+int(in.JT))
	}
	slices.Sort(r.cuts)
	r.cuts = slices.Compact(r.cuts)
}

// walk finds the answers of the ranges from i to before j, all of which come to an instruction, but for those that have one. A
// value that is told from all others has its answer before the others go on, so that they stay together.
func (r *ranges) walk(pc, i, j int) {
	for i < j {
		if r.steps++; r.steps%8 == 0 { // a step here is a small part of one in the diagram
			r.m.d.work--
		}
		if r.m.d.exhausted() {
			return
		}
		in := r.m.p[pc]
		if !r.passes(pc) {
			r.answer(pc, i, j)
			return
		}
		yes, no := pc+1+int(in.JT), pc+1+int(in.JF)
		var from int // the first range above: the test holds from there on
		switch in.Code {
		case bpf.JMP | bpf.JA:
			pc += 1 + int(in.K)
			continue
		case bpf.LD | bpf.W | bpf.ABS:
			pc++
			continue
		case bpf.JMP | bpf.JEQ | bpf.K:
			if at, _ := slices.BinarySearch(r.cuts, in.K); i <= at && at < j {
				r.walk(yes, at, at+1)
				if j-i == 1 {
					return
				}
			}
			pc = no
			continue
		case bpf.JMP | bpf.JGT | bpf.K:
			if from = len(r.cuts); in.K != ^uint32(0) {
				from, _ = slices.BinarySearch(r.cuts, in.K+1)
			}
		case bpf.JMP | bpf.JGE | bpf.K:
			from, _ = slices.BinarySearch(r.cuts, in.K)
		}
		r.walk(no, i, min(from, j))
		pc, i = yes, max(from, i)
	}
}

// answer gives ranges what the program answers from an instruction on.
func (r *ranges) answer(pc, i, j int) {
	var f ref
	if in := r.m.p[pc]; in.Code == bpf.RET|bpf.K {
		f = r.m.d.leaf(in.K)
	} else {
		s := r.s
		s.pc = pc
		f = r.m.from(s)
	}
	for k := i; k < j; k++ {
		if r.is[k] == none {
			r.is[k] = f
		}
	}
}

// fold puts answers together of which any may depend on any bit.
func (r *ranges) fold() ref {
	d, is := r.m.d, r.is[0]
	for i := 1; i < len(r.cuts); i++ {
		bound := constant(r.cuts[i])
		is = d.ite(d.above(r.m.vectors[r.s.a][:], bound[:], true), r.is[i], is)
	}
	if d.exhausted() {
		r.m.stop(r.s.pc)
	}
	return is
}

// ranged returns the function that is the one of a range where the word is in it: ranges begin at cuts, of which the first is 0. No
// function depends on earlier words, nor on this one.
func (d *diagram) ranged(word uint32, cuts []uint32, is []ref) ref {
	var part func(bit int, first uint32, i, j int) ref // of the values that begin with first, which are in the ranges from i to before j
	part = func(bit int, first uint32, i, j int) ref {
		if j-i == 1 {
			return is[i]
		}
		middle := first | 1<<bit
		high, exact := slices.BinarySearch(cuts[i:j], middle)
		high += i
		low := high
		if !exact {
			high-- // the range of middle begins below it
		}
		return d.make(32*word+31-uint32(bit), part(bit-1, first, i, low), part(bit-1, middle, high, j))
	}
	return part(31, 0, 0, len(cuts))
}
