package policy

import "slices"

// maxDecided bounds the values that decided tries.
const maxDecided = 600

// decided tells whether a condition has one value for all calls, for the cases that are cheap to be sure about: conditions on one argument
// without masks, whose value changes next to their constants only, and conjunctions and disjunctions that such parts decide. What is left is
// found by the prover, which is exact.
func decided(c *Condition) (always, known bool) {
	if arg, width, values, simple := constantsOf(c); simple {
		var args [6]uint64
		first := true
		for _, v := range values {
			args[arg] = v & (^uint64(0) >> (64 - width))
			holds := c.Holds(args)
			if first {
				always, first = holds, false
			} else if holds != always {
				return false, false
			}
		}
		return always, !first
	}
	if c.Op != CondAnd && c.Op != CondOr {
		return false, false
	}
	byArg := map[int][]*Condition{} // the operands about one argument in one width
	for _, of := range c.Of {
		if arg, width, _, simple := constantsOf(of); simple {
			byArg[arg*2+width/64] = append(byArg[arg*2+width/64], of)
		}
	}
	for key := range 12 {
		part := byArg[key]
		if len(part) < 2 {
			continue
		}
		if always, known := decided(&Condition{Op: c.Op, Of: part}); known && always == (c.Op == CondOr) {
			return always, true
		}
	}
	return masksContradict(c)
}

// masksContradict finds equal masks that are compared with two values.
func masksContradict(c *Condition) (always, known bool) {
	want := RelEq
	if c.Op == CondOr {
		want = RelNe
	}
	first := map[Comparison]uint64{}
	for _, of := range c.Of {
		if of.Op != CondCompare || of.Compare.Op != want {
			continue
		}
		key := of.Compare
		key.Value = 0
		if v, there := first[key]; there && v != of.Compare.Value {
			return c.Op == CondOr, true
		}
		first[key] = of.Compare.Value
	}
	return false, false
}

// constantsOf returns the values next to which a condition on one argument may change, and whether it is one without masks.
func constantsOf(c *Condition) (arg, width int, values []uint64, simple bool) {
	arg, simple = -1, true
	values = []uint64{0, ^uint64(0), 1 << 31, 1<<31 - 1, 1 << 63, 1<<63 - 1}
	var visit func(c *Condition)
	visit = func(c *Condition) {
		for _, of := range c.Of {
			visit(of)
		}
		if c.Op != CondCompare || !simple {
			return
		}
		k := c.Compare
		if arg < 0 {
			arg, width = k.Arg, k.Width
		}
		if k.Arg != arg || k.Width != width || k.Mask != ^uint64(0)>>(64-width) || len(values) > maxDecided {
			simple = false
			return
		}
		values = append(values, k.Value-1, k.Value, k.Value+1)
	}
	visit(c)
	if arg < 0 || !simple {
		return 0, 0, nil, false
	}
	slices.Sort(values)
	return arg, width, slices.Compact(values), true
}
