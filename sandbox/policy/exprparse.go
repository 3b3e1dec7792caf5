package policy

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// exprParser reads the tokens of an expression by recursive descent; what is wrong is a panic of *ExprError that parseExprText catches.
type exprParser struct {
	text   string
	tokens []exprToken
	depth  int
	traps  []*ExprError // of precedence: the expression can be read on
}

// parseExprText reads an expression up to the first error. With an expression that C reads otherwise than it looks, there is a root all the
// same.
func parseExprText(text string) (root *exprNode, faults []*ExprError) {
	if n := utf8.RuneCountInString(text); n > maxExpr {
		return nil, []*ExprError{exprFault(codeTooMuch, 0, 1, "an expression of %d characters; at most %d are read", n, maxExpr)}
	}
	tokens, fault := tokenizeExpr(text)
	if fault != nil {
		return nil, []*ExprError{fault}
	}
	p := &exprParser{text: text, tokens: tokens}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *ExprError:
			root, faults = nil, append(p.traps, r)
		default:
			panic(r)
		}
	}()
	if p.now().kind == exprEnd {
		empty := exprFault(codeExpr, 0, len(text), "an empty expression").help(`write a condition such as "family == AF_INET", or leave out when`)
		return nil, []*ExprError{empty}
	}
	root = p.binary(1)
	if p.now().kind != exprEnd {
		p.unexpected("an operator")
	}
	return root, p.traps
}

func (p *exprParser) now() exprToken { return p.tokens[0] }

func (p *exprParser) next() exprToken {
	t := p.tokens[0]
	if t.kind != exprEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *exprParser) sign(text string) bool {
	t := p.now()
	return t.kind == exprSign && t.text == text
}

func (p *exprParser) need(text, after string) exprToken {
	if !p.sign(text) {
		t := p.now()
		panic(exprFault(codeExpr, t.at, t.end, "expected %q %s, found %s", text, after, t.show()))
	}
	return p.next()
}

func (t exprToken) show() string {
	if t.kind == exprEnd {
		return "the end"
	}
	return strconv.Quote(t.text)
}

// unexpected reports the token that stands where something else should.
func (p *exprParser) unexpected(want string) {
	t := p.now()
	g := exprFault(codeExpr, t.at, t.end, "expected %s, found %s", want, t.show())
	switch strings.ToLower(t.text) {
	case "and":
		g.hint(`did you mean "&&"?`)
	case "or":
		g.hint(`did you mean "||"?`)
	case "not":
		g.hint(`did you mean "!"?`)
	}
	if t.text == ")" || t.text == "]" {
		g.help("a bracket that closes without one that opens, or something missing before it")
	}
	panic(g)
}

func (p *exprParser) enter(at exprToken) {
	if p.depth++; p.depth > maxExprDepth {
		panic(exprFault(codeTooDeep, at.at, at.end, "the expression is nested deeper than %d", maxExprDepth))
	}
}

// binaryOp returns the operator that the current token is, 0 when it is none of the level.
func (p *exprParser) binaryOp(level int) exprOp {
	t := p.now()
	if t.kind == exprName && t.text != "in" && t.text != "has" || t.kind == exprNumber || t.kind == exprEnd {
		return 0
	}
	for op := opOr; op <= opHas; op++ {
		if n := (&exprNode{op: op}); n.sign() == t.text && n.level() == level {
			return op
		}
	}
	return 0
}

// binary reads operators of a level and those that bind tighter.
func (p *exprParser) binary(level int) *exprNode {
	if level > 6 {
		return p.unary()
	}
	left := p.binary(level + 1)
	for {
		op := p.binaryOp(level)
		if op == 0 {
			return left
		}
		sign := p.next()
		if left.relation() && !left.parens && (&exprNode{op: op}).relation() {
			panic(p.chained(left, sign))
		}
		if op == opIn {
			left = p.in(left)
			continue
		}
		right := p.binary(level + 1)
		n := &exprNode{op: op, at: left.at, end: right.end}
		p.precedence(n, left, right)
		for _, operand := range []*exprNode{left, right} {
			if operand.op == op && op <= opBitAnd { // these are associative
				n.of = append(n.of, operand.of...)
			} else {
				n.of = append(n.of, operand)
			}
		}
		left = n
	}
}

