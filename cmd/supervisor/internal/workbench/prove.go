package workbench

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/core/policy/filter"
	"github.com/bulkhead/bulkhead/core/policy/minijail"
	"github.com/bulkhead/bulkhead/core/policy/oci"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// proof is what was proved about a module's filter.
type proof struct {
	File          string   `json:"file"`
	Module        string   `json:"module"`
	Architectures []string `json:"architectures"`
	Allowed       int      `json:"allowed"` // calls of the native table, whatever their arguments are
	Known         int      `json:"known"`
	Instructions  int      `json:"instructions"`
	How           string   `json:"how"`
	Milliseconds  float64  `json:"ms"` // to compile twice and to prove
}

// prove proves that what is loaded for each module answers as its policy says, for every call there can be.
func (t *task) prove() error {
	if t.option("equal") != "" {
		return t.equal()
	}
	modules, err := t.modules()
	if err != nil {
		return err
	}
	var all []proof
	for _, m := range modules {
		start := time.Now()
		decision, f, how, err := t.filter(m)
		if err != nil {
			return err
		}
		p := proof{File: m.Pos.File, Module: m.Name, Allowed: f.Allowed, Known: f.Known, Instructions: f.Instructions, How: how,
			Milliseconds: float64(time.Since(start).Microseconds()) / 1000}
		for _, a := range decision.Arches() {
			p.Architectures = append(p.Architectures, a.Name())
		}
		all = append(all, p)
	}
	return t.print(all, func() error {
		for _, p := range all {
			fmt.Fprintf(&t.out, "%s: %s: %s: equal to the policy for every architecture, number and argument\n", p.File, p.Module, strings.Join(p.Architectures, ", "))
			fmt.Fprintf(&t.out, "    %d of %d calls allowed whatever their arguments are; %s; %.1f ms\n", p.Allowed, p.Known, p.How, p.Milliseconds)
		}
		return nil
	})
}

// equal proves that two inputs answer every call alike, or shows where they do not.
func (t *task) equal() error {
	if len(t.Inputs) != 2 {
		return errors.New("prove --equal takes two inputs")
	}
	a, b, err := t.decisions()
	if err != nil {
		return err
	}
	const most = 50
	ds := seccomp.Compare(a, b, most)
	if len(ds) == 0 {
		fmt.Fprintf(&t.out, "%s and %s answer every call alike: every architecture, number and argument\n", t.Inputs[0].Name, t.Inputs[1].Name)
		return nil
	}
	t.found()
	for _, d := range ds {
		fmt.Fprintf(&t.out, "%s\n    %s: %s\n    %s: %s\n", callText(d.Call), t.Inputs[0].Name, bpf.Describe(d.Want), t.Inputs[1].Name, bpf.Describe(d.Got))
	}
	if len(ds) == most {
		fmt.Fprintf(&t.out, "and perhaps more: only %d differences are shown\n", most)
	}
	return nil
}

// decisions reads the two inputs.
func (t *task) decisions() (a, b *seccomp.Decision, err error) {
	if a, err = t.decision(t.Inputs[0]); err != nil {
		return nil, nil, err
	}
	b, err = t.decision(t.Inputs[1])
	return a, b, err
}

// decision reads an input as what it looks like: a container's profile, a raw filter, a .policy file of minijail, or a policy with one module, or
// the one that the option module names.
func (t *task) decision(in Input) (*seccomp.Decision, error) {
	if filter.Is(in.Name, in.Text) {
		f, err := filter.Read(in.Name, in.Text)
		if err != nil {
			return nil, err
		}
		return f.Decision, nil
	}
	if strings.HasSuffix(in.Name, ".policy") {
		f, err := minijail.Parse(in.Name, in.Text, minijail.Options{Include: t.read})
		if err != nil {
			return nil, err
		}
		return f.Decision()
	}
	text := bytes.TrimLeft(in.Text, " \t\r\n")
	if bytes.HasPrefix(text, []byte("{")) {
		p, err := oci.Parse(in.Text, t.profileOptions(in))
		if err != nil {
			return nil, err
		}
		return p.Decision()
	}
	m, err := t.oneModule(in)
	if err != nil {
		return nil, err
	}
	return seccomp.Resolve(m.Seccomp)
}

// profileOptions are what container profiles are read with: closed architectures end the process, as a policy has them.
func (t *task) profileOptions(in Input) oci.Options {
	return oci.Options{File: in.Name, Closed: bpf.RetKillProcess}
}

// oneModule returns the module of an input.
func (t *task) oneModule(in Input) (*policy.Module, error) {
	p, ok := t.parse(in)
	if !ok {
		return nil, errReported
	}
	if t.option("module") == "" && len(p.Modules) != 1 {
		return nil, fmt.Errorf("%s has %d modules; choose one with --module", in.Name, len(p.Modules))
	}
	for i := range p.Modules {
		if t.option("module") == "" || p.Modules[i].Name == t.option("module") {
			return &p.Modules[i], nil
		}
	}
	return nil, fmt.Errorf("%s has no module %q", in.Name, t.option("module"))
}
