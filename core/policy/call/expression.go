package call

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// read says what a text tells about an argument.
func (a *Arg) read(text string, param policy.Param, arch Arch) {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || text == "_" || text == "?" || text == "…" || text == "...":
		a.Kind = Any
		return
	case strings.ContainsRune("\"{[@", rune(text[0])) || strings.HasPrefix(text, "~["):
		a.Kind = Memory
		return
	}
	x := expression{text: text, arch: arch, brief: true} // Parse looks again for what was meant; a trace has thousands
	value, err := x.parse()
	if err != nil {
		a.Kind, a.Why = Unclear, err.Message
		return
	}
	a.Kind, a.Value, a.Known = Number, value, ^uint64(0)
	if small := value == uint64(uint32(value)) || int64(value) == int64(int32(value)); param.Width == 32 || param.Width == 0 && small {
		if !small {
			a.Kind, a.Known, a.Why = Unclear, 0, fmt.Sprintf("%s does not fit into %s, which has 32 bits", text, nameOf(param))
			return
		}
		a.Value, a.Known = uint64(uint32(value)), 0xffffffff
	}
}

func nameOf(p policy.Param) string {
	if p.Type == "" {
		return p.Name
	}
	return strings.TrimSpace(p.Type + " " + p.Name)
}

// maxNesting is how deep an expression may be.
const maxNesting = 64

// expression is a constant expression that is read. Numbers have 64 bits and wrap, as in C.
type expression struct {
	text  string
	at    int
	depth int
	brief bool // no suggestions
	arch  Arch
}

// parse reads the whole text. What strace adds is passed over: comments, what a descriptor is, "or" with another name of the
// same value, and "=> …", what the kernel changed.
func (x *expression) parse() (uint64, *Error) {
	value, err := x.binary(0)
	if err != nil {
		return 0, err
	}
	x.space()
	rest := x.text[x.at:]
	if rest != "" && !strings.HasPrefix(rest, "=>") && !strings.HasPrefix(rest, "or ") {
		return 0, wrong(x.at, len(rest), "unexpected %s after a value", short(rest))
	}
	return value, nil
}

// operators are C's, from those that bind least.
var operators = [...][]string{{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*"}}

func (x *expression) binary(level int) (uint64, *Error) {
	if level == len(operators) {
		return x.unary()
	}
	left, err := x.binary(level + 1)
	for err == nil {
		x.space()
		i := slices.IndexFunc(operators[level], func(op string) bool { return strings.HasPrefix(x.text[x.at:], op) })
		if i < 0 {
			return left, nil
		}
		op := operators[level][i]
		x.at += len(op)
		var right uint64
		right, err = x.binary(level + 1)
		left = apply(op, left, right)
	}
	return 0, err
}

func apply(op string, a, b uint64) uint64 {
	switch op {
	case "|":
		return a | b
	case "^":
		return a ^ b
	case "&":
		return a & b
	case "<<":
		return a << b
	case ">>":
		return a >> b
	case "+":
		return a + b
	case "-":
		return a - b
	default:
		return a * b
	}
}

func (x *expression) unary() (uint64, *Error) {
	if x.depth++; x.depth > maxNesting {
		return 0, wrong(x.at, 1, "nested more than %d deep", maxNesting)
	}
	defer func() { x.depth-- }()
	x.space()
	if x.at == len(x.text) {
		return 0, wrong(x.at, 1, "a value is expected")
	}
	switch b := x.text[x.at]; {
	case b == '-' || b == '~' || b == '+':
		x.at++
		value, err := x.unary()
		switch b {
		case '-':
			value = -value
		case '~':
			value = ^value
		}
		return value, err
	case b == '(':
		x.at++
		value, err := x.binary(0)
		if err != nil {
			return 0, err
		}
		if x.space(); !strings.HasPrefix(x.text[x.at:], ")") {
			return 0, wrong(x.at, 1, "a closing parenthesis is expected")
		}
		x.at++
		return value, nil
	case word(b):
		return x.word()
	default:
		return 0, wrong(x.at, 1, "a value is expected, not %s", short(x.text[x.at:]))
	}
}

// word reads a number or the name of a constant.
func (x *expression) word() (uint64, *Error) {
	start := x.at
	for x.at < len(x.text) && word(x.text[x.at]) {
		x.at++
	}
	name := x.text[start:x.at]
	if x.at < len(x.text) && x.text[x.at] == '<' && annotation(x.text, x.at) {
		x.at = skipAnnotation(x.text, x.at)
	}
	if digit(name[0]) {
		value, ok := parseNumber(name)
		if !ok {
			return 0, wrong(start, len(name), "%s is not a number of 64 bits", short(name))
		}
		return value, nil
	}
	if name == "NULL" {
		return 0, nil
	}
	if value, known := x.arch.Constant(name); known {
		return value, nil
	}
	if strings.HasPrefix(x.text[x.at:], "(") {
		return 0, wrong(start, len(name), "%s(…) is a macro of C; write its value", name)
	}
	e := wrong(start, len(name), "unknown constant %q", name)
	if !x.brief {
		e.Hint = didYouMean(policy.Nearest(name, slices.Values(x.arch.Constants())))
	}
	return 0, e
}

func (x *expression) space() {
	for x.at < len(x.text) {
		switch {
		case x.text[x.at] == ' ' || x.text[x.at] == '\t':
			x.at++
		case strings.HasPrefix(x.text[x.at:], "/*"):
			x.at = skipComment(x.text, x.at)
		default:
			return
		}
	}
}

// parseNumber reads a number as C writes it, with its suffixes.
func parseNumber(text string) (uint64, bool) {
	text = strings.TrimRight(text, "uUlL")
	if strings.ContainsAny(text, "_") || len(text) > 1 && text[0] == '0' && strings.ContainsAny(text[1:2], "oO") {
		return 0, false // Go's, not C's
	}
	value, err := strconv.ParseUint(text, 0, 64)
	return value, err == nil
}

// short quotes the beginning of a text.
func short(text string) string {
	if len(text) > 20 {
		return strconv.Quote(text[:20] + "…")
	}
	return strconv.Quote(text)
}
