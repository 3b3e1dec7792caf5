package reach

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Describe writes a call as a person reads it. Arguments at the end that are 0 are left out.
func Describe(d bpf.Data, arch seccomp.Arch) string {
	name := arch.CallName(d.Nr)
	if name == "" {
		return fmt.Sprintf("call %d", d.Nr)
	}
	last := len(d.Args)
	for last > 0 && d.Args[last-1] == 0 {
		last--
	}
	args := make([]string, last)
	for i := range args {
		args[i] = fmt.Sprintf("%#x", d.Args[i])
	}
	if last < len(d.Args) {
		args = append(args, "…")
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}
