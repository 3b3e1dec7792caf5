package filter

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Explanation is what a filter answers to a call on one architecture.
type Explanation struct {
	Filter       string `json:"filter"`
	Call         string `json:"call"`
	Architecture string `json:"architecture"`
	Number       uint32 `json:"number"`
	Cases        []Case `json:"cases"`
}

// Case is an answer and where it is given.
type Case struct {
	Answer string `json:"answer"`
	When   string `json:"when,omitempty"` // a condition of the policy language; empty is always, or wherever no other case is
	Bits   string `json:"bits,omitempty"` // instead of When, where the language cannot say it: the first of the cases
}

// Explain says what a filter answers to a call, on each architecture that has it and that the filter leaves open. It is an error when no
// table has the call.
func (f *Filter) Explain(call string) ([]Explanation, error) {
	var out []Explanation
	known := false
	for _, a := range append([]seccomp.Arch{seccomp.Native()}, seccomp.Arches()...) {
		nr, has := a.Number(call)
		known = known || has
		if has && (a == seccomp.Native() && len(out) == 0 || a != seccomp.Native() && f.open(a)) {
			out = append(out, Explanation{f.Name, call, a.Name(), nr, f.cases(a, call, nr)})
		}
	}
	if !known {
		return nil, fmt.Errorf("%q is no system call that the tables know", call)
	}
	return out, nil
}

// cases are the answers to a call, the one that most arguments get last.
func (f *Filter) cases(a seccomp.Arch, call string, nr uint32) []Case {
	if answer, ok := f.Decision.Always(a, nr); ok {
		return []Case{{Answer: bpf.Describe(answer)}}
	}
	prototype, _ := a.Prototype(call)
	regions := map[uint32][]seccomp.Case{}
	for _, c := range f.Decision.Cases(a, nr, maxCases) {
		regions[c.Answer] = append(regions[c.Answer], c)
	}
	if len(regions) == 0 {
		return []Case{{Answer: "depends on the arguments", Bits: fmt.Sprintf("in more than %d ways", maxCases)}}
	}
	answers := slices.Sorted(maps.Keys(regions))
	slices.SortStableFunc(answers, func(x, y uint32) int { return len(regions[x]) - len(regions[y]) })
	var out []Case
	for i, answer := range answers {
		c := Case{Answer: bpf.Describe(answer)}
		var terms []term
		err := error(nil)
		for _, r := range regions[answer] {
			t, ok := ofRegion(r.Region)
			if !ok {
				err = fmt.Errorf("the instruction pointer")
			}
			terms = append(terms, t)
		}
		if err == nil {
			c.When, err = condition(terms, prototype)
		}
		if err != nil {
			c.Bits = regions[answer][0].String()
		} else if i == len(answers)-1 {
			c.When = ""
		}
		out = append(out, c)
	}
	return out
}

// Text prints the explanation for a person.
func (e Explanation) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s on %s (number %d)\n", e.Filter, e.Call, e.Architecture, e.Number)
	for i, c := range e.Cases {
		switch {
		case c.Bits != "":
			fmt.Fprintf(&b, "  %s when %s, among others\n", c.Answer, c.Bits)
		case c.When != "":
			fmt.Fprintf(&b, "  %s when %s\n", c.Answer, c.When)
		case i > 0:
			fmt.Fprintf(&b, "  %s otherwise\n", c.Answer)
		default:
			fmt.Fprintf(&b, "  %s\n", c.Answer)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
