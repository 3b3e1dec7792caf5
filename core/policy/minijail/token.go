package minijail

import (
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// token is a word or a sign with its place.
type token struct {
	text string
	at   int // the byte in the file
}

// statement is a logical line.
type statement struct {
	tokens []token
	at     int
}

// signs are the longest first.
var signs = [...]string{"||", "&&", "==", "!=", "<=", ">=", "<", ">", "&", "|", "~", ":", ";", ",", "(", ")", "{", "}", "[", "]", "="}

// scan takes a text apart into statements.
func scan(source *exchange.Source, text string) ([]statement, exchange.Errors) {
	var out []statement
	var errs exchange.Errors
	var current statement
	flush := func() {
		if len(current.tokens) > 0 {
			out = append(out, current)
		}
		current = statement{}
	}
	add := func(t string, at int) {
		if len(current.tokens) == 0 {
			current.at = at
		}
		current.tokens = append(current.tokens, token{t, at})
	}
	for i := 0; i < len(text); {
		rest := text[i:]
		switch c := text[i]; {
		case c == '\n':
			flush()
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '\\' && strings.HasPrefix(strings.TrimLeft(rest[1:], "\r"), "\n"):
			i += 1 + strings.Index(rest[1:], "\n") + 1
		case c == '#':
			n := length(rest, func(c byte) bool { return c != '\n' })
			if strings.HasSuffix(strings.TrimRight(rest[:n], "\r"), "\\") && i+n < len(text) {
				errs = append(errs, source.Errorf(i, "a comment with a backslash at its end: for libminijail it goes on in the next line, "+
					"for compile_seccomp_policy.py it does not; remove the backslash"))
			}
			i += n
		case c == '@' || word(c) || c == '-' || c == '+':
			n := 1 + length(rest[1:], func(c byte) bool { return word(c) || c == '-' || c == '@' })
			add(rest[:n], i)
			i += n
			if w := rest[:n]; w == "@include" || w == "@frequency" { // a path is whatever stands there
				i = path(text, i, add)
			}
		default:
			sign := sign(rest)
			if sign == "" {
				errs = append(errs, source.Errorf(i, "%q does not belong here", first(rest)))
				i += length(rest, func(c byte) bool { return c != '\n' })
				current = statement{}
				continue
			}
			add(sign, i)
			i += len(sign)
		}
	}
	flush()
	return out, errs
}

// path adds the rest of a line as one token.
func path(text string, i int, add func(string, int)) int {
	end := i + length(text[i:], func(c byte) bool { return c != '\n' })
	line := strings.TrimSpace(text[i:end])
	if line != "" {
		add(line, i+strings.Index(text[i:end], line))
	}
	return end
}

func sign(s string) string {
	for _, sign := range signs {
		if strings.HasPrefix(s, sign) {
			return sign
		}
	}
	return ""
}

func first(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

func length(s string, while func(byte) bool) int {
	n := 0
	for n < len(s) && while(s[n]) {
		n++
	}
	return n
}

func word(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// cursor goes through the tokens of a statement.
type cursor struct {
	source *exchange.Source
	tokens []token
	end    int // where the statement ends
}

// peek returns the next token's text, "" at the end.
func (c *cursor) peek() string {
	if len(c.tokens) == 0 {
		return ""
	}
	return c.tokens[0].text
}

func (c *cursor) next() token {
	if len(c.tokens) == 0 {
		return token{at: c.end}
	}
	t := c.tokens[0]
	c.tokens = c.tokens[1:]
	return t
}

// take takes the next token when it is this one.
func (c *cursor) take(text string) bool {
	if c.peek() != text {
		return false
	}
	c.next()
	return true
}

func (c *cursor) pos() policy.Pos {
	if len(c.tokens) == 0 {
		return c.source.At(c.end)
	}
	return c.source.At(c.tokens[0].at)
}

// want takes a token that must stand here.
func (c *cursor) want(text, where string) error {
	if c.take(text) {
		return nil
	}
	if c.peek() == "" {
		return exchange.Errorf(c.pos(), "%q is missing %s", text, where)
	}
	return exchange.Errorf(c.pos(), "%q where %q belongs, %s", c.peek(), text, where)
}
