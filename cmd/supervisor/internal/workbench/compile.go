package workbench

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/disasm"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
	"github.com/bulkhead/bulkhead/sandbox/seccomp/libseccomp"
)

// compile prints the filter of a module as the kernel takes it, or as instructions. It is what is loaded, but for the few instructions
// that let the supervisor's own exec through, which are new for each launch.
func (t *task) compile() error {
	modules, err := t.modules()
	if err != nil {
		return err
	}
	emit := t.option("emit")
	if emit == "bpf" && len(modules) != 1 {
		return fmt.Errorf("there are %d modules and one output; choose one with --module", len(modules))
	}
	for _, m := range modules {
		_, f, how, err := t.filter(m)
		if err != nil {
			return err
		}
		switch emit {
		case "bpf":
			t.out.Write(f.Program)
		case "asm", "":
			p, err := bpf.Decode(f.Program)
			if err != nil {
				return err
			}
			text := disasm.Text(p, disasm.Options{Rules: disasm.Rules(m.Seccomp), Prototype: seccomp.Arch.Prototype})
			fmt.Fprintf(&t.out, "# %s: module %s: %s\n%s", m.Pos.File, m.Name, how, text)
		default:
			return fmt.Errorf("emit %q: use bpf or asm", emit)
		}
	}
	return nil
}

// filter compiles and proves the filter of a module, as it is loaded. How tells which one it is and what was proved about it.
func (t *task) filter(m *policy.Module) (decision *seccomp.Decision, f *seccomp.Filter, how string, err error) {
	if decision, err = seccomp.Resolve(m.Seccomp); err != nil {
		return nil, nil, "", err
	}
	if f, how, err = libseccomp.Choose(decision, libseccomp.Options{Files: t.kernel, Memory: t.kernel}); err != nil {
		return nil, nil, "", fmt.Errorf("%s: module %s: %w", m.Pos.File, m.Name, err)
	}
	return decision, f, how, nil
}
