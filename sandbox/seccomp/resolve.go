package seccomp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// What a policy means when it leaves the actions out.
const (
	defaultAnswer = bpf.RetErrno | 38 // ENOSYS: libc falls back to an older call
	deniedAnswer  = bpf.RetErrno | 1  // EPERM: a person notices
)

// noCall is the number that a tracer sets so that a call is not made (ptrace(2)). It has the bit of x32, and is none of its calls.
const noCall = 0xffffffff

// lowering resolves the condition of a rule for one architecture; nil is a condition that always holds.
type lowering func(c policy.Call, a Arch) (*policy.Condition, error)

// Resolve turns the seccomp section of a policy into its decision function:
//
//   - a call that a rule of deny names, where the rule's condition holds, gets the rule's answer, or Denied; of several answers the one that
//     the kernel ranks higher (seccomp(2)), and of two errors the first;
//   - a call that a rule of allow names, where its condition holds, is allowed;
//   - other calls of the architecture's table get Denied, and other numbers Default;
//   - architectures that are not open, x32 among them, are answered with kill_process.
//
// A group stands on each architecture for the members that it has there. All errors of the section come back at once, each with its place.
func Resolve(s policy.Seccomp) (*Decision, error) { return resolve(s, prototypes) }

func resolve(s policy.Seccomp, lower lowering) (*Decision, error) {
	r := resolver{graph: newDiagram(maxWork), lower: lower, denied: deniedAnswer, fallback: defaultAnswer}
	for _, a := range s.Architectures {
		arch, known := ArchByName(a.V)
		switch {
		case a.V == "native":
			arch = Native()
		case !known:
			r.note(a.Pos, fmt.Errorf("architecture %q cannot be opened; native (%s) can, and those that it runs too", a.V, Native()))
			continue
		}
		r.open = append(r.open, arch)
	}
	if len(s.Architectures) == 0 {
		r.open = []Arch{Native()}
	}
	slices.Sort(r.open)
	r.open = slices.Compact(r.open)
	r.note(s.Denied.Pos, setAnswer(&r.denied, s.Denied))
	r.note(s.Default.Pos, setAnswer(&r.fallback, s.Default))
	answers := map[Arch][]entry{}
	allow, deny := found(s.Allow), found(s.Deny)
	r.known(allow)
	r.known(deny)
	for _, a := range r.open {
		answers[a] = r.calls(allow, deny, a)
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	d := Decision{graph: r.graph, root: r.graph.decide(r.open, answers, r.fallback)}
	return d.settle(r.open)
}

type resolver struct {
	graph            *diagram
	lower            lowering
	open             []Arch
	denied, fallback uint32
	errs             []error
}

func (r *resolver) note(pos policy.Pos, err error) {
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("%s:%d:%d: %w", pos.File, pos.Line, pos.Col, err))
	}
}

// noteCondition notes why the condition of a rule does not go on an architecture. Errors of an expression in a file have their places.
func (r *resolver) noteCondition(c policy.Call, a Arch, err error) {
	var faults policy.ExprErrors
	if !errors.As(err, &faults) {
		r.note(c.Pos, fmt.Errorf("%s on %s: %w", c.Name, a, err))
		return
	}
	for _, f := range faults {
		err := fmt.Errorf("%w (on %s)", f, a)
		if f.Pos.Line == 0 {
			r.note(c.Pos, err)
		} else {
			r.errs = append(r.errs, err)
		}
	}
}

// rule is a rule with the place of its call among the names of all architectures, -1 for none, and what it answers.
type rule struct {
	policy.Call
	name   int
	answer uint32
}

// found looks the names of rules up.
func found(calls []policy.Call) []rule {
	out := make([]rule, len(calls))
	for i, c := range calls {
		name, _ := callIndex(c.Name)
		out[i] = rule{c, name, bpf.RetAllow}
	}
	return out
}

