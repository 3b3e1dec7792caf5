package policy

import (
	"slices"
	"strconv"
	"strings"
)

// number is a constant: bits, and whether they are those of a number below zero.
type number struct {
	bits     uint64
	negative bool
	pattern  bool // hexadecimal, binary or a name: it may stand for the bits of a negative number
	null     bool // NULL
	node     *exprNode
}

// term is the integer on one side of a comparison: an argument with a mask, or a constant.
type term struct {
	param  int // -1 for a constant
	width  int
	signed bool
	mask   uint64
	masked bool
	raw    bool
	value  number
}

func (t term) all() uint64 { return ^uint64(0) >> (64 - t.width) }

// pointer tells whether the term is an argument that is a pointer.
func (t term) pointer(l *lowering) bool { return t.param >= 0 && !t.raw && l.params[t.param].Pointer }

// flip is what turns the order of the values into that of unsigned numbers.
func (t term) flip() uint64 {
	if t.signed && t.mask == t.all() {
		return 1 << (t.width - 1)
	}
	return 0
}

// limits returns the smallest and the largest value of the term, as bits.
func (t term) limits() (least, most uint64) {
	if flip := t.flip(); flip != 0 {
		return flip, flip - 1
	}
	return 0, t.mask
}

// term reads the integer that a node is.
func (l *lowering) term(n *exprNode) (term, bool) {
	switch n.op {
	case opNumber:
		lower := strings.ToLower(n.text)
		return term{param: -1, value: number{bits: n.value, pattern: len(lower) > 1 && (lower[1] == 'x' || lower[1] == 'b'), node: n}}, true
	case opName:
		return l.name(n)
	case opRaw64:
		return l.raw(n)
	case opMinus, opFlip:
		return l.signed(n)
	case opBitAnd:
		return l.masked(n)
	case opBitOr:
		return l.or(n)
	}
	l.fault(codeComparison, n, "%q is true or false and no number", l.source(n)).help("join conditions with && and ||")
	return term{}, false
}

// name looks an argument or a constant up.
func (l *lowering) name(n *exprNode) (term, bool) {
	if i := l.parameter(n.text); i >= 0 {
		p := l.params[i]
		t := term{param: i, width: p.Width, signed: p.Signed}
		t.mask = t.all()
		return t, true
	}
	if n.text == "NULL" {
		return term{param: -1, value: number{null: true, node: n}}, true
	}
	if l.catalog.Constant != nil {
		if v, known := l.catalog.Constant(n.text); known {
			return term{param: -1, value: number{bits: v, negative: v>>63 != 0, pattern: true, node: n}}, true
		}
	}
	l.unknown(n)
	return term{}, false
}

// unknown reports a name that is neither an argument nor a constant.
func (l *lowering) unknown(n *exprNode) {
	digit, numbered := strings.CutPrefix(strings.ToLower(n.text), "arg")
	if !numbered {
		digit, numbered = strings.CutPrefix(n.text, "a")
	}
	if i, err := strconv.Atoi(digit); numbered && err == nil {
		g := l.fault(codeUnknownArgument, n, "arguments go by their names, not by numbers")
		if i >= 0 && i < len(l.params) {
			g.hint(didYouMean(l.params[i].Name))
		}
		g.help("the arguments of %s: %s", l.call, l.names())
		return
	}
	argument := nearest(n.text, func(yield func(string) bool) {
		for _, p := range l.params {
			if !yield(p.Name) {
				return
			}
		}
	})
	if n.text != strings.ToUpper(n.text) || argument != "" {
		l.fault(codeUnknownArgument, n, "%s has no argument %q", l.call, n.text).hint(didYouMean(argument)).
			help("its arguments: %s", l.names())
		return
	}
	g := l.fault(codeUnknownConstant, n, "unknown constant %q", n.text)
	if l.catalog.Constants != nil {
		if near := nearest(n.text, slices.Values(l.catalog.Constants())); near != "" {
			g.hint(didYouMean(near))
			return
		}
	}
	g.help("write its number, such as 0x10, if the tables do not have it")
}

