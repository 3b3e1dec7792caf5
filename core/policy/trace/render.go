package trace

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Names are what a report calls its two sides.
type Names struct {
	Trace  string                          // the trace's file
	Policy string                          // "web.yaml, module web"
	Place  func(call string) (Where, bool) // the line of the policy that matters for a call; nil when it is not known
}

// Where is a place in a policy with what stands there, such as "denied here" or "no rule allows it".
type Where struct {
	Pos policy.Pos
	Why string
}

// Place returns the function that finds the line of a policy that matters for a call: the rule that denies it, the rules that allow it
// under a condition, or the section that has no rule for it.
func Place(s policy.Seccomp) func(call string) (Where, bool) {
	return func(name string) (Where, bool) {
		for _, c := range s.Deny {
			if c.Name == name {
				return Where{c.Pos, "denied here" + through(c.Group)}, c.Pos.Line != 0
			}
		}
		for _, c := range s.Allow {
			if c.Name == name && c.When != nil {
				return Where{c.Pos, "allowed here when " + c.When.String()}, c.Pos.Line != 0
			}
		}
		for _, c := range s.Allow {
			if c.Name == name {
				return Where{c.Pos, "allowed here" + through(c.Group)}, c.Pos.Line != 0
			}
		}
		return Where{s.Pos, "no rule of this section allows " + name}, s.Pos.Line != 0
	}
}

func through(group string) string {
	if group == "" {
		return ""
	}
	return " through " + group
}

// Render prints the report: what there is, the first line that is not allowed in its place, how often which call is not allowed, and
// what would have to be.
func (r *Report) Render(w io.Writer, n Names) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s against %s: %s\n", printable(n.Trace), printable(n.Policy), r.summary())
	for _, p := range r.Problems {
		r.problem(&b, n, p)
	}
	if more := r.Unread - len(r.Problems); more > 0 {
		fmt.Fprintf(&b, "and %d more lines that could not be read\n", more)
	}
	if r.First != nil {
		r.first(&b, n)
		r.tallies(&b)
		fmt.Fprintf(&b, "to allow all of it: [%s]\n", strings.Join(r.Needed(), ", "))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (r *Report) summary() string {
	parts := []string{counted(r.Calls, "call", "calls"), strconv.Itoa(r.Allowed) + " allowed"}
	if r.Launched {
		parts = append(parts, "1 is the start of the program")
	}
	if r.Denied > 0 {
		parts = append(parts, strconv.Itoa(r.Denied)+" denied")
	}
	if r.MayBe > 0 {
		parts = append(parts, strconv.Itoa(r.MayBe)+" may be denied")
	}
	if r.Unread > 0 {
		parts = append(parts, counted(r.Unread, "line", "lines")+" not understood")
	}
	return strings.Join(parts, ", ")
}

func (r *Report) problem(b *bytes.Buffer, n Names, p *Problem) {
	fmt.Fprintf(b, "%s:%d:%d: %s\n", printable(n.Trace), p.Number, p.Column, printable(p.Message))
	excerpt(b, p.Number, p.Text, p.Column, p.Width, p.Hint)
}

func (r *Report) first(b *bytes.Buffer, n Names) {
	l, o := r.First.Line, r.First.Outcome
	fmt.Fprintf(b, "%s:%d:%d: the first line that is %s\n", printable(n.Trace), l.Number, l.Column, o.notAllowed())
	excerpt(b, l.Number, l.Text, l.Column, len(l.Call.Name), o.Text())
	for _, a := range o.Answers {
		shown := call.DescribeKnown(a.Example, l.Call.Known, r.arch)
		if o.Verdict == MayDenied {
			shown = call.Describe(a.Example, r.arch)
		}
		fmt.Fprintf(b, "      %s -> %s\n", shown, Name(a.Value))
	}
	if n.Place != nil {
		if w, ok := n.Place(l.Call.Name); ok {
			fmt.Fprintf(b, "      by %s: %s\n", printable(w.Pos.String()), printable(w.Why))
		}
	}
}

func (o Outcome) notAllowed() string {
	if o.Verdict == Denied {
		return "denied"
	}
	return "not certain to be allowed"
}

// Text says what a call gets: "errno EPERM", or "may be denied (errno EPERM), depends on arguments addr, len".
func (o Outcome) Text() string {
	if o.Verdict != MayDenied {
		names := make([]string, len(o.Answers))
		for i, a := range o.Answers {
			names[i] = Name(a.Value)
		}
		return strings.Join(names, " or ")
	}
	text := "may be denied"
	if worst := o.Worst(); !Permits(worst.Value) {
		text += " (" + Name(worst.Value) + ")"
	}
	switch len(o.Depends) {
	case 0:
		return text + ", depends on the upper half of an argument's register"
	case 1:
		return text + ", depends on argument " + o.Depends[0]
	default:
		return text + ", depends on arguments " + strings.Join(o.Depends, ", ")
	}
}

func (r *Report) tallies(b *bytes.Buffer) {
	b.WriteString("not allowed, by call:\n")
	for _, t := range r.ByCall {
		fmt.Fprintf(b, "%7d  %-20s %s; first in line %d\n", t.Denied+t.MayBe, t.Name, t.First.Outcome.Text(), t.First.Line.Number)
	}
}

// excerpt prints a line with a caret under what is meant. A long line is cut.
func excerpt(b *bytes.Buffer, number int, text string, column, width int, what string) {
	const before, most = 40, 120
	start := 0
	if column-1 > most-before {
		start = column - 1 - before
	}
	start = min(start, len(text))
	end := min(len(text), start+most)
	shown := printable(text[start:end])
	if end < len(text) {
		shown += "…"
	}
	at := len([]rune(printable(text[start:min(len(text), column-1)])))
	width = max(1, min(width, end-column+1))
	if shown == "" {
		return
	}
	fmt.Fprintf(b, "%5d | %s\n      | %s\n", number, shown, strings.TrimRight(strings.Repeat(" ", at)+strings.Repeat("^",
		width)+" "+printable(what), " "))
}

// printable replaces what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