// known reports the calls that no open architecture has.
func (r *resolver) known(rules []rule) {
	for _, c := range rules {
		if c.IfSupported || slices.ContainsFunc(r.open, func(a Arch) bool { _, has := a.table().place(c.name); return has }) {
			continue
		}
		if len(r.open) == 1 {
			r.note(c.Pos, fmt.Errorf("%q is no system call of %s", c.Name, r.open[0]))
		} else {
			r.note(c.Pos, fmt.Errorf("%q is no system call of %v", c.Name, r.open))
		}
	}
}

// calls returns the answers for all calls of an architecture, by number.
func (r *resolver) calls(allow, deny []rule, a Arch) []entry {
	t := a.table()
	out := make([]entry, len(t.calls))
	denied := r.graph.leaf(r.denied)
	for i, c := range t.calls {
		out[i] = entry{c.nr | t.bit, denied}
	}
	for _, c := range slices.Concat(members(allow, a), r.weakestFirst(members(deny, a))) {
		place, has := t.place(c.name)
		if !has {
			continue
		}
		condition, err := r.lower(c.Call, a)
		if err != nil {
			r.noteCondition(c.Call, a, err)
			continue
		}
		is := &out[place].is
		*is = r.graph.ite(r.graph.condition(condition), r.graph.leaf(c.answer), *is)
	}
	return out
}

// weakestFirst sorts rules of deny so that the last that is applied is the one to win, and says what they answer.
func (r *resolver) weakestFirst(deny []rule) []rule {
	deny = slices.Clone(deny)
	slices.Reverse(deny)
	for i := range deny {
		c := &deny[i]
		if c.answer = r.denied; c.Answer != nil {
			r.note(c.Pos, setAnswer(&c.answer, policy.Value[policy.Action]{V: *c.Answer, Pos: c.Pos}))
		}
	}
	slices.SortStableFunc(deny, func(a, b rule) int {
		if (a.Answer != nil) != (b.Answer != nil) {
			if a.Answer == nil {
				return -1
			}
			return 1
		}
		// The kernel compares the actions as signed numbers, and the lowest wins (seccomp_run_filters in kernel/seccomp.c).
		return int(int32(bpf.Action(b.answer))>>16) - int(int32(bpf.Action(a.answer))>>16)
	})
	return deny
}

// members returns the rules with those for calls that only this architecture has: groups come with the members of the native one.
func members(rules []rule, a Arch) []rule {
	if a == Native() {
		return rules
	}
	groups := map[string]rule{}
	for _, c := range rules {
		if c.Group != "" {
			groups[c.Group] = c
		}
	}
	out := slices.Clone(rules)
	for _, g := range groupTable {
		like, named := groups[g.name]
		if !named {
			continue
		}
		for _, name := range g.calls {
			i, _ := callIndex(name)
			_, has := a.table().place(i)
			if _, there := Native().table().place(i); has && !there {
				like.Name, like.name = name, i
				out = append(out, like)
			}
		}
	}
	return out
}

// setAnswer sets the answer that an action stands for. An action that is neither written nor set leaves it.
func setAnswer(answer *uint32, a policy.Value[policy.Action]) error {
	if !a.Set() && a.V == (policy.Action{}) {
		return nil
	}
	switch {
	case a.V.Kind == policy.ActionErrno && (a.V.Errno < 1 || a.V.Errno > bpf.MaxErrno):
		return fmt.Errorf("errno %d: an error number is 1 to %d; the caller would take 0 for success", a.V.Errno, bpf.MaxErrno)
	case a.V.Kind > policy.ActionAllow:
		return fmt.Errorf("action %d is not known; this is a bug of ours, please report it", a.V.Kind)
	}
	*answer = Answer(a.V)
	return nil
}

// Answer returns what a filter returns for an action. One that is not known kills the process. Source: seccomp(2).
func Answer(a policy.Action) uint32 {
	switch a.Kind {
	case policy.ActionErrno:
		return bpf.RetErrno | uint32(a.Errno)
	case policy.ActionKillThread:
		return bpf.RetKillThread
	case policy.ActionTrap:
		return bpf.RetTrap
	case policy.ActionLog:
		return bpf.RetLog
	case policy.ActionAllow:
		return bpf.RetAllow
	}
	return bpf.RetKillProcess
}
