package reach

import (
	"errors"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Steps bounds the work of one Solve: decisions about comparisons and about bits.
const Steps = 1 << 20

// ErrTooHard is returned for a condition that was not decided in Steps steps.
var ErrTooHard = errors.New("the condition is too large to be decided")

// Solve returns the six argument registers of a call for which the condition holds, and whether there are any. Bits that make no
// difference are 0. A nil condition holds always.
//
// It decides comparison by comparison whether it is to hold, as long as the condition is open and each argument has a value that
// satisfies what was decided about it; the latter is decided bit by bit.
func Solve(c *policy.Condition) (args [6]uint64, found bool, err error) {
	if c == nil {
		return args, true, nil
	}
	s := &solver{left: Steps}
	if !s.decide(c) {
		if s.left <= 0 {
			return args, false, ErrTooHard
		}
		return args, false, nil
	}
	return s.args, true, nil
}

// truth is the value of a condition of which not all is decided.
type truth uint8

const (
	open truth = iota
	yes
	no
)

func known(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return open
}

// literal is a comparison that was decided.
type literal struct {
	policy.Comparison
	holds bool
}

type solver struct {
	literals [6][]literal
	args     [6]uint64 // satisfies the literals
	left     int
}

// decide finds decisions under which the condition holds; they and the arguments stay in s.
func (s *solver) decide(c *policy.Condition) bool {
	if s.left--; s.left <= 0 {
		return false
	}
	value, next := s.value(c)
	if value != open {
		return value == yes
	}
	arg := next.Arg
	before := s.args[arg]
	first := s.holds(*next) // true to what the argument is now: no search
	for _, holds := range [...]bool{first, !first} {
		s.literals[arg] = append(s.literals[arg], literal{*next, holds})
		if s.satisfy(arg) && s.decide(c) {
			return true
		}
		s.literals[arg] = s.literals[arg][:len(s.literals[arg])-1]
		s.args[arg] = before
	}
	return false
}

// holds tells whether a comparison holds for the arguments as they are.
func (s *solver) holds(c policy.Comparison) bool {
	return (&policy.Condition{Op: policy.CondCompare, Compare: c}).Holds(s.args)
}

// value returns what the decisions make of a condition, and a comparison to decide next when they leave it open.
func (s *solver) value(c *policy.Condition) (truth, *policy.Comparison) {
	switch c.Op {
	case policy.CondTrue:
		return yes, nil
	case policy.CondFalse:
		return no, nil
	case policy.CondNot:
		value, next := s.value(c.Of[0])
		return value.not(), next
	case policy.CondAnd, policy.CondOr:
		end, all := no, yes
		if c.Op == policy.CondOr {
			end, all = yes, no
		}
		var first *policy.Comparison
		for _, of := range c.Of {
			value, next := s.value(of)
			if value == end {
				return end, nil
			}
			if value == open && first == nil {
				first = next
			}
		}
		if first != nil {
			return open, first
		}
		return all, nil
	default:
		for _, l := range s.literals[c.Compare.Arg] {
			if l.Comparison == c.Compare {
				return known(l.holds), nil
			}
		}
		return open, &c.Compare
	}
}

// satisfy gives an argument a value that satisfies its literals, if there is one.
func (s *solver) satisfy(arg int) bool {
	value := s.args[arg]
	if bits(s.literals[arg], ^uint64(0), value) == yes {
		return true
	}
	value, found := s.search(s.literals[arg], 0, 0)
	if found {
		s.args[arg] = value
	}
	return found
}

// search fixes bits, from the highest that an open literal looks at, until all literals hold.
func (s *solver) search(list []literal, fixed, value uint64) (uint64, bool) {
	if s.left--; s.left <= 0 {
		return 0, false
	}
	switch bits(list, fixed, value) {
	case yes:
		return value, true
	case no:
		return 0, false
	}
	bit := nextBit(list, fixed, value)
	if found, ok := s.search(list, fixed|bit, value); ok {
		return found, true
	}
	return s.search(list, fixed|bit, value|bit)
}

// bits tells whether all literals hold for the values that have the fixed bits of value: for all, for none, or not for all alike.
func bits(list []literal, fixed, value uint64) truth {
	all := yes
	for _, l := range list {
		switch l.truth(fixed, value) {
		case no:
			return no
		case open:
			all = open
		}
	}
	return all
}

// nextBit returns the highest bit that is not fixed and that the first open literal looks at.
func nextBit(list []literal, fixed, value uint64) uint64 {
	for _, l := range list {
		if l.truth(fixed, value) != open {
			continue
		}
		loose := l.Mask & l.range64() &^ fixed
		for bit := uint64(1) << 63; bit != 0; bit >>= 1 {
			if loose&bit != 0 {
				return bit
			}
		}
	}
	return 0 // not reached: an open literal has a loose bit
}

// range64 has the bits of the comparison's width.
func (l literal) range64() uint64 {
	if l.Width == 32 {
		return 1<<32 - 1
	}
	return ^uint64(0)
}

// truth tells whether the literal holds for the values that have the fixed bits of value.
func (l literal) truth(fixed, value uint64) truth {
	mask := l.Mask & l.range64()
	want := l.Value & l.range64()
	low := value & fixed & mask
	high := low | mask&^fixed
	if l.Signed { // turning the sign bit over gives two's complement the order of unsigned numbers
		sign := uint64(1) << (l.Width - 1)
		want ^= sign
		if fixed&sign != 0 || mask&sign == 0 {
			low, high = low^sign, high^sign
		} // else the bit is 0 in low and 1 in high either way
	}
	var t truth
	switch l.Op {
	case policy.RelEq, policy.RelNe:
		switch {
		case (low^want)&^(mask&^fixed) != 0:
			t = no
		case low == high:
			t = yes
		}
		if l.Op == policy.RelNe {
			t = t.not()
		}
	case policy.RelLt:
		t = between(high < want, low >= want)
	case policy.RelLe:
		t = between(high <= want, low > want)
	case policy.RelGt:
		t = between(low > want, high <= want)
	default:
		t = between(low >= want, high < want)
	}
	if !l.holds {
		t = t.not()
	}
	return t
}

func between(all, none bool) truth {
	switch {
	case all:
		return yes
	case none:
		return no
	}
	return open
}
