package capability

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// What the table names are calls, of some architecture; a capability stands there once.
func TestServices(t *testing.T) {
	known := map[string]bool{}
	for _, a := range seccomp.Arches() {
		for name := range a.Calls() {
			known[name] = true
		}
	}
	seen := map[policy.Capability]bool{}
	for _, s := range Services() {
		t.Run(s.Capability.String(), func(t *testing.T) {
			if seen[s.Capability] {
				t.Error("it is there twice")
			}
			seen[s.Capability] = true
			calls := slices.Concat(s.Only, s.Also)
			for i, name := range calls {
				if !known[name] || slices.Contains(calls[:i], name) {
					t.Errorf("%q is no system call, or there twice", name)
				}
			}
			name, _, _ := strings.Cut(s.Example, "(")
			if !known[name] || len(calls) > 0 && !slices.Contains(calls, name) {
				t.Errorf("the example %q is not of one of its calls", s.Example)
			}
		})
	}
}

func TestOf(t *testing.T) {
	if s := Of(unix.CAP_SYS_CHROOT); !slices.Equal(s.Only, []string{"chroot"}) || s.Example == "" {
		t.Errorf("%+v", s)
	}
	if s := Of(unix.CAP_WAKE_ALARM); s.Capability != unix.CAP_WAKE_ALARM || s.Only != nil || s.Example != "" {
		t.Errorf("no system call of the table asks for it: %+v", s)
	}
}
