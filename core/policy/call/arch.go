package call

import (
	"iter"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Arch is what is known of an architecture's system calls; On makes it of a seccomp.Arch.
type Arch interface {
	Name() string
	Audit() uint32
	Number(call string) (uint32, bool)
	CallName(nr uint32) string
	Calls() iter.Seq2[string, uint32]
	Prototype(call string) (policy.Prototype, bool)
	Constant(name string) (uint64, bool)
	Constants() []string
}

func names(a Arch) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range a.Calls() {
			if !yield(name) {
				return
			}
		}
	}
}
