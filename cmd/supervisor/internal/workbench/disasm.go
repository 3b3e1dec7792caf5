package workbench

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/policy/disasm"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// disasm prints filters as instructions.
func (t *task) disasm() error {
	for _, in := range t.Inputs {
		p, err := bpf.Decode(in.Text)
		if err != nil {
			return fmt.Errorf("%s: %w", in.Name, err)
		}
		fmt.Fprintf(&t.out, "# %s: %d instructions\n%s", in.Name, len(p), disasm.Text(p, disasm.Options{Prototype: seccomp.Arch.Prototype}))
	}
	return nil
}
