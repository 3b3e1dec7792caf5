package minijail

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
)

// maxDepth is how deep parentheses may be nested.
const maxDepth = 64

// value is a constant with the name that it has, "" when it is computed.
type value struct {
	v    uint64
	name string // of the value
	not  string // of its complement
}

// constant reads constants with | between them, ~ in front of one and parentheses.
func (p *parser) constant(c *cursor, depth int) (value, error) {
	var out value
	for n := 0; ; n++ {
		one, err := p.single(c, depth)
		if err != nil {
			return value{}, err
		}
		if n == 0 {
			out = one
		} else {
			out = value{v: out.v | one.v}
		}
		if !c.take("|") {
			return out, nil
		}
	}
}

func (p *parser) single(c *cursor, depth int) (value, error) {
	at := c.pos()
	switch {
	case depth > maxDepth:
		return value{}, exchange.Errorf(at, "parentheses are nested deeper than %d", maxDepth)
	case c.take("~"):
		v, err := p.single(c, depth+1)
		return value{v: ^v.v, name: v.not, not: v.name}, err
	case c.take("("):
		v, err := p.constant(c, depth+1)
		if err == nil {
			err = c.want(")", "behind the constant")
		}
		return v, err
	}
	t := c.next()
	if t.text == "" {
		return value{}, exchange.Errorf(at, "a constant is missing")
	}
	if v, ok := number(t.text); ok {
		return value{v: v}, nil
	}
	v, known := p.opt.arch().Constant(t.text)
	if !known {
		return value{}, exchange.Errorf(at, "unknown constant %q: it is neither a number nor a constant of %s's kernel headers", t.text, p.opt.arch())
	}
	return value{v: v, name: t.text}, nil
}

// number reads a number as strtol(3) does, one that only fits without a sign too.
func number(s string) (uint64, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	digits = strings.TrimPrefix(digits, "+")
	if digits == "" || strings.ContainsAny(digits, "_+-oObB") && !strings.HasPrefix(strings.ToLower(digits), "0x") || strings.Contains(digits, "_") {
		return 0, false
	}
	v, err := strconv.ParseUint(digits, 0, 64)
	if err != nil || negative && v > 1<<63 {
		return 0, false
	}
	if negative {
		v = -v
	}
	return v, true
}

// errno reads an error number or its name.
func (p *parser) errno(c *cursor) (uint16, error) {
	at := c.pos()
	t := c.next()
	if v, ok := number(t.text); ok && v >= 1 && v <= 4095 {
		return uint16(v), nil
	}
	for n := range uint16(4096) {
		if name := unix.ErrnoName(unix.Errno(n)); name != "" && (name == t.text || t.text == alias(name)) {
			return n, nil
		}
	}
	return 0, exchange.Errorf(at, "%q is no error number: return takes one from 1 to 4095, or a name such as EPERM", t.text)
}

// alias returns the other name that an error number has in errno.h, "" mostly.
func alias(name string) string {
	return map[string]string{"EAGAIN": "EWOULDBLOCK", "EDEADLK": "EDEADLOCK", "ENOTSUP": "EOPNOTSUPP", "EOPNOTSUPP": "ENOTSUP"}[name]
}
