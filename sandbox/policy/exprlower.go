package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Lower resolves the names of an expression for a call and returns what it means, exactly. The error is ExprErrors: all that is wrong.
func (e *Expr) Lower(call string, c Catalog) (*Condition, error) {
	l := &lowering{e: e, call: call, catalog: c}
	if c.Prototype == nil {
		return nil, e.placed([]*ExprError{l.fault(codeNoPrototype, e.root, "the arguments of %s cannot be named: no prototypes are known", call)})
	}
	prototype, known := c.Prototype(call)
	if !known || len(prototype.Params) == 0 {
		g := l.fault(codeNoPrototype, e.root, "%s takes no arguments", call)
		if !known {
			g.Message = oneLine("the prototype of %s is not known, so its arguments have no names", call)
		}
		return nil, e.placed([]*ExprError{g.help("allow it without a condition, or leave it out")})
	}
	l.params = prototype.Params
	result := l.condition(e.root)
	if len(l.faults) == 0 && (result.Op == CondTrue || result.Op == CondFalse) {
		l.constant(e.root, result.Op == CondTrue, "")
	}
	if err := e.placed(l.faults); err != nil {
		return nil, err
	}
	return result, nil
}

// lowering turns the tree of one expression into a condition and collects what is wrong.
type lowering struct {
	e       *Expr
	call    string
	catalog Catalog
	params  []Param
	faults  []*ExprError
}

func (l *lowering) fault(code string, n *exprNode, format string, args ...any) *ExprError {
	g := exprFault(code, n.at, n.end, format, args...)
	l.faults = append(l.faults, g)
	return g
}

func (l *lowering) source(n *exprNode) string { return l.e.Text[n.at:n.end] }

// constant reports a condition that says nothing.
func (l *lowering) constant(n *exprNode, always bool, why string) *ExprError {
	word := "never holds"
	if always {
		word = "always holds"
	}
	g := l.fault(codeAlways, n, "%q %s%s", l.source(n), word, why)
	if always {
		return g.help("leave it out: it excludes no call")
	}
	return g.help("leave it out: no call is like that")
}

// condition lowers a node where C has a truth value. After an error it returns CondTrue.
func (l *lowering) condition(n *exprNode) *Condition {
	switch n.op {
	case opNot:
		of := l.condition(n.of[0])
		return &Condition{Op: CondNot, Of: []*Condition{of}}
	case opAnd, opOr:
		return l.join(n)
	case opEq, opNe, opLt, opLe, opGt, opGe, opIn, opHas:
		return l.relation(n)
	}
	t, ok := l.term(n)
	if !ok {
		return &Condition{Op: CondTrue}
	}
	if t.param < 0 {
		l.constant(n, t.value.bits != 0, ": no argument is in it")
		return &Condition{Op: CondTrue}
	}
	return l.compare(n, t, RelNe, number{})
}

// join lowers && and ||, and reports operands that the others make superfluous.
func (l *lowering) join(n *exprNode) *Condition {
	c := &Condition{Op: CondAnd}
	if n.op == opOr {
		c.Op = CondOr
	}
	before := len(l.faults)
	seen := map[string]bool{}
	for _, operand := range n.of {
		var b strings.Builder
		operand.write(&b, 0)
		if seen[b.String()] {
			l.fault(codeAlways, operand, "%q is there twice", l.source(operand)).help("remove one of them")
		}
		seen[b.String()] = true
		c.Of = append(c.Of, l.condition(operand))
	}
	if len(l.faults) == before {
		if always, known := decided(c); known {
			l.constant(n, always, "")
		}
	}
	return c
}

// relation lowers a comparison. A constant on the left changes places with the argument.
func (l *lowering) relation(n *exprNode) *Condition {
	op, left, rest := n.op, n.of[0], n.of[1:]
	failed := &Condition{Op: CondTrue}
	t, ok := l.term(left)
	if op == opIn {
		return l.among(n, t, ok)
	}
	u, okRight := l.term(rest[0])
	if !ok || !okRight {
		return failed
	}
	switch {
	case t.param < 0 && u.param < 0:
		l.fault(codeAlways, n, "%q compares two constants", l.source(n)).help("one side is an argument of %s: %s", l.call, l.names())
		return failed
	case t.param >= 0 && u.param >= 0:
		l.fault(codeComparison, n, "a filter cannot compare two arguments").help("compare each with a constant")
		return failed
	case t.param < 0 && op == opHas:
		l.fault(codeComparison, n, "the argument stands before has").hint(oneLine("did you mean \"%s has %s\"?", l.source(rest[0]), l.source(left)))
		return failed
	case t.param < 0:
		t, u = u, t
		op = map[exprOp]exprOp{opEq: opEq, opNe: opNe, opLt: opGt, opLe: opGe, opGt: opLt, opGe: opLe}[op]
	}
	if op == opHas {
		return l.has(n, t, u.value)
	}
	relation := map[exprOp]Relation{opEq: RelEq, opNe: RelNe, opLt: RelLt, opLe: RelLe, opGt: RelGt, opGe: RelGe}[op]
	return l.compare(n, t, relation, u.value)
}