// raw reads raw64(argument): the whole register, which the kernel does not look at.
func (l *lowering) raw(n *exprNode) (term, bool) {
	inner := n.of[0]
	i := l.parameter(inner.text)
	if i < 0 {
		if l.catalog.Constant != nil {
			if _, constant := l.catalog.Constant(inner.text); constant {
				l.fault(codeComparison, inner, "raw64 takes an argument, and %q is a constant", inner.text)
				return term{}, false
			}
		}
		l.unknown(inner)
		return term{}, false
	}
	p := l.params[i]
	if p.Width == 64 && !p.Pointer {
		l.fault(codeNoEffect, n, "raw64 has no effect: %q is compared in 64 bits anyway (%s)", p.Name, p.Type).hint(didYouMean(p.Name))
		return term{}, false
	}
	return term{param: i, width: 64, mask: ^uint64(0), raw: true}, true
}

// signed reads - and ~ in front of a constant.
func (l *lowering) signed(n *exprNode) (term, bool) {
	t, ok := l.term(n.of[0])
	if !ok {
		return t, false
	}
	if t.param >= 0 || t.value.null {
		l.fault(codeComparison, n, "a filter cannot calculate with an argument").help("compare it with a constant, or mask it with &")
		return t, false
	}
	v := &t.value
	if n.op == opFlip {
		*v = number{bits: ^v.bits, negative: true, pattern: true, node: n}
		return t, true
	}
	if v.negative || v.bits > 1<<63 {
		l.fault(codeConstantFits, n, "%s needs more than 64 bits", l.source(n))
		return t, false
	}
	*v = number{bits: -v.bits, negative: v.bits != 0, node: n}
	return t, true
}

// or reads constants that are joined by |.
func (l *lowering) or(n *exprNode) (term, bool) {
	result := term{param: -1, value: number{pattern: true, node: n}}
	whole := true
	for _, operand := range n.of {
		t, ok := l.term(operand)
		switch {
		case !ok:
			whole = false
		case t.param >= 0 || t.value.null:
			l.fault(codeComparison, n, "a filter cannot calculate with an argument").help("an argument can be compared, and masked with &")
			return result, false
		default:
			if t.value.bits != 0 && t.value.bits&^result.value.bits == 0 {
				l.fault(codeNoEffect, operand, "%s adds no bit to what stands before it", l.source(operand)).help("remove it")
				whole = false
			}
			result.value.bits |= t.value.bits
			result.value.negative = result.value.negative || t.value.negative
		}
	}
	return result, whole
}

// masked reads an argument or a constant with constants joined by &.
func (l *lowering) masked(n *exprNode) (term, bool) {
	result := term{param: -1, value: number{bits: ^uint64(0), negative: true, pattern: true, node: n}}
	var masks []number
	whole := true
	for _, operand := range n.of {
		t, ok := l.term(operand)
		switch {
		case !ok:
			whole = false
		case t.param >= 0 && result.param >= 0:
			l.fault(codeComparison, n, "a filter cannot calculate with two arguments").help("mask an argument with a constant")
			return result, false
		case t.param >= 0:
			result.param, result.width, result.signed, result.mask, result.raw = t.param, t.width, t.signed, t.mask, t.raw
		default:
			masks = append(masks, t.value)
		}
	}
	if !whole {
		return result, false
	}
	if result.param < 0 {
		for _, m := range masks {
			result.value.bits &= m.bits
			result.value.negative = result.value.negative && m.negative
		}
		return result, true
	}
	if result.pointer(l) {
		l.unreadable(n, l.params[result.param])
		return result, false
	}
	for _, m := range masks {
		mask, ok := l.fit(n, result, m, true)
		if !ok {
			return result, false
		}
		result.mask &= mask
	}
	result.masked = true
	if result.mask == 0 {
		l.fault(codeAlways, n, "%q is always 0: the mask has no bit", l.source(n)).help("name the bits that count")
		return result, false
	}
	if result.mask == result.all() {
		l.fault(codeNoEffect, n, "the mask in %q has all bits, so it has no effect", l.source(n)).help("remove it")
		return result, false
	}
	return result, true
}
