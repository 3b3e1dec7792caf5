package suite

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/trace"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Env is what tests are run with.
type Env struct {
	Arch call.Arch
	// Decider returns the decision function of a module.
	Decider func(module string) (trace.Decider, error)
	// Place returns the function that finds the line of the policy that matters for a call; nil when nobody knows.
	Place func(module string) func(name string) (trace.Where, bool)
	// Read returns the bytes of a trace.
	Read func(path string) ([]byte, error)
	// Wider returns a call, as text, for each way in which the module allows more than the policy of a file does; none when it
	// allows no more.
	Wider func(module, path string) ([]string, error)
}

// Result is what came of a test.
type Result struct {
	Test      policy.Test
	OK        bool
	Got, Want string
	Pos       policy.Pos // of what is shown when the test fails
	Err       error      // why it could not be run; it is not OK then

	Call    *call.Call     // of a test of a call
	Outcome *trace.Outcome // of a test of a call
	Report  *trace.Report  // of a test of a trace
	Wider   []string       // of a test of subset_of: calls that show it
	Why     string         // the line of the policy that matters, "web.yaml:29:11: denied here"; may be empty
}

// Run runs all tests, in their order.
func Run(tests []policy.Test, env Env) []Result {
	results := make([]Result, 0, len(tests))
	for _, t := range tests {
		r := Result{Test: t, Pos: t.Pos}
		switch {
		case t.Call.Set() || t.Call.V != "":
			r.call(env)
		case t.Trace.Set() || t.Trace.V != "":
			r.trace(env)
		case t.SubsetOf.Set() || t.SubsetOf.V != "":
			r.subset(env)
		default:
			r.Err = errors.New("the test has none of call, trace and subset_of")
		}
		r.OK = r.OK && r.Err == nil
		results = append(results, r)
	}
	return results
}

func (r *Result) call(env Env) {
	t := r.Test
	r.Pos = at(t.Call.Pos, t.Pos)
	c, err := call.Parse(t.Call.V, env.Arch)
	if err != nil {
		r.Err = fmt.Errorf("read the call %q: %w", t.Call.V, err)
		return
	}
	r.Call = &c
	d, err := env.Decider(t.Module.V)
	if err != nil {
		r.Err = fmt.Errorf("compile module %s: %w", t.Module.V, err)
		return
	}
	o := trace.Decide(d, &c, env.Arch)
	r.Outcome = &o
	r.Want = expected(t.Expect.V)
	r.Got = o.Text()
	if o.Verdict != trace.MayDenied {
		r.OK = answered(o, t.Expect.V)
	}
	if o.Verdict == trace.Allowed {
		r.Got = "allowed"
		if slices.ContainsFunc(o.Answers, func(a trace.Answer) bool { return bpf.Action(a.Value) == bpf.RetLog }) {
			r.Got = "allowed and logged"
		}
	}
	if o.Verdict == trace.MayDenied {
		worst := o.Worst()
		r.Got += ": " + call.Describe(worst.Example, env.Arch) + " -> " + trace.Name(worst.Value)
	}
	r.place(env, c.Name)
}

func (r *Result) place(env Env, name string) {
	if env.Place == nil || r.OK {
		return
	}
	if place := env.Place(r.Test.Module.V); place != nil {
		if w, ok := place(name); ok {
			r.Why = w.Pos.String() + ": " + w.Why
		}
	}
}

func (r *Result) trace(env Env) {
	t := r.Test
	r.Pos = at(t.Trace.Pos, t.Pos)
	text, err := env.Read(t.Trace.V)
	if err != nil {
		r.Err = fmt.Errorf("read the trace %s: %w", t.Trace.V, err)
		return
	}
	d, err := env.Decider(t.Module.V)
	if err != nil {
		r.Err = fmt.Errorf("compile module %s: %w", t.Module.V, err)
		return
	}
	report := trace.Simulate(trace.Read(bytes.NewReader(text), env.Arch), d, env.Arch)
	r.Report = report
	r.Want = expected(t.Expect.V)
	switch {
	case report.Unread > 0:
		p := report.Problems[0]
		r.Got = fmt.Sprintf("%s:%s", t.Trace.V, p.Error())
	case report.Calls == 0:
		r.Got = "a trace without a call"
	case report.First == nil:
		r.Got = "allowed"
		r.OK = t.Expect.V.Kind == policy.ActionAllow
	default:
		l, o := report.First.Line, report.First.Outcome
		r.Got = fmt.Sprintf("%s at %s:%d:%d: %s", o.Text(), t.Trace.V, l.Number, l.Column, call.DescribeKnown(l.Call.Data, l.Call.Known, env.Arch))
		r.OK = t.Expect.V.Kind != policy.ActionAllow && answered(o, t.Expect.V)
		r.place(env, l.Call.Name)
	}
}

func (r *Result) subset(env Env) {
	t := r.Test
	r.Pos = at(t.SubsetOf.Pos, t.Pos)
	wider, err := env.Wider(t.Module.V, t.SubsetOf.V)
	if err != nil {
		r.Err = fmt.Errorf("compare with %s: %w", t.SubsetOf.V, err)
		return
	}
	r.Want, r.Wider = "no call that "+t.SubsetOf.V+" does not allow", wider
	switch len(wider) {
	case 0:
		r.OK, r.Got = true, "none"
	case 1:
		r.Got = wider[0]
	default:
		r.Got = fmt.Sprintf("%s and %d more", wider[0], len(wider)-1)
	}
}

func at(pos, otherwise policy.Pos) policy.Pos {
	if pos.Line == 0 {
		return otherwise
	}
	return pos
}

// answered tells whether all answers are the one that is expected.
func answered(o trace.Outcome, want policy.Action) bool {
	if want.Kind == policy.ActionAllow {
		return o.Verdict == trace.Allowed
	}
	answer := seccomp.Answer(want)
	return o.Proven && !slices.ContainsFunc(o.Answers, func(a trace.Answer) bool { return a.Value != answer })
}

func expected(a policy.Action) string {
	if a.Kind == policy.ActionAllow {
		return "allowed"
	}
	return a.String()
}
