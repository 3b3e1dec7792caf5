package policy

import "testing"

func TestComparisonHolds(t *testing.T) {
	const all = ^uint64(0)
	for name, c := range map[string]struct {
		c    Comparison
		arg  uint64
		want bool
	}{
		"equal":                       {Comparison{Width: 64, Mask: all, Value: 7, Op: RelEq}, 7, true},
		"high half counts in 64 bits": {Comparison{Width: 64, Mask: all, Value: 7, Op: RelEq}, 7 | 1<<32, false},
		"high half is not an int's":   {Comparison{Width: 32, Mask: 0xffffffff, Value: 7, Op: RelEq}, 7 | 1<<32, true},
		"not equal":                   {Comparison{Width: 32, Mask: 0xffffffff, Value: 7, Op: RelNe}, 7 | 1<<32, false},
		"masked":                      {Comparison{Width: 32, Mask: 0xf, Value: 1, Op: RelEq}, 0x80001, true},
		"minus one is large":          {Comparison{Width: 32, Mask: 0xffffffff, Value: 0, Op: RelGt}, 0xffffffff, true},
		"minus one is small, signed":  {Comparison{Width: 32, Signed: true, Mask: 0xffffffff, Value: 0, Op: RelLt}, 0xffffffff, true},
		"signed in 64 bits":           {Comparison{Width: 64, Signed: true, Mask: all, Value: all, Op: RelGe}, 1 << 63, false},
		"at most":                     {Comparison{Width: 64, Mask: all, Value: 9, Op: RelLe}, 9, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (&Condition{Op: CondCompare, Compare: c.c}).Holds([6]uint64{c.arg}); got != c.want {
				t.Errorf("%+v of %#x is %t", c.c, c.arg, got)
			}
		})
	}
}

func TestConditionHolds(t *testing.T) {
	yes, no := &Condition{Op: CondTrue}, &Condition{Op: CondFalse}
	for name, c := range map[string]struct {
		c    *Condition
		want bool
	}{
		"true":      {yes, true},
		"false":     {no, false},
		"and":       {&Condition{Op: CondAnd, Of: []*Condition{yes, no}}, false},
		"and, both": {&Condition{Op: CondAnd, Of: []*Condition{yes, yes}}, true},
		"or":        {&Condition{Op: CondOr, Of: []*Condition{no, yes}}, true},
		"or, none":  {&Condition{Op: CondOr, Of: []*Condition{no, no}}, false},
		"not":       {&Condition{Op: CondNot, Of: []*Condition{no}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.c.Holds([6]uint64{}); got != c.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
