package systemd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// effect is how a call that SystemCallFilter has, and of which directives deny something, is answered other than by the policy.
type effect struct {
	narrower, wider bool   // it is denied where the policy allows it; it is let through where the policy does not
	answer          string // what it is denied with where the policy denies it with something else
}

// effect compares the policy's decision function with that of a unit in which a call is allowed and denials take theirs away.
func (f *filter) effect(call string, denials []denial) effect {
	decision, err := seccomp.Resolve(f.unit(call, denials))
	if err != nil {
		return effect{narrower: true, wider: true} // nothing is known of it, so nothing may rest on it
	}
	return f.compare(call, f.decision, decision)
}

// unit is a section in which one call is allowed and denials take theirs away.
func (f *filter) unit(call string, denials []denial) policy.Seccomp {
	s := policy.Seccomp{Architectures: f.s.Architectures, Default: f.s.Default, Denied: f.s.Denied}
	s.Allow = []policy.Call{{Name: call, IfSupported: true}}
	for _, d := range denials {
		if rule, has := d.rule(); has {
			s.Deny = append(s.Deny, rule)
		}
	}
	return s
}

func (f *filter) compare(call string, want, got *seccomp.Decision) (e effect) {
	for _, diff := range seccomp.Compare(want, got, 10_000) {
		about := slices.ContainsFunc(f.decision.Arches(), func(a seccomp.Arch) bool {
			nr, has := a.Number(call)
			return has && a.Audit() == diff.Call.Arch && diff.First <= nr && nr <= diff.Last
		})
		switch {
		case !about:
		case diff.Want == bpf.RetAllow:
			e.narrower = true
		case diff.Got == bpf.RetAllow:
			e.wider = true
		default:
			e.answer = bpf.Describe(diff.Got)
		}
	}
	return e
}

// lets tells whether a call is let through with any arguments.
func lets(d *seccomp.Decision, call string) bool {
	for _, a := range d.Arches() {
		nr, has := a.Number(call)
		if !has {
			continue
		}
		for answer := range d.Answers(bpf.Data{Arch: a.Audit(), Nr: nr}, [6]uint64{}) {
			if answer == bpf.RetAllow {
				return true
			}
		}
	}
	return false
}

// conditional allows a call with conditions, and tells what of them the unit does not have. Strictly, a call is allowed only when the
// directives say all of it.
func (f *filter) conditional(call string) {
	t, rules := f.taken[call], f.rules[call]
	e := f.effect(call, t.denials)
	if e.wider && f.strict {
		f.note(rules[0].Pos, "the condition on %s is not carried: no directive says it, so the call is not allowed", call)
		return
	}
	f.allowed[call] = true
	if e.answer != "" {
		f.note(rules[0].Pos, "what is denied of %s is answered with %s by %s, and not as the policy says", call, e.answer, strings.Join(t.directives, ", "))
	}
	if !e.wider {
		return
	}
	told := strings.Join(t.directives, ", ")
	for _, r := range f.lost(call, t.denials) {
		f.note(r.Pos, "the unit is wider: %s is let through %s", call, r.instead(told))
	}
}

// instead says what a unit has of a rule.
func (r rule) instead(told string) string {
	const none = "no directive says it and leaves what the policy allows"
	switch {
	case r.deny && told != "":
		return fmt.Sprintf("also where `%s`, but for what %s denies", r.When, told)
	case r.deny:
		return fmt.Sprintf("also where `%s`: %s", r.When, none)
	case told != "":
		return fmt.Sprintf("not only where `%s`, but with all arguments that %s leaves", r.When, told)
	default:
		return fmt.Sprintf("not only where `%s`, but with all arguments: %s", r.When, none)
	}
}

// lost returns the rules of a call that deny something, or do not allow something, that a unit with these denials lets through.
func (f *filter) lost(call string, denials []denial) (out []rule) {
	unit, err := seccomp.Resolve(f.unit(call, denials))
	if err != nil {
		return f.rules[call]
	}
	changed := func(s policy.Seccomp) bool {
		d, err := seccomp.Resolve(s)
		return err != nil || f.compare(call, unit, d).narrower
	}
	only := f.unit(call, denials)
	only.Allow = nil
	for _, r := range f.rules[call] {
		if !r.deny {
			only.Allow = append(only.Allow, r.Call)
		}
	}
	allows := len(only.Allow) > 0 && changed(only)
	for _, r := range f.rules[call] {
		without := f.unit(call, denials)
		without.Deny = append(without.Deny, r.Call)
		if r.deny && changed(without) || !r.deny && allows {
			out = append(out, r)
		}
	}
	return out
}
