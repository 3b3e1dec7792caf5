package seccomp

import "github.com/bulkhead/bulkhead/sandbox/policy"

// prototypes is the lowering with the tables of the architectures.
func prototypes(c policy.Call, a Arch) (*policy.Condition, error) {
	if c.When == nil {
		return nil, nil
	}
	return c.When.Lower(c.Name, policy.Catalog{Prototype: a.Prototype, Constant: a.Constant, Constants: a.Constants})
}

// condition returns where a condition holds; nil always does.
func (d *diagram) condition(c *policy.Condition) ref {
	if c == nil {
		return always
	}
	switch c.Op {
	case policy.CondTrue:
		return always
	case policy.CondAnd:
		is := always
		for _, of := range c.Of {
			is = d.and(is, d.condition(of))
		}
		return is
	case policy.CondOr:
		is := never
		for _, of := range c.Of {
			is = d.or(is, d.condition(of))
		}
		return is
	case policy.CondNot:
		return d.not(d.condition(c.Of[0]))
	case policy.CondCompare:
		return d.comparison(c.Compare)
	default:
		return never
	}
}

// comparison returns where a comparison of an argument holds, of which Width bits are looked at.
func (d *diagram) comparison(c policy.Comparison) ref {
	arg, value := make([]ref, c.Width), make([]ref, c.Width)
	high := argWord + 2*uint32(c.Arg)
	for i := range arg {
		if c.Mask>>i&1 == 1 {
			arg[i] = d.bit(high+1-uint32(i/32), i%32)
		}
		value[i] = ref(c.Value >> i & 1)
	}
	if c.Signed { // with the sign bit turned over, two's complement has the order of unsigned numbers
		top := c.Width - 1
		arg[top], value[top] = d.not(arg[top]), d.not(value[top])
	}
	switch c.Op {
	case policy.RelEq:
		return d.equal(arg, value)
	case policy.RelNe:
		return d.not(d.equal(arg, value))
	case policy.RelLt:
		return d.not(d.above(arg, value, true))
	case policy.RelLe:
		return d.not(d.above(arg, value, false))
	case policy.RelGt:
		return d.above(arg, value, false)
	default:
		return d.above(arg, value, true)
	}
}
