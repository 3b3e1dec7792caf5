package workbench

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/oci"
	"github.com/bulkhead/bulkhead/core/policy/schema"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// importOCI prints a container's seccomp profile as a policy. What the policy does not have is told with its place.
func (t *task) importOCI() error {
	in := t.Inputs[0]
	p, err := oci.Parse(in.Text, t.profileOptions(in))
	if err != nil {
		return err
	}
	text, notes := p.Policy(oci.PolicyOptions{Module: t.option("module"), Prototype: seccomp.Arch.Prototype})
	for _, n := range notes {
		fmt.Fprintf(&t.err, "%v\n", n)
	}
	t.out.Write(text)
	return nil
}

// exportOCI prints the seccomp section of a module as a container's profile.
func (t *task) exportOCI() error {
	m, err := t.oneModule(t.Inputs[0])
	if err != nil {
		return err
	}
	text, notes, err := oci.Export(m.Seccomp)
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintf(&t.err, "%v\n", n)
	}
	t.out.Write(text)
	return nil
}

// schema prints the schema of policies.
func (t *task) schema() error {
	t.out.Write(schema.JSON(seccomp.Catalog()))
	return nil
}
