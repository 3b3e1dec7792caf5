package workbench

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/oci"
	"github.com/bulkhead/bulkhead/core/policy/schema"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// importOCI prints a container's seccomp profile as a policy. What the policy does not have is told with its place.
func (t *task) importOCI() error {
	in := t.Inputs[0]
	p, err := oci.Parse(in.Text, t.profileOptions(in))
	if err != nil {
		return err
	}
	text, notes := p.Policy(oci.PolicyOptions{Module: t.option("module"), Prototype: prototype})
	for _, n := range notes {
		fmt.Fprintf(&t.err, "%v\n", n)
	}
	t.out.Write(text)
	return nil
}

func prototype(arch seccomp.Arch, call string) (policy.Prototype, bool) {
	c := arch.Catalog()
	if c.Prototype == nil {
		return policy.Prototype{}, false
	}
	return c.Prototype(call)
}

// schema prints the schema of policies.
func (t *task) schema() error {
	t.out.Write(schema.JSON(seccomp.Catalog()))
	return nil
}

// callText says which call a difference is about.
func callText(d bpf.Data) string {
	for _, a := range seccomp.Arches() {
		if a.Audit() == d.Arch && a.CallName(d.Nr) != "" {
			return fmt.Sprintf("%s of %s with arguments %#x", a.CallName(d.Nr), a.Name(), d.Args)
		}
	}
	return fmt.Sprintf("call %#x of architecture %#x with arguments %#x", d.Nr, d.Arch, d.Args)
}
