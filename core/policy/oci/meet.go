package oci

import (
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// disjoint tells whether no arguments meet two rules on an architecture: two of their comparisons exclude each other.
func disjoint(a, b Rule, arch seccomp.Arch) bool {
	for _, x := range a.Compare {
		for _, y := range b.Compare {
			if x.Arg == y.Arg && !meet(x.on(arch), y.on(arch)) {
				return true
			}
		}
	}
	return false
}

// never tells whether no value meets a comparison.
func never(c policy.Comparison) bool { return !meet(c, c) }

// always tells whether every value meets a comparison.
func always(c policy.Comparison) bool {
	if c.Op == policy.RelEq && c.Mask != all(c.Width) {
		return c.Mask == 0
	}
	c.Op = opposite(c.Op)
	return never(c)
}

// meet tells whether some value meets two comparisons of the same width without a sign, of which those with a mask are for equality.
func meet(a, b policy.Comparison) bool {
	maskedA, maskedB := a.Mask != all(a.Width), b.Mask != all(b.Width)
	switch {
	case maskedA && maskedB:
		return (a.Value^b.Value)&a.Mask&b.Mask == 0
	case maskedB:
		a, b = b, a
		fallthrough
	case maskedA:
		for _, r := range ranges(b) {
			if x, found := next(r.low, a.Mask, a.Value, a.Width); found && x <= r.high {
				return true
			}
		}
		return false
	}
	for _, x := range ranges(a) {
		for _, y := range ranges(b) {
			if x.low <= y.high && y.low <= x.high {
				return true
			}
		}
	}
	return false
}

// all returns the number with all bits of a width.
func all(width int) uint64 { return ^uint64(0) >> (64 - width) }

// span is the numbers from low to high.
type span struct{ low, high uint64 }

// ranges returns the values that meet a comparison without a mask and without a sign.
func ranges(c policy.Comparison) []span {
	most := all(c.Width)
	var out []span
	below := func(v uint64, include bool) {
		if include {
			out = append(out, span{0, v})
		} else if v > 0 {
			out = append(out, span{0, v - 1})
		}
	}
	above := func(v uint64, include bool) {
		if include {
			out = append(out, span{v, most})
		} else if v < most {
			out = append(out, span{v + 1, most})
		}
	}
	switch c.Op {
	case policy.RelEq:
		out = append(out, span{c.Value, c.Value})
	case policy.RelNe:
		below(c.Value, false)
		above(c.Value, false)
	case policy.RelLt, policy.RelLe:
		below(c.Value, c.Op == policy.RelLe)
	default:
		above(c.Value, c.Op == policy.RelGe)
	}
	return out
}

// next returns the smallest number from low on whose bits under the mask are the value's.
func next(low, mask, value uint64, width int) (uint64, bool) {
	if low&mask == value {
		return low, true
	}
	best, found := uint64(0), false
	for bit := range width { // the number is low above a bit that it has and low has not, and as small as it can be below
		one := uint64(1) << bit
		if low&one != 0 {
			continue
		}
		x := low&^(one|(one-1)) | one | value&(one-1)
		if x&mask == value && (!found || x < best) {
			best, found = x, true
		}
	}
	return best, found
}
