package audit_test

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/bulkhead/bulkhead/core/policy/audit"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// interesting are calls that rules are about.
var interesting = []string{"read", "execve", "execveat", "clone", "clone3", "unshare", "setns",
	"socket", "ptrace", "memfd_create", "mmap", "mprotect",
	"shmat", "ioctl", "bpf",
	"mount", "chroot", "openat", "openat2", "fchmodat", "sendto", "sendmsg", "io_uring_setup", "kcmp", "finit_module"}

type findingID struct{ rule, subject string }

// severities returns the findings of the kinds that are wanted, with what they weigh.
func severities(t fataler, p *policy.Policy, kinds ...audit.Kind) map[findingID]audit.Severity {
	out := map[findingID]audit.Severity{}
	for _, f := range run(t, p) {
		if r, _ := audit.RuleByID(f.Rule); slices.Contains(kinds, r.Kind) {
			out[findingID{f.Rule, f.Subject}] = f.Severity
		}
	}
	return out
}

func random(t *rapid.T) policy.Module {
	m := policy.Module{Seccomp: policy.Seccomp{Allow: allow(rapid.SliceOfNDistinct(rapid.SampledFrom(interesting), 1, 8, rapid.ID).Draw(t, "calls")...)}}
	m.Network.V = policy.NetworkMode(rapid.IntRange(0, 2).Draw(t, "network"))
	if rapid.Bool().Draw(t, "pid namespace") {
		m.Namespaces = []policy.Value[policy.Namespace]{{V: unix.CLONE_NEWPID}}
	}
	for _, c := range rapid.SliceOfNDistinct(rapid.SampledFrom([]policy.Capability{unix.CAP_SYS_ADMIN, unix.CAP_SYS_CHROOT, unix.CAP_NET_RAW}), 0, 2,
		rapid.ID).Draw(t, "capabilities") {
		m.Capabilities = append(m.Capabilities, policy.Value[policy.Capability]{V: c})
	}
	return m
}

// The same function, as a list of what is allowed and as a list of what is not, has the same findings.
func TestSpellingMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := random(t)
		other := m
		other.Seccomp.Allow, other.Seccomp.Deny = nil, nil
		for _, name := range interesting {
			c := policy.Call{Name: name}
			other.Seccomp.Allow = append(other.Seccomp.Allow, c)
			if !slices.ContainsFunc(m.Seccomp.Allow, func(c policy.Call) bool { return c.Name == name }) {
				other.Seccomp.Deny = append(other.Seccomp.Deny, c)
			}
		}
		a := severities(t, one(m), audit.KindPermission, audit.KindConsistency)
		b := severities(t, one(other), audit.KindPermission, audit.KindConsistency)
		if len(a) != len(b) {
			t.Fatalf("%v\n%v", a, b)
		}
		for id, severity := range a {
			if got, found := b[id]; !found || got != severity {
				t.Fatalf("%v: %s, as a deny-list: %s, %t", id, severity, got, found)
			}
		}
	})
}

// What is added to a policy takes no finding of a permission away, and makes none weigh less.
func TestMorePermissionsHaveMoreFindings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := random(t)
		more := m
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			more.Seccomp.Allow = append(slices.Clone(m.Seccomp.Allow), policy.Call{Name: rapid.SampledFrom(interesting).Draw(t, "call")})
		case 1:
			more.Capabilities = append(slices.Clone(m.Capabilities), policy.Value[policy.Capability]{V: unix.CAP_SYS_PTRACE})
		case 2:
			more.Namespaces = nil
		case 3:
			more.Filesystem = []policy.Mount{{Path: "/etc", Access: policy.AccessRead | policy.AccessWrite | policy.AccessExecute}}
		}
		after := severities(t, one(more), audit.KindPermission)
		for id, severity := range severities(t, one(m), audit.KindPermission) {
			if got, found := after[id]; !found || got < severity {
				t.Fatalf("%v: %s, with more permissions: %s, %t", id, severity, got, found)
			}
		}
	})
}
