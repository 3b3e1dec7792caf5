package reach_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// small makes conditions about few bits, so that trying all values of two arguments is a second opinion.
func small(t *rapid.T, depth int) *policy.Condition {
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 || kind > 3 {
		width := rapid.SampledFrom([]int{32, 64}).Draw(t, "width")
		op := policy.Relation(rapid.IntRange(0, 5).Draw(t, "op"))
		c := policy.Comparison{Arg: rapid.IntRange(0, 1).Draw(t, "arg"), Width: width, Op: op, Mask: ^uint64(0)}
		if width == 32 {
			c.Mask = 1<<32 - 1
		}
		if rapid.Bool().Draw(t, "masked") {
			c.Mask = values[rapid.IntRange(0, len(values)-1).Draw(t, "mask")] & c.Mask
		} else {
			c.Signed = rapid.Bool().Draw(t, "signed") && op > policy.RelNe
		}
		c.Value = values[rapid.IntRange(0, len(values)-1).Draw(t, "value")] & c.Mask
		return &policy.Condition{Op: policy.CondCompare, Compare: c}
	}
	a := small(t, depth-1)
	switch kind {
	case 0:
		return &policy.Condition{Op: policy.CondNot, Of: []*policy.Condition{a}}
	case 1:
		return &policy.Condition{Op: policy.CondOr, Of: []*policy.Condition{a, small(t, depth-1), small(t, depth-1)}}
	default:
		return &policy.Condition{Op: policy.CondAnd, Of: []*policy.Condition{a, small(t, depth-1)}}
	}
}

// values are all that have only bits of 0, 1, 31, 32 and 63. A comparison with one of them, masked with one of them or not, also tells
// apart what lies between two of them, and nothing else; near adds that.
var values = func() (list []uint64) {
	for i := range 32 {
		list = append(list, uint64(i&1)|uint64(i>>1&1)<<1|uint64(i>>2&1)<<31|uint64(i>>3&1)<<32|uint64(i>>4&1)<<63)
	}
	return list
}()

var near = func() (list []uint64) {
	for _, v := range values {
		list = append(list, v, v|1<<2, v|1<<30, v|1<<33)
	}
	return list
}()

func TestSolveFindsWhatThereIsAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := small(t, 3)
		args, found, err := reach.Solve(c)
		if err != nil {
			t.Fatal(err)
		}
		if found {
			if !c.Holds(args) {
				t.Fatalf("%#x does not satisfy the condition", args)
			}
			return
		}
		for _, a := range near {
			for _, b := range near {
				if c.Holds([6]uint64{a, b}) {
					t.Fatalf("nothing found, and %#x %#x satisfies the condition", a, b)
				}
			}
		}
	})
}

func TestSolveContradictions(t *testing.T) {
	compare := func(op policy.Relation, signed bool, value uint64) *policy.Condition {
		return &policy.Condition{Op: policy.CondCompare, Compare: policy.Comparison{Width: 64, Mask: ^uint64(0), Signed: signed, Op: op, Value: value}}
	}
	many := []*policy.Condition{compare(policy.RelLt, false, 300)}
	for i := range uint64(300) {
		many = append(many, reach.Not(reach.Equal(0, 64, i)))
	}
	for _, c := range []struct {
		name string
		c    *policy.Condition
	}{
		{"two values at once", reach.And(reach.Equal(0, 32, 1), reach.Equal(0, 32, 2))},
		{"a value without its bits", reach.And(reach.Equal(0, 32, 6), reach.Not(reach.HasAll(0, 32, 4)))},
		{"nothing between neighbours", reach.And(compare(policy.RelGt, false, 41), compare(policy.RelLt, false, 42))},
		{"below the lowest", compare(policy.RelLt, true, 1<<63)},
		{"all of a range excluded", reach.And(many...)},
		{"narrow and wide disagree", reach.And(reach.Equal(0, 32, 1), reach.Equal(0, 64, 2))},
	} {
		t.Run(c.name, func(t *testing.T) {
			if args, found, err := reach.Solve(c.c); found || err != nil {
				t.Errorf("found %#x, %v; there is no such call", args, err)
			}
		})
	}
}

func TestSolveSaysWhenItGivesUp(t *testing.T) {
	// Six arguments in forty values each, of which no combination is left: the search has to see them all.
	var terms []*policy.Condition
	var none []*policy.Condition
	for arg := range 6 {
		var in []*policy.Condition
		for v := range uint64(40) {
			in = append(in, reach.Equal(arg, 64, v))
		}
		terms = append(terms, reach.Or(in...))
		none = append(none, reach.Not(reach.HasAll(arg, 64, 1<<40)))
	}
	terms = append(terms, reach.Not(reach.And(none...)))
	if _, found, err := reach.Solve(reach.And(terms...)); found || err == nil {
		t.Errorf("found %t, %v; want ErrTooHard", found, err)
	}
}
