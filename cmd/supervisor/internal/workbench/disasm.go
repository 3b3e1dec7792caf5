package workbench

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/disasm"
	"github.com/bulkhead/bulkhead/core/policy/trace"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// disasm prints filters as instructions. With the option policy, the first input is the policy that they are from.
func (t *task) disasm() error {
	o := disasm.Options{Prototype: seccomp.Arch.Prototype}
	filters := t.Inputs
	var m *policy.Module
	if t.option("policy") != "" {
		var err error
		if m, err = t.oneModule(t.Inputs[0]); err != nil {
			return err
		}
		o.Rules, filters = disasm.Rules(m.Seccomp), t.Inputs[1:]
	}
	equal := false
	for _, in := range filters {
		p, err := bpf.Decode(in.Text)
		if err != nil {
			return fmt.Errorf("%s: %w", in.Name, err)
		}
		fmt.Fprintf(&t.out, "# %s: %d instructions\n", in.Name, len(p))
		if m != nil {
			same, err := t.compareWith(m, p)
			if err != nil {
				return fmt.Errorf("%s: %w", in.Name, err)
			}
			equal = equal || same
		}
		t.out.WriteString(disasm.Text(p, o))
	}
	if m != nil && !equal {
		t.found()
	}
	return nil
}

// compareWith says whether a filter answers every call as a module says, but for the supervisor's own exec.
func (t *task) compareWith(m *policy.Module, p bpf.Program) (bool, error) {
	want, err := seccomp.Resolve(m.Seccomp)
	if err != nil {
		return false, err
	}
	p, once := seccomp.WithoutExecOnce(p)
	got, err := seccomp.FromProgram(p)
	if err != nil {
		return false, err
	}
	name := m.Pos.File + ", module " + m.Name
	const most = 10
	ds := seccomp.Compare(want, got, most)
	if len(ds) == 0 {
		fmt.Fprintf(&t.out, "# it answers every call as %s says: every architecture, number and argument", name)
		if once {
			fmt.Fprint(&t.out, ", but for the one exec that starts the command, at its top")
		}
		fmt.Fprintln(&t.out)
		return true, nil
	}
	fmt.Fprintf(&t.out, "# it is not the filter of %s:\n", name)
	for _, d := range ds {
		fmt.Fprintf(&t.out, "#   %s: the policy says %s, the filter %s\n", callText(d.Call), trace.Name(d.Want), trace.Name(d.Got))
	}
	if len(ds) == most {
		fmt.Fprintln(&t.out, "#   and perhaps more")
	}
	return false, nil
}
