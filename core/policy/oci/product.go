package oci

import (
	"errors"
	"slices"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// maxProduct is how many rules a condition may become.
const maxProduct = 4096

var errTooMany = errors.New("as alternatives of comparisons that a profile can have, the condition is too long")

// alternatives writes a condition, or what it excludes, as an or of ands.
func alternatives(c *policy.Condition, not bool) ([][]policy.Comparison, error) {
	op := c.Op
	if not {
		op = map[policy.ConditionOp]policy.ConditionOp{policy.CondTrue: policy.CondFalse, policy.CondFalse: policy.CondTrue,
			policy.CondAnd: policy.CondOr, policy.CondOr: policy.CondAnd, policy.CondNot: policy.CondNot, policy.CondCompare: policy.CondCompare}[op]
	}
	switch op {
	case policy.CondTrue:
		return [][]policy.Comparison{nil}, nil
	case policy.CondFalse:
		return nil, nil
	case policy.CondNot:
		return alternatives(c.Of[0], !not)
	case policy.CondCompare:
		compare := c.Compare
		if not {
			compare.Op = opposite(compare.Op)
		}
		return [][]policy.Comparison{{compare}}, nil
	}
	out := [][]policy.Comparison{nil}
	if op == policy.CondOr {
		out = nil
	}
	for _, of := range c.Of {
		more, err := alternatives(of, not)
		if err != nil {
			return nil, err
		}
		if op == policy.CondOr {
			out = append(out, more...)
		} else if out, err = both(out, more); err != nil {
			return nil, err
		}
		if len(out) > maxProduct {
			return nil, errTooMany
		}
	}
	return out, nil
}

func opposite(op policy.Relation) policy.Relation {
	return [...]policy.Relation{policy.RelEq: policy.RelNe, policy.RelNe: policy.RelEq, policy.RelLt: policy.RelGe, policy.RelLe: policy.RelGt,
		policy.RelGt: policy.RelLe, policy.RelGe: policy.RelLt}[op]
}

// both returns the alternatives in which one of each holds.
func both(a, b [][]policy.Comparison) ([][]policy.Comparison, error) {
	if len(a)*len(b) > maxProduct {
		return nil, errTooMany
	}
	var out [][]policy.Comparison
	for _, x := range a {
		for _, y := range b {
			out = append(out, slices.Concat(x, y))
		}
	}
	return out, nil
}

// single writes an and of comparisons as alternatives that have one comparison for each argument: a profile takes two of one
// argument for alternatives.
func single(and []policy.Comparison) ([][]Comparison, error) {
	out := [][]Comparison{nil}
	for arg := range 6 {
		var about []policy.Comparison
		for _, c := range and {
			if c.Arg == arg {
				about = append(about, c)
			}
		}
		if len(about) == 0 {
			continue
		}
		choice, err := ofOne(about)
		if err != nil {
			return nil, err
		}
		if len(out)*len(choice) > maxProduct {
			return nil, errTooMany
		}
		var next [][]Comparison
		for _, x := range out {
			for _, y := range choice {
				next = append(next, append(slices.Clone(x), y))
			}
		}
		out = next
	}
	return out, nil
}

// ofOne writes comparisons of one argument that must all hold as alternatives of one comparison.
func ofOne(about []policy.Comparison) ([]Comparison, error) {
	if c := about[0]; len(about) == 1 && c.Width == 64 && !c.Signed && (c.Mask == ^uint64(0) || c.Op == policy.RelEq) {
		return []Comparison{{Arg: c.Arg, Mask: c.Mask, Value: c.Value, Op: c.Op}}, nil
	}
	out := []Comparison{{Arg: about[0].Arg}} // a mask of nothing
	for _, c := range about {
		var next []Comparison
		for _, x := range out {
			for _, y := range blocks(c) {
				if (x.Value^y.Value)&x.Mask&y.Mask == 0 {
					next = append(next, Comparison{Arg: c.Arg, Mask: x.Mask | y.Mask, Value: x.Value | y.Value})
				}
			}
			if len(next) > maxProduct {
				return nil, errTooMany
			}
		}
		out = next
	}
	return out, nil
}

// blocks writes a comparison as alternatives that say which bits are which.
func blocks(c policy.Comparison) []Comparison {
	mask := c.Mask & all(c.Width)
	if c.Op == policy.RelEq {
		return bits(mask, c.Value&all(c.Width))
	}
	if c.Op == policy.RelNe {
		if c.Value&^mask != 0 {
			return bits(0, 0)
		}
		var out []Comparison
		for left := mask; left != 0; left &= left - 1 {
			bit := left & -left
			out = append(out, bits(bit, c.Value&bit^bit)...)
		}
		return out
	}
	turn := uint64(0)
	if c.Signed {
		turn = uint64(1) << (c.Width - 1)
	}
	var out []Comparison
	for _, r := range ranges(policy.Comparison{Width: c.Width, Mask: all(c.Width), Value: c.Value ^ turn, Op: c.Op}) {
		for _, b := range prefixes(r, c.Width) {
			// The order of masked values that are smaller than the whole: package policy compares (argument & mask).
			if turned := b.Value ^ turn&b.Mask; turned&^mask == 0 {
				out = append(out, bits(b.Mask&mask, turned&mask)...)
			}
		}
	}
	return out
}

func bits(mask, value uint64) []Comparison { return []Comparison{{Mask: mask, Value: value}} }

// prefixes cuts a range into blocks of numbers that have the same upper bits.
func prefixes(r span, width int) []Comparison {
	var out []Comparison
	for low := r.low; ; {
		size := uint64(1)
		for size<<1 != 0 && low&size == 0 && low|(size<<1-1) <= r.high && size<<1-1 <= all(width) {
			size <<= 1
		}
		last := low | (size - 1)
		out = append(out, Comparison{Mask: all(width) &^ (size - 1), Value: low})
		if last >= r.high {
			return out
		}
		low = last + 1
	}
}
