package call

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Kind is what a text says about an argument.
type Kind uint8

const (
	Any     Kind = iota // nothing: the argument may have any value
	Number              // its value
	Memory              // what it points to; its value is any
	Unclear             // something that is not understood; its value is any
)

// Arg is an argument as it was written.
type Arg struct {
	Name   string // the parameter's name, "" when the prototype is not known
	Index  int    // of the register, 0 to 5; -1 for one that is in none
	Text   string
	Offset int // of Text, in bytes
	Kind   Kind
	Value  uint64
	Known  uint64 // the bits of Value that are certain
	Why    string // with Unclear: what is not understood
}

// Call is a system call.
type Call struct {
	Name   string
	Text   string // as it was written
	Offset int    // of the name in Text
	End    int    // where the call's text ends: after its last parenthesis
	Closed bool   // the last parenthesis is there
	Args   []Arg  // in the order in which they were written

	// Data is what a filter sees, with 0 in what is not known. Known has the bits of each argument that are certain; the others may
	// have any value.
	Data  bpf.Data
	Known [6]uint64
}

// Certain tells whether every bit of the arguments that the call has is known, upper halves excepted.
func (c *Call) Certain() bool {
	return !slices.ContainsFunc(c.Args, func(a Arg) bool { return a.Kind != Number })
}

// String returns the call's text from its name to its last parenthesis.
func (c *Call) String() string { return strings.TrimSpace(c.Text[c.Offset:c.End]) }

// Parse reads one call. An error is an *Error.
func Parse(text string, arch Arch) (Call, error) {
	c, err := ParseLoose(text, arch)
	if err != nil {
		return c, err
	}
	switch rest := strings.TrimLeft(c.Text[c.End:], " \t;"); {
	case !c.Closed:
		return c, wrong(len(text), 1, "the call ends without a closing parenthesis")
	case rest != "":
		return c, wrong(len(text)-len(rest), len(rest), "unexpected text after the call")
	}
	var given [6]bool
	for _, a := range c.Args {
		switch {
		case a.Index < 0:
			return c, wrong(a.Offset, len(a.Text), "%s takes %s", c.Name, counted(arch, c.Name))
		case given[a.Index]:
			return c, wrong(a.Offset, len(a.Text), "argument %s is given twice", a.Name)
		case a.Kind == Unclear:
			e := wrong(a.Offset, len(a.Text), "%s", a.Why)
			e.locate(a, arch)
			return c, e
		}
		given[a.Index] = true
	}
	return c, nil
}

func counted(arch Arch, name string) string {
	p, known := arch.Prototype(name)
	if !known {
		return "at most six arguments"
	}
	list := make([]string, len(p.Params))
	for i, param := range p.Params {
		list[i] = param.Name
	}
	switch len(list) {
	case 0:
		return "no arguments"
	case 1:
		return "one argument: " + list[0]
	default:
		return fmt.Sprintf("%d arguments: %s", len(list), strings.Join(list, ", "))
	}
}

// locate narrows an error about an argument down to the part that is wrong.
func (e *Error) locate(a Arg, arch Arch) {
	_, text := namedValue(a.Text)
	shift := len(a.Text) - len(text)
	x := expression{text: text, arch: arch}
	if _, err := x.parse(); err != nil {
		err.Offset += a.Offset + shift
		*e = *err
	}
}

// ParseLoose reads one call as strace(1) prints it. Only a text that does not begin with a call, or a name that is no system
// call of the architecture, is an error; what is not understood of an argument makes it Unclear, arguments that the kernel does not
// take have the index -1, and the text may end early or go on after the call. Calls that the architecture has no name for are
// written as strace does, syscall_0x1c8(…), or syscall_456(…).
func ParseLoose(text string, arch Arch) (Call, error) {
	c := Call{Text: text, Offset: len(text) - len(strings.TrimLeft(text, " \t")), End: len(text)}
	end := c.Offset
	for end < len(text) && word(text[end]) {
		end++
	}
	c.Name = text[c.Offset:end]
	if c.Name == "" || digit(c.Name[0]) {
		return c, wrong(c.Offset, 1, "a system call's name is expected, as in socket(AF_UNIX, SOCK_STREAM, 0)")
	}
	open := end
	for open < len(text) && text[open] == ' ' {
		open++
	}
	if open == len(text) || text[open] != '(' {
		return c, wrong(open, 1, "an opening parenthesis is expected after %s", c.Name)
	}
	nr, known := arch.Number(c.Name)
	if !known {
		nr, known = numbered(c.Name)
	}
	if !known {
		e := wrong(c.Offset, len(c.Name), "unknown system call %q of %s", c.Name, arch.Name())
		e.Hint = didYouMean(policy.Nearest(c.Name, names(arch)))
		return c, e
	}
	c.Data = bpf.Data{Arch: arch.Audit(), Nr: nr}
	var parts []part
	parts, c.End, c.Closed = split(text, open+1)
	c.place(parts, arch)
	return c, nil
}

// numbered reads strace's names of calls that it does not know.
func numbered(name string) (uint32, bool) {
	digits, ok := strings.CutPrefix(name, "syscall_")
	if !ok {
		return 0, false
	}
	n, ok := parseNumber(digits)
	return uint32(n), ok && n <= 0xffffffff
}

// place gives each argument its register.
func (c *Call) place(parts []part, arch Arch) {
	prototype, known := arch.Prototype(c.Name)
	next := 0
	c.Args = make([]Arg, 0, len(parts))
	for _, p := range parts {
		a := Arg{Text: p.text, Offset: p.offset, Index: next}
		text := p.text
		if name, value := namedValue(text); name != "" {
			a.Index, text = index(prototype, name), value
			if a.Index < 0 {
				a.Why = fmt.Sprintf("%s has no argument %q", c.Name, name)
			}
		}
		next = max(next, a.Index) + 1
		var param policy.Param
		switch {
		case a.Index < 0, known && a.Index >= len(prototype.Params), a.Index >= len(c.Known):
			a.Index = -1
			c.Args = append(c.Args, a)
			continue
		case known:
			param = prototype.Params[a.Index]
			a.Name = param.Name
		}
		a.read(text, param, arch)
		if !p.whole {
			a.Kind, a.Known, a.Value = Any, 0, 0
		}
		c.Args = append(c.Args, a)
		c.Data.Args[a.Index], c.Known[a.Index] = a.Value&a.Known, a.Known
	}
}

// Also are strace's own names of parameters. Source: strace's clone.c, which prints the stack first.
var also = map[string][]string{
	"child_stack":  {"newsp", "stack_start"},
	"flags":        {"clone_flags"},
	"parent_tid":   {"parent_tidptr"},
	"child_tid":    {"child_tidptr"},
	"child_tidptr": {"child_tidptr"},
	"tls":          {"tls_val"},
}

func index(p policy.Prototype, name string) int {
	find := func(name string) int {
		return slices.IndexFunc(p.Params, func(param policy.Param) bool { return param.Name == name })
	}
	if i := find(name); i >= 0 {
		return i
	}
	for _, other := range also[name] {
		if i := find(other); i >= 0 {
			return i
		}
	}
	return -1
}
