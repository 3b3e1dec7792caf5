package policy

import (
	"cmp"
	"fmt"
	"math/bits"
	"strconv"
)

// compare lowers "t op v" and refuses what is always or never true.
func (l *lowering) compare(n *exprNode, t term, op Relation, v number) *Condition {
	failed := &Condition{Op: CondTrue}
	if t.pointer(l) {
		return l.pointer(n, t, op, v)
	}
	if v.null {
		l.fault(codePointer, v.node, "NULL is a pointer, and %q is of type %s", l.params[t.param].Name, l.params[t.param].Type).hint(`did you mean "0"?`)
		return failed
	}
	if op == RelEq || op == RelNe {
		value, ok := l.fit(n, t, v, true)
		if !ok {
			return failed
		}
		if extra := value &^ t.mask; extra != 0 {
			l.constant(n, op == RelNe, fmt.Sprintf(": the mask 0x%x takes away 0x%x of the value", t.mask, extra))
			return failed
		}
		return l.result(t, op, value)
	}
	value, ok := l.ordered(n, t, v)
	if !ok {
		return failed
	}
	if always, known := t.decides(op, value); known {
		least, most := t.limits()
		l.constant(n, always, fmt.Sprintf(": %s is from %s to %s", l.params[t.param].Name, t.show(least), t.show(most)))
		return failed
	}
	return l.result(t, op, value)
}

func (l *lowering) result(t term, op Relation, value uint64) *Condition {
	ordered := op != RelEq && op != RelNe
	return &Condition{Op: CondCompare, Compare: Comparison{Arg: t.param, Width: t.width, Signed: ordered && t.flip() != 0, Mask: t.mask, Value: value, Op: op}}
}

// decides tells whether an ordered comparison has one result for all values of the term.
func (t term) decides(op Relation, value uint64) (always, known bool) {
	flip := t.flip()
	least, most := t.limits()
	least, most, value = least^flip, most^flip, value^flip
	switch op {
	case RelLt:
		return value > most, value > most || value <= least
	case RelLe:
		return value >= most, value >= most || value < least
	case RelGt:
		return value < least, value < least || value >= most
	default:
		return value <= least, value <= least || value > most
	}
}

// show writes a value of the term as a number.
func (t term) show(value uint64) string {
	if t.flip() == 0 {
		if value > 0xffff {
			return fmt.Sprintf("0x%x", value)
		}
		return strconv.FormatUint(value, 10)
	}
	return strconv.FormatInt(int64(value<<(64-t.width))>>(64-t.width), 10)
}

// ordered returns a constant for a comparison by size.
func (l *lowering) ordered(n *exprNode, t term, v number) (uint64, bool) {
	if t.signed && t.masked && t.mask>>(t.width-1) != 0 {
		l.fault(codeComparison, n, "the mask keeps the sign bit of %q, so its order is not clear", l.params[t.param].Name).
			help("compare the whole argument, or leave the sign bit out of the mask")
		return 0, false
	}
	return l.fit(n, t, v, false)
}

// fit returns a constant in the width of the argument. A name or a hexadecimal number may stand for the bits of a negative number where
// only bits count, as it does in C.
func (l *lowering) fit(n *exprNode, t term, v number, bitsOnly bool) (uint64, bool) {
	if v.node == nil {
		v.node = n
	}
	p := Param{Type: "the register, 64 bits", Name: "raw64"}
	if t.param >= 0 {
		p = l.params[t.param]
	}
	if t.raw {
		p.Type = "the register, 64 bits without a sign"
	}
	if v.null {
		l.fault(codePointer, v.node, "NULL is a pointer, and %q is of type %s", p.Name, p.Type).hint(`did you mean "0"?`)
		return 0, false
	}
	all := t.all()
	low := v.bits & all
	flipped := v.node.op == opFlip
	switch {
	case v.negative && (flipped || bitsOnly && v.pattern):
		if t.width == 32 && v.bits>>31 != 1<<33-1 && !flipped {
			break
		}
		return low, true
	case v.negative && !t.signed:
		g := l.fault(codeConstantFits, v.node, "%s is below zero, and %q has no sign (%s)", l.source(v.node), p.Name, p.Type)
		if t.width == 64 || v.bits>>31 == 1<<33-1 {
			g.hint(oneLine("did you mean \"0x%x\"?", low))
		}
		return 0, false
	case v.negative:
		if t.width == 32 && v.bits>>31 != 1<<33-1 {
			break
		}
		return low, true
	case v.bits&^all != 0:
	case !t.signed || v.bits>>(t.width-1) == 0 || bitsOnly && v.pattern:
		return low, true
	default:
		l.fault(codeConstantFits, v.node, "%s does not fit %q: the largest %s is %d", l.source(v.node), p.Name, p.Type, all>>1).
			hint(oneLine("did you mean \"%d\"?", int64(low<<(64-t.width))>>(64-t.width)))
		return 0, false
	}
	g := l.fault(codeConstantFits, v.node, "%s does not fit %q, which has %d bits (%s)", l.source(v.node), p.Name, t.width, p.Type)
	if v.negative {
		return 0, false
	}
	g.help("the constant needs %d bits", bits.Len64(v.bits))
	return 0, false
}

// pointer lowers the one comparison of a pointer that means something: with NULL.
func (l *lowering) pointer(n *exprNode, t term, op Relation, v number) *Condition {
	p := l.params[t.param]
	bare := v.node == nil
	switch {
	case !bare && !v.null && v.bits == 0 && (op == RelEq || op == RelNe):
		l.fault(codePointer, v.node, "argument %q of %s is a pointer", p.Name, l.call).hint(`did you mean "NULL"?`)
	case !bare && !v.null || op != RelEq && op != RelNe || n.op == opHas:
		l.unreadable(n, p)
	default:
		return &Condition{Op: CondCompare, Compare: Comparison{Arg: t.param, Width: 64, Mask: ^uint64(0), Op: op}}
	}
	return &Condition{Op: CondTrue}
}

// unreadable reports a rule about what a pointer points to.
func (l *lowering) unreadable(n *exprNode, p Param) {
	g := l.fault(codePointer, n, "argument %q of %s is a pointer; a seccomp filter cannot read it", p.Name, l.call)
	switch p.Name {
	case "filename", "pathname", "path", "name", "oldname", "newname", "dir_name", "dev_name":
		g.help("put the path under %s.filesystem", cmp.Or(l.e.within, "modules.NAME"))
	default:
		g.help("it can be compared with NULL only")
	}
}
