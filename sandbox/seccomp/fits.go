package seccomp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Reasons why there is no filter for a policy that is right.
var (
	// ErrUndecided is a decision function that takes too much work to be made.
	ErrUndecided = errors.New("the conditions on arguments depend on too many bits at once to be decided")
	// ErrTooLong is one that takes more instructions than the kernel does.
	ErrTooLong = fmt.Errorf("the kernel takes %d instructions", bpf.MaxInstructions)
)

// Codes of the findings of Fits.
const (
	CodeTooLong   = "E621"
	CodeUndecided = "E622"
)

// maxUnfit is how many findings of Fits there are.
const maxUnfit = 3

// easy is how many characters of conditions always fit. Of one more, 32 bits of two arguments can be tested in pairs.
const easy = 400

// Fits looks for what keeps the modules of a policy from having filters, and says it at the call that has the most conditions. It compiles what
// has so many conditions that it may not fit.
func Fits(p *policy.Policy) (ds policy.Diagnostics) {
	tried := map[string]bool{}
	for _, m := range p.Modules {
		w := weigh(m.Seccomp)
		if len(w.conditions) <= easy || tried[w.conditions] {
			continue
		}
		tried[w.conditions] = true
		if d := w.fits(m.Seccomp); d != nil {
			ds = append(ds, *d)
		}
		if len(ds) == maxUnfit {
			break // each may take a second
		}
	}
	return ds
}

// load is what the conditions of a section weigh.
type load struct {
	conditions string // all
	most       string // the call with the most of them
	calls      map[string]callLoad
}

type callLoad struct {
	rules, characters int
	first             policy.Pos
}

func weigh(s policy.Seccomp) load {
	w := load{calls: map[string]callLoad{}}
	var all strings.Builder
	for _, c := range slices.Concat(s.Allow, s.Deny) {
		if c.When == nil {
			continue
		}
		text := c.When.String()
		all.WriteString(c.Name + " " + text + "\n")
		l := w.calls[c.Name]
		if l.rules++; l.rules == 1 {
			l.first = c.Pos
		}
		l.characters += len(text)
		w.calls[c.Name] = l
		if l.characters > w.calls[w.most].characters {
			w.most = c.Name
		}
	}
	for _, a := range s.Architectures {
		all.WriteString(a.V + "\n")
	}
	w.conditions = all.String()
	return w
}

func (w load) fits(s policy.Seccomp) *policy.Diagnostic {
	d, err := Resolve(s)
	if err == nil {
		_, err = emit(d)
	}
	l := w.calls[w.most]
	where := fmt.Sprintf("; %q has most of them, %d characters in %s", w.most, l.characters, counted(l.rules, "rule"))
	at := policy.Diagnostic{Pos: l.first, Width: len(w.most)}
	switch {
	case errors.Is(err, ErrTooLong):
		at.Code, at.Message = CodeTooLong, fmt.Sprintf("the conditions take more than the %d instructions that the kernel takes as a filter%s", bpf.MaxInstructions, where)
		at.Help = "name fewer values: a range (10..20), bits (has) or a call without a condition takes one or two instructions, each single value one"
	case errors.Is(err, ErrUndecided):
		at.Code, at.Message = CodeUndecided, "the conditions depend on too many bits of the arguments at once to be decided exactly"+where
		at.Help = "conditions on one argument each are no trouble; name fewer pairs of values of two arguments"
	default:
		return nil
	}
	return &at
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
