package workbench

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/filter"
	"github.com/bulkhead/bulkhead/core/policy/suite"
	"github.com/bulkhead/bulkhead/core/policy/trace"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// simulate says what a policy would have answered to the calls of traces. The policy is the first input.
func (t *task) simulate() error {
	decision, names, err := t.simulated(t.Inputs[0])
	if err != nil {
		return err
	}
	native := seccomp.Native()
	for _, in := range t.Inputs[1:] {
		r := trace.Simulate(trace.Read(bytes.NewReader(in.Text), native), decision, native)
		if err := r.Render(&t.out, names(in.Name)); err != nil {
			return err
		}
		if !r.OK() {
			t.found()
		}
	}
	return nil
}

// simulated returns what a policy or a filter answers, and what a trace that is held against it is shown with.
func (t *task) simulated(in Input) (*seccomp.Decision, func(trace string) trace.Names, error) {
	if filter.Is(in.Name, in.Text) {
		f, err := filter.Read(in.Name, in.Text)
		if err != nil {
			return nil, nil, err
		}
		return f.Decision, func(file string) trace.Names { return trace.Names{Trace: file, Policy: in.Name} }, nil
	}
	m, err := t.oneModule(in)
	if err != nil {
		return nil, nil, err
	}
	d, err := seccomp.Resolve(m.Seccomp)
	return d, func(file string) trace.Names {
		return trace.Names{Trace: file, Policy: m.Pos.File + ", module " + m.Name, Place: trace.Place(m.Seccomp)}
	}, err
}

// test runs the tests of policies.
func (t *task) test() error {
	policies, err := t.policies()
	if err != nil {
		return err
	}
	ran := 0
	t.live = map[int][]suite.Live{}
	for i, p := range policies {
		if len(p.Tests) == 0 {
			continue
		}
		if len(policies) > 1 {
			fmt.Fprintf(&t.out, "%s:\n", p.File)
		}
		results := suite.Run(p.Tests, t.environment(p))
		if live := suite.LiveCalls(results, lookup(p), seccomp.Catalog()); t.option("live") != "" && len(live) > 0 {
			t.live[i] = live
		}
		if err := suite.Render(&t.out, results); err != nil {
			return err
		}
		ran += len(results)
		if suite.Failed(results) {
			t.found()
		}
	}
	if ran == 0 {
		return errors.New("there are no tests: write them under tests: in the policy")
	}
	return nil
}

// lookup returns the function that finds a module of a policy.
func lookup(p *policy.Policy) func(name string) (*policy.Module, error) {
	return func(name string) (*policy.Module, error) {
		for i := range p.Modules {
			if p.Modules[i].Name == name {
				return &p.Modules[i], nil
			}
		}
		return nil, fmt.Errorf("%s has no module %q", p.File, name)
	}
}

// environment is what the tests of a policy are run with.
func (t *task) environment(p *policy.Policy) suite.Env {
	module := lookup(p)
	decision := func(name string) (*seccomp.Decision, error) {
		m, err := module(name)
		if err != nil {
			return nil, err
		}
		return seccomp.Resolve(m.Seccomp)
	}
	return suite.Env{
		Arch:    seccomp.Native(),
		Decider: func(name string) (trace.Decider, error) { return decision(name) },
		Place: func(name string) func(string) (trace.Where, bool) {
			m, err := module(name)
			if err != nil {
				return nil
			}
			return trace.Place(m.Seccomp)
		},
		Read: t.read,
		Wider: func(name, path string) ([]string, error) {
			mine, err := decision(name)
			if err != nil {
				return nil, err
			}
			theirs, err := t.other(name, path)
			if err != nil {
				return nil, err
			}
			return wider(theirs, mine), nil
		},
	}
}

// other returns the decision function of a module of another policy: the one of the same name, or the only one.
func (t *task) other(name, path string) (*seccomp.Decision, error) {
	a, err := t.question(question{Path: path, Policy: true})
	if err != nil {
		return nil, err
	}
	p, ok := t.parse(Input{Name: path, Dir: a.Dir, Text: a.Text})
	if !ok {
		return nil, fmt.Errorf("%s is no policy that can be compared with", path)
	}
	for i := range p.Modules {
		if p.Modules[i].Name == name || len(p.Modules) == 1 {
			return seccomp.Resolve(p.Modules[i].Seccomp)
		}
	}
	return nil, fmt.Errorf("%s has no module %q", path, name)
}

// wider returns calls that one decision function permits and another does not, as text.
func wider(than, d *seccomp.Decision) []string {
	const most = 1000
	var out []string
	for _, diff := range seccomp.Compare(than, d, most) {
		if trace.Permits(diff.Got) && !trace.Permits(diff.Want) {
			out = append(out, callText(diff.Call))
		}
	}
	return out
}

// callText prints a call that shows a difference.
func callText(d bpf.Data) string {
	for _, a := range seccomp.Arches() {
		if a.Audit() == d.Arch && a.CallName(d.Nr) != "" {
			text := call.Describe(d, a)
			if a != seccomp.Native() {
				text += " on " + a.Name()
			}
			return text
		}
	}
	return fmt.Sprintf("call %#x of architecture %#x with arguments %#x", d.Nr, d.Arch, d.Args)
}
