package policy

import "strings"

// Expr is an argument expression of a rule, such as `family in [AF_INET, AF_INET6]`: C's operators with C's precedence, and `in` and `has`
// beside the relations. It is not changed after it was read.
type Expr struct {
	Text string // as it was written
	Pos  Pos    // of its first character; the zero Pos when it is in no file

	within string // "modules.web": where a path belongs that a filter cannot read
	root   *exprNode
	chars  []Pos // of each character and the end, where they are not simply next to each other from Pos on
}

// Bounds of an expression.
const (
	maxExpr      = 4096 // characters
	maxExprDepth = 64   // operators and parentheses in each other
)

// ParseExpr reads an expression. It looks no name up: Lower does that. The error is ExprErrors.
func ParseExpr(text string) (*Expr, error) {
	e, err := parseExprAt(text, Pos{}, nil)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// parseExprAt reads an expression that stands in a file. With an error there is one nevertheless when its names can be looked at; nil when not.
func parseExprAt(text string, pos Pos, chars []Pos) (*Expr, error) {
	e := &Expr{Text: text, Pos: pos, chars: chars}
	root, faults := parseExprText(text)
	err := e.placed(faults)
	if root == nil {
		return nil, err
	}
	e.root = root
	return e, err
}

// String returns the expression in its one canonical form: single spaces, and no parentheses but those that are needed.
func (e *Expr) String() string {
	if e == nil || e.root == nil {
		return ""
	}
	var b strings.Builder
	e.root.write(&b, 0)
	return b.String()
}

// Equal tells whether two expressions are written alike, but for spaces and parentheses.
func (e *Expr) Equal(other *Expr) bool { return e.String() == other.String() }

// exprOp is the kind of a node.
type exprOp uint8

const (
	opName exprOp = iota
	opNumber
	opRaw64 // raw64(of[0])
	opNot
	opMinus
	opFlip // ~
	opOr
	opAnd
	opBitOr
	opBitAnd
	opEq
	opNe
	opLt
	opLe
	opGt
	opGe
	opIn  // of[0] in the rest, which are constants or opRange
	opHas // all bits
	opRange
)

// exprNode is an operator with its operands, a name or a number.
type exprNode struct {
	op      exprOp
	at, end int // bytes of the text that it covers
	of      []*exprNode
	text    string // opName and opNumber
	value   uint64 // opNumber
	parens  bool   // written in parentheses
}

func (n *exprNode) sign() string {
	return [...]string{"", "", "raw64", "!", "-", "~", "||", "&&", "|", "&", "==", "!=", "<", "<=", ">", ">=", "in", "has", ".."}[n.op]
}

// level is how tightly an operator binds, as in C; 1 is the loosest.
func (n *exprNode) level() int {
	switch n.op {
	case opOr:
		return 1
	case opAnd:
		return 2
	case opBitOr:
		return 3
	case opBitAnd:
		return 4
	case opEq, opNe:
		return 5
	case opLt, opLe, opGt, opGe, opIn, opHas:
		return 6
	case opNot, opMinus, opFlip:
		return 7
	}
	return 8
}

// relation tells whether the node compares.
func (n *exprNode) relation() bool { return n.op >= opEq && n.op <= opHas }

// write writes the canonical form, in parentheses when something that binds at least as tightly as outer is around it.
func (n *exprNode) write(b *strings.Builder, outer int) {
	level := n.level()
	if level < outer {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch n.op {
	case opName:
		b.WriteString(n.text)
	case opNumber:
		b.WriteString(strings.ToLower(n.text))
	case opRaw64:
		b.WriteString("raw64(")
		n.of[0].write(b, 0)
		b.WriteByte(')')
	case opNot, opMinus, opFlip:
		b.WriteString(n.sign())
		n.of[0].write(b, level)
	case opRange:
		n.of[0].write(b, 3)
		b.WriteString("..")
		n.of[1].write(b, 3)
	case opIn:
		n.of[0].write(b, level+1)
		b.WriteString(" in [")
		for i, item := range n.of[1:] {
			if i > 0 {
				b.WriteString(", ")
			}
			item.write(b, 3)
		}
		b.WriteByte(']')
	default:
		for i, operand := range n.of {
			if i > 0 {
				b.WriteString(" " + n.sign() + " ")
			}
			operand.write(b, level+1)
		}
	}
}
