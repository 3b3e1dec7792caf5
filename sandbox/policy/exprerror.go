package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// ExprError is what is wrong at one place of an expression.
type ExprError struct {
	Code        string // one of the codes in Codes
	Message     string // what is wrong, in one line
	Hint, Help  string // what was meant, what to do about it; may be empty
	Offset, End int    // the place in the text, in bytes
	Pos         Pos    // the place in the file; without a line when the expression is in none
	Width       int    // characters that it covers
}

// Error returns the error in one line.
func (e *ExprError) Error() string {
	var b strings.Builder
	if e.Pos.Line != 0 {
		fmt.Fprintf(&b, "%s: ", e.Pos)
	} else {
		fmt.Fprintf(&b, "character %d: ", e.Pos.Col)
	}
	b.WriteString(e.Message)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	if e.Help != "" {
		b.WriteString("; help: " + e.Help)
	}
	return b.String()
}

// ExprErrors are all errors of an expression, by position.
type ExprErrors []*ExprError

// Error returns one line for each error.
func (es ExprErrors) Error() string { return strings.Join(each(es, (*ExprError).Error), "\n") }

// Unwrap returns the errors, for errors.As.
func (es ExprErrors) Unwrap() []error {
	list := make([]error, len(es))
	for i, e := range es {
		list[i] = e
	}
	return list
}

func exprFault(code string, at, end int, format string, args ...any) *ExprError {
	return &ExprError{Code: code, Message: oneLine(format, args...), Offset: at, End: max(end, at)}
}

func (e *ExprError) hint(s string) *ExprError { e.Hint = oneLine("%s", s); return e }

func (e *ExprError) help(format string, args ...any) *ExprError {
	e.Help = oneLine(format, args...)
	return e
}

// placed gives errors their places in the file and returns them as one error.
func (e *Expr) placed(faults []*ExprError) error {
	if len(faults) == 0 {
		return nil
	}
	slices.SortStableFunc(faults, func(a, b *ExprError) int { return cmp.Compare(a.Offset, b.Offset) })
	for _, g := range faults {
		g.Pos = e.place(g.Offset)
		g.Width = max(1, utf8.RuneCountInString(e.Text[g.Offset:g.End]))
		if last := e.place(max(g.Offset, g.End-1)); last.Line == g.Pos.Line && last.Col >= g.Pos.Col {
			g.Width = last.Col - g.Pos.Col + 1 // escapes are wider than what they stand for
		}
	}
	return ExprErrors(faults)
}

// place returns where a byte of the text stands in the file.
func (e *Expr) place(offset int) Pos {
	char := utf8.RuneCountInString(e.Text[:offset])
	if len(e.chars) > 0 {
		return e.chars[min(char, len(e.chars)-1)]
	}
	p := e.Pos
	if p.Line == 0 {
		p.Col = 1
	}
	p.Col += char
	return p
}
