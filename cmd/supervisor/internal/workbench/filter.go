package workbench

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/filter"
	"github.com/bulkhead/bulkhead/posix/bpf"
)

// importBPF prints a filter as a policy, and what a policy cannot say of it. Status 1: there is something.
func (t *task) importBPF() error {
	f, err := filter.Read(t.Inputs[0].Name, t.Inputs[0].Text)
	if err != nil {
		return err
	}
	w, err := f.Policy(t.option("module"))
	if err != nil {
		return err
	}
	for _, u := range w.Unsaid {
		fmt.Fprintf(&t.err, "%s: not carried: %s\n", f.Name, u)
	}
	for _, d := range w.Differences {
		t.found()
		fmt.Fprintf(&t.err, "%s: not carried: %s: the filter answers %s, the policy %s\n", f.Name, callText(d.Call), bpf.Describe(d.Want), bpf.Describe(d.Got))
	}
	if len(w.Differences) == 0 {
		fmt.Fprintf(&t.err, "%s: the policy answers every call as the filter does: proved for every architecture, number and argument\n", f.Name)
	}
	t.out.Write(w.Text)
	return nil
}

// explainFilter says what a filter answers to system calls.
func (t *task) explainFilter(in Input) error {
	f, err := filter.Read(in.Name, in.Text)
	if err != nil {
		return err
	}
	var all []filter.Explanation
	for _, name := range strings.Fields(t.option("calls")) {
		es, err := f.Explain(name)
		if err != nil {
			return err
		}
		all = append(all, es...)
	}
	return t.print(all, func() error {
		for _, e := range all {
			if err := e.Text(&t.out); err != nil {
				return err
			}
		}
		return nil
	})
}
