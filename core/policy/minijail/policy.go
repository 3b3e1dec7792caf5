package minijail

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// maxText is how long a condition may be: a line of a policy has at most 4,096 characters.
const maxText = 3900

// writer makes a section of a file.
type writer struct {
	f       *File
	section exchange.Section
	denied  uint32
	notes   []exchange.Note
}

// Policy writes the file as a policy with one module, reads it back and proves that it answers every call of the architecture as the file does.
// The notes say what it does not have. Calls that are answered in another way, which the notes about them announce, are the differences; there are
// none otherwise.
func (f *File) Policy(module string) (text []byte, notes []exchange.Note, differences []seccomp.Difference, err error) {
	w := &writer{f: f, denied: f.Default, notes: slices.Clone(f.Notes)}
	byDefault, ok := action(f.Default)
	if f.Default == bpf.RetAllow {
		byDefault, w.denied, ok = "errno ENOSYS", bpf.RetErrno|1, true
		w.note(f.start, "with @denylist calls are allowed that no line names: those that the table has are, and numbers that it does not have are not")
		w.others()
	}
	if !ok {
		return nil, nil, nil, fmt.Errorf("%s: the default %s is none of a policy's", f.Name, bpf.Describe(f.Default))
	}
	w.section.Default = byDefault
	w.section.Denied, _ = action(w.denied)
	for _, c := range f.Calls {
		w.call(c)
	}
	w.note(f.start, "another architecture ends the process, and not only the thread")
	text, s, err := w.text(module)
	notes = exchange.Sorted(w.notes)
	if err != nil || f.Arch != seccomp.Native() { // what is resolved is for this machine
		return text, notes, nil, err
	}
	got, err := seccomp.Resolve(s)
	if err != nil {
		return text, notes, nil, fmt.Errorf("write %s as a policy: %w", f.Name, err)
	}
	want, err := f.Decision()
	if err != nil {
		return text, notes, nil, err
	}
	return text, notes, seccomp.Compare(want, got, maxDifferences), nil
}

// maxDifferences is how many differences are shown at most.
const maxDifferences = 100

// text puts the policy together and reads it back, without the rules that the language refuses, such as those that never hold.
func (w *writer) text(module string) ([]byte, policy.Seccomp, error) {
	for {
		if len(w.section.Allow)+len(w.section.AllowWhen) == 0 {
			return nil, policy.Seccomp{}, fmt.Errorf("%s: a policy allows at least one system call, and this file allows none", w.f.Name)
		}
		text := w.section.Program(fmt.Sprintf("Made of minijail's %s for %s.", w.f.Name, w.f.Arch), module, w.notes)
		p, findings := policy.Parse("made.yaml", text, policy.Options{Catalog: w.f.Arch.Catalog()})
		if p != nil {
			return text, p.Modules[0].Seccomp, nil
		}
		dropped := w.section.Drop(text, findings)
		if len(dropped) == 0 {
			return text, policy.Seccomp{}, fmt.Errorf("write %s as a policy: %w; this is a bug of ours, please report it", w.f.Name, findings.Err())
		}
		for _, d := range dropped {
			w.note(w.f.start, "a rule for %s is not carried (%s): %s", d.Rule.Call, d.Rule.Comment, d.Why)
		}
	}
}

func (w *writer) note(pos policy.Pos, format string, args ...any) {
	w.notes = append(w.notes, exchange.Note{Pos: pos, Text: fmt.Sprintf(format, args...)})
}

// others allows the calls that the file does not name.
func (w *writer) others() {
	for name := range w.f.Arch.Calls() {
		if !slices.ContainsFunc(w.f.Calls, func(c Call) bool { return c.Name == name }) {
			w.section.Allow = append(w.section.Allow, name)
		}
	}
}

// action writes an answer as an action that denies.
func action(answer uint32) (string, bool) {
	switch bpf.Action(answer) {
	case bpf.RetErrno:
		return policy.Action{Kind: policy.ActionErrno, Errno: bpf.Value(answer)}.String(), true
	case bpf.RetKillProcess:
		return policy.Action{Kind: policy.ActionKillProcess}.String(), true
	case bpf.RetKillThread:
		return policy.Action{Kind: policy.ActionKillThread}.String(), true
	case bpf.RetTrap:
		return policy.Action{Kind: policy.ActionTrap}.String(), true
	}
	return "", false
}

// call makes the rules for a call: it is allowed as a whole where it is allowed at all and the rest has an answer of its own, and deny takes the
// rest away.
func (w *writer) call(c Call) {
	cases := c.Cases
	if i := slices.IndexFunc(cases, func(c Case) bool { return len(c.Or) == 0 }); i >= 0 {
		cases = cases[:i+1]
	} else {
		cases = append(slices.Clone(cases), Case{Answer: w.f.Default})
	}
	prototype, known := w.f.Arch.Prototype(c.Name)
	comment := fmt.Sprintf("line %d", c.Pos.Line)
	whole, before := false, []string(nil) // the conditions of the cases before
	for _, k := range cases {
		here := slices.Clone(before)
		if len(k.Or) > 0 {
			if !known {
				w.note(c.Pos, "the condition on %s is not carried, so the call gets what no line is about: its parameters are not in the table", c.Name)
				return
			}
			text, err := w.condition(c, k.Or, prototype)
			if err != nil {
				w.note(c.Pos, "the condition on %s is not carried, so the call gets what no line is about: %v", c.Name, err)
				return
			}
			if text == always || text == never {
				w.note(c.Pos, "a condition on %s %s holds", c.Name, text)
			}
			before = append(before, not(text))
			here = append(here, text)
		}
		when, sayable := both(here)
		if !sayable {
			continue
		}
		w.rule(c, k, when, comment, &whole)
	}
	if whole {
		w.section.Allow = append(w.section.Allow, c.Name)
	}
}

// rule makes the rule for a case.
func (w *writer) rule(c Call, k Case, when, comment string, whole *bool) {
	act, denies := action(k.Answer)
	switch {
	case k.Answer == bpf.RetAllow && when == "":
		*whole = true
	case k.Answer == bpf.RetAllow:
		w.section.AllowWhen = append(w.section.AllowWhen, exchange.Rule{Call: c.Name, When: when, Comment: comment})
	case !denies || k.Answer == w.denied:
	case len(when) > maxText:
		w.note(c.Pos, "an answer for %s is not carried: its condition would have %d characters", c.Name, len(when))
	default:
		w.section.Deny = append(w.section.Deny, exchange.Rule{Call: c.Name, When: when, Action: act, Comment: comment})
	}
}

const (
	always = "always"
	never  = "never"
)

func not(text string) string {
	switch text {
	case always:
		return never
	case never:
		return always
	}
	return "!(" + text + ")"
}

// both joins conditions of which all must hold. It is false when one never holds.
func both(all []string) (string, bool) {
	var and []string
	for _, t := range all {
		switch {
		case t == never:
			return "", false
		case t == always:
		case strings.Contains(t, "||"):
			and = append(and, "("+t+")")
		default:
			and = append(and, t)
		}
	}
	if len(and) == 1 {
		and[0] = strings.TrimSpace(and[0])
	}
	return strings.Join(and, " && "), true
}