// chained explains a < b < c and a == b == c, which C takes for a comparison of a comparison's result.
func (p *exprParser) chained(left *exprNode, sign exprToken) *ExprError {
	g := exprFault(codePrecedence, sign.at, sign.end, "the result of a comparison is compared with %s", sign.text)
	if left.op == opLt || left.op == opLe {
		middle := left.of[1]
		return g.help("write %s && %s %s …, or a range: in [1..5]", p.text[left.at:left.end], p.text[middle.at:middle.end], sign.text)
	}
	return g.help("join two comparisons with && or ||")
}

// precedence refuses what C reads otherwise than most people: & and | bind less than == and its like, and ! more than &.
func (p *exprParser) precedence(n, left, right *exprNode) {
	source := func(x *exprNode) string { return p.text[x.at:x.end] }
	compares := func(x *exprNode) bool { return x.relation() && !x.parens }
	if n.relation() || n.op != opBitOr && n.op != opBitAnd {
		return
	}
	g := exprFault(codePrecedence, n.at, n.end, "")
	switch {
	case compares(left) && compares(right) || left.parens && left.relation() || right.parens && right.relation():
		double := map[exprOp]string{opBitOr: "||", opBitAnd: "&&"}[n.op]
		g.Message = oneLine("%s joins bits, and a comparison has none", n.sign())
		p.traps = append(p.traps, g.hint(oneLine("did you mean \"%s %s %s\"?", source(left), double, source(right))))
	case compares(right) && right.op != opIn:
		g.Message = oneLine("%s binds less than %s in C: this is %s %s (%s)", n.sign(), right.sign(), source(left), n.sign(), source(right))
		p.traps = append(p.traps, g.hint(oneLine("did you mean \"(%s %s %s) %s %s\"?", source(left), n.sign(), source(right.of[0]), right.sign(), source(right.of[1]))))
	case compares(right):
		g.Message = oneLine("%s binds less than in: this is %s %s (%s)", n.sign(), source(left), n.sign(), source(right))
		list := p.text[right.of[0].end:right.end]
		p.traps = append(p.traps, g.hint(oneLine("did you mean \"(%s %s %s)%s\"?", source(left), n.sign(), source(right.of[0]), list)))
	case compares(left) && left.op != opIn:
		inC := " in C"
		if left.op == opHas {
			inC = ""
		}
		g.Message = oneLine("%s binds less than %s%s: this is (%s) %s %s", n.sign(), left.sign(), inC, source(left), n.sign(), source(right))
		p.traps = append(p.traps, g.hint(oneLine("did you mean \"%s %s (%s %s %s)\"?", source(left.of[0]), left.sign(), source(left.of[1]), n.sign(), source(right))))
	case compares(left):
		g.Message = oneLine("%s joins bits, and a comparison has none", n.sign())
		p.traps = append(p.traps, g)
	case left.op == opNot && !left.parens:
		g.Message = oneLine("! binds more than %s in C: this is (%s) %s %s", n.sign(), source(left), n.sign(), source(right))
		p.traps = append(p.traps, g.hint(oneLine("did you mean \"!(%s %s %s)\"?", source(left.of[0]), n.sign(), source(right))))
	}
}

// in reads the list of `in`.
func (p *exprParser) in(left *exprNode) *exprNode {
	n := &exprNode{op: opIn, at: left.at, of: []*exprNode{left}}
	p.need("[", `after "in"`)
	for {
		if p.sign("]") && len(n.of) == 1 {
			t := p.now()
			panic(exprFault(codeExpr, left.at, t.end, "nothing is in an empty list").help("write the values: in [1, 2, 5..9]"))
		}
		item := p.binary(3)
		if p.sign("..") {
			p.next()
			last := p.binary(3)
			item = &exprNode{op: opRange, at: item.at, end: last.end, of: []*exprNode{item, last}}
		}
		n.of = append(n.of, item)
		if p.sign("]") {
			n.end = p.next().end
			return n
		}
		p.need(",", `or "]" in the list`)
	}
}

