package seccomp

import (
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
)

// step is a test with the steps that follow, or, without one, an answer. Equal steps are one.
type step struct {
	test
	yes, no int
	answer  uint32
}

// steps is the tests of a function; those that lead to the same are shared.
type steps struct {
	planner
	list []step
	same map[step]int
	of   map[ref]int
}

func (s *steps) add(one step) int {
	if one.compare != 0 && one.yes == one.no {
		return one.yes
	}
	at, known := s.same[one]
	if !known {
		at = len(s.list)
		s.list = append(s.list, one)
		s.same[one] = at
	}
	return at
}

// function returns the step that a function begins with.
func (s *steps) function(f ref) int {
	if s.d.isLeaf(f) {
		return s.add(step{answer: s.d.value(f)})
	}
	at, done := s.of[f]
	if !done {
		s.tries = maxTries
		at = s.tree(s.word(f))
		s.of[f] = at
	}
	return at
}

func (s *steps) tree(t *tree) int {
	if t.compare == 0 {
		return s.function(t.is)
	}
	return s.add(step{test: t.test, yes: s.tree(t.yes), no: s.tree(t.no)})
}

// layout places steps as instructions, the last first, so that every jump goes to what is placed already.
type layout struct {
	steps    []step
	entered  []entered
	reversed bpf.Program
	places   []place
	size     []int
}

// entered tells how a step is reached: with its word in the accumulator, with the word before its AND, or with anything.
type entered struct{ ready, loaded, anyhow bool }

// place is where the instructions of a step are, counted from the end of the program; -1 when they are not yet.
type place struct{ ready, loaded, anyhow int }

// reach is how far a conditional jump goes, less what may be put in between.
const reach = 250

// arrange returns the program of steps.
func arrange(list []step, first int) bpf.Program {
	l := layout{steps: list, entered: make([]entered, len(list)), places: make([]place, len(list)), size: make([]int, len(list))}
	for i, s := range list {
		l.places[i] = place{-1, -1, -1}
		if s.compare == 0 {
			continue
		}
		l.size[i] = 1 + l.size[s.yes] + l.size[s.no]
		for _, next := range []int{s.yes, s.no} {
			*l.entered[next].how(s.test, list[next].test) = true
		}
	}
	l.entered[first].anyhow = true
	l.put(first)
	slices.Reverse(l.reversed)
	return l.reversed
}

// how returns the way by which a step is reached from another.
func (e *entered) how(from, to test) *bool {
	switch {
	case from.word == to.word && from.mask == to.mask:
		return &e.ready
	case from.word == to.word && from.mask == wholeWord:
		return &e.loaded
	default:
		return &e.anyhow
	}
}

// put places a step after everything that it leads to.
func (l *layout) put(i int) {
	s := l.steps[i]
	if s.compare == 0 || l.places[i].ready >= 0 {
		return
	}
	near, far := s.yes, s.no
	if l.size[far] < l.size[near] {
		near, far = far, near
	}
	l.put(far)
	l.put(near)
	yes, no := l.target(s.test, s.yes), l.target(s.test, s.no)
	for !l.near(yes) || !l.near(no) {
		l.bring(yes, s.yes)
		l.bring(no, s.no)
	}
	at := len(l.reversed)
	l.add(bpf.Instruction{Code: bpf.JMP | s.compare | bpf.K, K: s.k, JT: uint8(at - *yes - 1), JF: uint8(at - *no - 1)})
	p := &l.places[i]
	*p = place{at, at, at}
	if how := l.entered[i]; how.loaded || how.anyhow {
		if s.mask != wholeWord {
			p.loaded = l.add(bpf.Instruction{Code: bpf.ALU | bpf.AND | bpf.K, K: s.mask})
		}
		if how.anyhow {
			p.anyhow = l.add(bpf.Instruction{Code: bpf.LD | bpf.W | bpf.ABS, K: offset(s.word)})
		}
	}
}

// add puts an instruction in front of the others and returns its place.
func (l *layout) add(in bpf.Instruction) int {
	l.reversed = append(l.reversed, in)
	return len(l.reversed) - 1
}

// target returns the place to jump to for a step after a test.
func (l *layout) target(from test, to int) *int {
	var e entered
	p := &l.places[to]
	switch how := e.how(from, l.steps[to].test); how {
	case &e.ready:
		return &p.ready
	case &e.loaded:
		return &p.loaded
	default:
		return &p.anyhow
	}
}

func (l *layout) near(at *int) bool { return *at >= 0 && len(l.reversed)-*at <= reach }

// bring makes a step be near: an answer is placed again, and of others a jump to them.
func (l *layout) bring(at *int, i int) {
	if l.near(at) {
		return
	}
	if s := l.steps[i]; s.compare == 0 {
		*at = l.add(bpf.Instruction{Code: bpf.RET | bpf.K, K: s.answer})
		l.places[i] = place{*at, *at, *at}
		return
	}
	*at = l.add(bpf.Instruction{Code: bpf.JMP | bpf.JA, K: uint32(len(l.reversed) - *at - 1)})
}
