package workbench

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/exchange"
	"github.com/bulkhead/bulkhead/core/policy/minijail"
	"github.com/bulkhead/bulkhead/core/policy/oci"
	"github.com/bulkhead/bulkhead/core/policy/schema"
	"github.com/bulkhead/bulkhead/core/policy/systemd"
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
	text, notes := p.Policy(oci.PolicyOptions{Module: t.option("module"), Prototype: seccomp.Arch.Prototype})
	t.notes(notes)
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
	t.notes(notes)
	t.out.Write(text)
	return nil
}

// exportSystemd makes units of a policy's modules: files when the option files is set.
func (t *task) exportSystemd() error {
	p, ok := t.parse(t.Inputs[0])
	if !ok {
		return errReported
	}
	if only := t.option("module"); only != "" {
		m, err := t.oneModule(t.Inputs[0])
		if err != nil {
			return err
		}
		p.Modules = []policy.Module{*m}
	}
	units, notes := systemd.Export(p, systemd.Options{Strict: t.option("strict") != ""})
	t.notes(notes)
	for _, u := range units {
		if t.option("files") != "" {
			t.files = append(t.files, File{Name: u.Name, Text: u.Text})
		} else {
			fmt.Fprintf(&t.out, "# %s\n%s\n", u.Name, u.Text)
		}
	}
	return nil
}

// importSystemd prints services and sockets as a policy. What the policy does not have is told with its place.
func (t *task) importSystemd() error {
	var files []systemd.File
	for _, in := range t.Inputs {
		files = append(files, systemd.File{Name: in.Name, Text: in.Text})
	}
	text, notes, err := systemd.Import(files)
	t.notes(notes)
	if err != nil {
		return err
	}
	t.out.Write(text)
	return nil
}

// notes tells what is not carried over.
func (t *task) notes(notes []exchange.Note) {
	for _, n := range notes {
		fmt.Fprintf(&t.err, "%v\n", n)
	}
}

// importMinijail prints a .policy file of minijail as a policy. Status 1: it does not answer all calls as the file does.
func (t *task) importMinijail() error {
	in := t.Inputs[0]
	f, err := minijail.Parse(in.Name, in.Text, minijail.Options{Include: t.read})
	if err != nil {
		return err
	}
	text, notes, differences, err := f.Policy(t.option("module"))
	t.notes(notes)
	if err != nil {
		return err
	}
	for _, d := range differences {
		t.found()
		fmt.Fprintf(&t.err, "%s: not carried: %s: the file answers %s, the policy %s\n", in.Name, callText(d.Call), bpf.Describe(d.Want), bpf.Describe(d.Got))
	}
	t.out.Write(text)
	return nil
}

// schema prints the schema of policies.
func (t *task) schema() error {
	t.out.Write(schema.JSON(seccomp.Catalog()))
	return nil
}
