package reach

import "github.com/bulkhead/bulkhead/sandbox/policy"

// Always holds for every call.
func Always() *policy.Condition { return &policy.Condition{Op: policy.CondTrue} }

// Never holds for none.
func Never() *policy.Condition { return &policy.Condition{Op: policy.CondFalse} }

// And holds where all conditions hold; nil is Always.
func And(of ...*policy.Condition) *policy.Condition { return join(policy.CondAnd, policy.CondTrue, of) }

// Or holds where one of the conditions holds; nil is Always.
func Or(of ...*policy.Condition) *policy.Condition { return join(policy.CondOr, policy.CondFalse, of) }

// Not holds where the condition does not; nil is Always.
func Not(c *policy.Condition) *policy.Condition {
	switch {
	case c == nil || c.Op == policy.CondTrue:
		return Never()
	case c.Op == policy.CondFalse:
		return Always()
	case c.Op == policy.CondNot:
		return c.Of[0]
	}
	return &policy.Condition{Op: policy.CondNot, Of: []*policy.Condition{c}}
}

// join leaves out what is neutral and ends at what decides.
func join(op, neutral policy.ConditionOp, of []*policy.Condition) *policy.Condition {
	var list []*policy.Condition
	for _, c := range of {
		if c == nil {
			c = Always()
		}
		switch {
		case c.Op == neutral:
		case c.Op == policy.CondTrue || c.Op == policy.CondFalse: // the one that is not neutral
			return c
		default:
			list = append(list, c)
		}
	}
	switch len(list) {
	case 0:
		return &policy.Condition{Op: neutral}
	case 1:
		return list[0]
	}
	return &policy.Condition{Op: op, Of: list}
}

// Equal holds where an argument (0 to 5) is a value, in width (32 or 64) bits.
func Equal(arg, width int, value uint64) *policy.Condition {
	return Masked(arg, width, all(width), value)
}

// HasAll holds where an argument has all of the bits.
func HasAll(arg, width int, bits uint64) *policy.Condition { return Masked(arg, width, bits, bits) }

// Masked holds where an argument has the value in the bits of the mask.
func Masked(arg, width int, mask, value uint64) *policy.Condition {
	return &policy.Condition{Op: policy.CondCompare, Compare: policy.Comparison{
		Arg: arg, Width: width, Mask: mask & all(width), Value: value & all(width), Op: policy.RelEq,
	}}
}

func all(width int) uint64 {
	if width == 32 {
		return 1<<32 - 1
	}
	return ^uint64(0)
}