// unary reads !, - and ~ with what they are about.
func (p *exprParser) unary() *exprNode {
	t := p.now()
	for op := opNot; op <= opFlip; op++ {
		if n := (&exprNode{op: op, at: t.at}); t.kind == exprSign && t.text == n.sign() {
			p.next()
			p.enter(t)
			n.of = []*exprNode{p.unary()}
			n.end = n.of[0].end
			p.depth--
			return n
		}
	}
	return p.primary()
}

// primary reads a name, a number, raw64(…) or something in parentheses.
func (p *exprParser) primary() *exprNode {
	t := p.now()
	switch {
	case t.kind == exprNumber:
		p.next()
		return p.number(t)
	case p.sign("("):
		p.next()
		p.enter(t)
		inner := p.binary(1)
		p.depth--
		end := p.need(")", "that closes a parenthesis").end
		n := *inner
		n.parens, n.at, n.end = true, t.at, end
		return &n
	case t.kind == exprName && !keyword(t.text):
		p.next()
		if !p.sign("(") {
			return &exprNode{op: opName, at: t.at, end: t.end, text: t.text}
		}
		if t.text != "raw64" {
			g := exprFault(codeExpr, t.at, t.end, "there is no function %q", t.text)
			if nearest(t.text, func(yield func(string) bool) { yield("raw64") }) != "" {
				g.hint(`did you mean "raw64"?`)
			}
			panic(g.help("raw64(argument) is the only one"))
		}
		p.next()
		inner := p.now()
		if inner.kind != exprName || keyword(inner.text) {
			p.unexpected("the name of an argument in raw64(…)")
		}
		p.next()
		of := &exprNode{op: opName, at: inner.at, end: inner.end, text: inner.text}
		return &exprNode{op: opRaw64, at: t.at, end: p.need(")", "behind the argument of raw64").end, of: []*exprNode{of}}
	}
	p.unexpected("an argument, a constant or a number")
	return nil
}

func keyword(s string) bool {
	switch strings.ToLower(s) {
	case "in", "has", "and", "or", "not":
		return true
	}
	return false
}

// number reads a number: decimal, hexadecimal or binary. C's octal numbers look like decimal ones, so they are refused.
func (p *exprParser) number(t exprToken) *exprNode {
	n := &exprNode{op: opNumber, at: t.at, end: t.end, text: t.text}
	lower := strings.ToLower(t.text)
	octal := strings.TrimPrefix(strings.TrimPrefix(lower, "0o"), "0")
	if strings.HasPrefix(lower, "0o") || len(lower) > 1 && lower[0] == '0' && digits(lower) {
		g := exprFault(codeExpr, t.at, t.end, "%s is an octal number in C; octal numbers are not in the language", t.text)
		if v, err := strconv.ParseUint(octal, 8, 64); err == nil {
			g.hint(oneLine("did you mean \"0x%x\"?", v))
		}
		panic(g.help("write it in hexadecimal, or name the constant"))
	}
	trimmed := strings.TrimRight(lower, "ul")
	v, err := strconv.ParseUint(lower, 0, 64)
	switch {
	case err == nil && !strings.Contains(lower, "_"):
	case isRange(err):
		panic(exprFault(codeConstantFits, t.at, t.end, "%s needs more than 64 bits", t.text).help("an argument has 64 bits at most"))
	case trimmed != lower && digitsOf(trimmed):
		panic(exprFault(codeExpr, t.at, t.end, "a number has no suffix here").hint(oneLine("did you mean %q?", t.text[:len(trimmed)])))
	default:
		panic(exprFault(codeExpr, t.at, t.end, "%q is not a number", t.text).help("decimal 511, hexadecimal 0x1ff or binary 0b111"))
	}
	n.value = v
	return n
}

// digitsOf tells whether ParseUint reads a string, apart from its size.
func digitsOf(s string) bool {
	_, err := strconv.ParseUint(s, 0, 64)
	return err == nil || isRange(err)
}

func isRange(err error) bool { return errors.Is(err, strconv.ErrRange) }