// has lowers "all bits are set".
func (l *lowering) has(n *exprNode, t term, v number) *Condition {
	if t.pointer(l) {
		return l.pointer(n, t, RelEq, v)
	}
	if v.bits == 0 {
		l.constant(n, true, ": no bits are asked for")
		return &Condition{Op: CondTrue}
	}
	mask, ok := l.fit(n, t, v, true)
	if !ok {
		return &Condition{Op: CondTrue}
	}
	v.bits, v.negative, v.node = mask, false, nil
	t.mask, t.masked = t.mask&mask, true
	if t.mask != mask {
		l.constant(n, false, fmt.Sprintf(": the mask takes away 0x%x", mask&^t.mask))
		return &Condition{Op: CondTrue}
	}
	return &Condition{Op: CondCompare, Compare: Comparison{Arg: t.param, Width: t.width, Mask: t.mask, Value: mask, Op: RelEq}}
}

// among lowers `in`.
func (l *lowering) among(n *exprNode, t term, ok bool) *Condition {
	c := &Condition{Op: CondOr}
	for _, item := range n.of[1:] {
		bounds := []*exprNode{item}
		if item.op == opRange {
			bounds = item.of
		}
		var values []number
		for _, b := range bounds {
			v, okItem := l.term(b)
			if okItem && v.param >= 0 {
				l.fault(codeComparison, b, "an argument in a list: a filter cannot compare two arguments").help("list constants")
			} else if okItem {
				values = append(values, v.value)
			}
		}
		if !ok || t.param < 0 || len(values) != len(bounds) {
			continue
		}
		before := len(l.faults)
		next := l.item(item, t, values)
		if len(l.faults) == before && c.covers(next, t) {
			l.fault(codeAlways, item, "%s is in the list already", l.source(item)).help("remove it")
		}
		c.Of = append(c.Of, next)
	}
	if ok && t.param < 0 {
		l.fault(codeAlways, n, "%q looks for a constant in a list", l.source(n)).help("the left side is an argument of %s: %s", l.call, l.names())
	}
	switch len(c.Of) {
	case 0:
		return &Condition{Op: CondTrue}
	case 1:
		return c.Of[0]
	}
	return c
}

// item lowers one value or range of a list.
func (l *lowering) item(n *exprNode, t term, values []number) *Condition {
	if len(values) == 1 {
		return l.compare(n, t, RelEq, values[0])
	}
	failed := &Condition{Op: CondTrue}
	if t.pointer(l) {
		return l.pointer(n, t, RelEq, values[0])
	}
	low, okLow := l.ordered(n, t, values[0])
	high, okHigh := l.ordered(n, t, values[1])
	if !okLow || !okHigh {
		return failed
	}
	least, most := t.limits()
	flip := t.flip()
	if low^flip > high^flip {
		l.fault(codeAlways, n, "the range %s is empty: it ends before it starts", l.source(n)).
			hint(oneLine("did you mean \"%s..%s\"?", l.source(n.of[1]), l.source(n.of[0])))
		return failed
	}
	if low^flip > most^flip {
		l.constant(n, false, "")
		return failed
	}
	switch {
	case low == high:
		return l.compare(n, t, RelEq, values[0])
	case low == least && high^flip >= most^flip:
		l.constant(n, true, "")
		return failed
	case low == least:
		return l.compare(n, t, RelLe, values[1])
	case high^flip >= most^flip:
		return l.compare(n, t, RelGe, values[0])
	}
	return &Condition{Op: CondAnd, Of: []*Condition{l.compare(n, t, RelGe, values[0]), l.compare(n, t, RelLe, values[1])}}
}

// covers tells whether every value of an item of a list is in one of those before it.
func (c *Condition) covers(item *Condition, t term) bool {
	low, high := item.ends(t)
	var a, b [6]uint64
	a[t.param], b[t.param] = low, high
	for _, before := range c.Of {
		if before.Holds(a) && before.Holds(b) {
			return true
		}
	}
	return false
}

// ends returns the smallest and the largest value of an item of a list.
func (c *Condition) ends(t term) (low, high uint64) {
	low, high = t.limits()
	parts := c.Of
	if c.Op == CondCompare {
		parts = []*Condition{c}
	}
	for _, part := range parts {
		if part.Compare.Op == RelEq || part.Compare.Op == RelGe {
			low = part.Compare.Value
		}
		if part.Compare.Op == RelEq || part.Compare.Op == RelLe {
			high = part.Compare.Value
		}
	}
	return low, high
}

// names lists the arguments of the call, for a message.
func (l *lowering) names() string {
	return strings.Join(each(l.params, func(p Param) string { return p.Name }), ", ")
}

// parameter returns the place of an argument's name, -1 when there is none of the name.
func (l *lowering) parameter(name string) int {
	return slices.IndexFunc(l.params, func(p Param) bool { return p.Name == name })
}
