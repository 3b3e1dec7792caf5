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

// conditions are some under which interesting calls are open.
var conditions = map[string][]string{
	"socket":       {"family in [AF_INET, AF_INET6, AF_UNIX]", "family == AF_UNIX", "family != AF_PACKET", "(type & SOCK_TYPE_MASK) == SOCK_STREAM"},
	"clone":        {"!(clone_flags & CLONE_NEWUSER)", "clone_flags has CLONE_THREAD", "newsp != 0"},
	"mmap":         {"!(prot & PROT_WRITE && prot & PROT_EXEC)", "prot == PROT_READ", "fd == 0xffffffff"},
	"mprotect":     {"!(prot & PROT_EXEC)", "len <= 4096"},
	"ioctl":        {"cmd != TIOCSTI", "cmd in [FIONBIO, TCGETS]", "raw64(cmd) != 0x5412"},
	"memfd_create": {"flags has MFD_NOEXEC_SEAL", "flags == 0"},
	"setns":        {"nstype == CLONE_NEWNET", "fd > 2"},
	"sendto":       {"addr == NULL"},
}

// restricted gives some of the calls a condition, and returns the policy's other spelling: all of them are allowed, and denied where the condition
// does not hold.
func restricted(t *rapid.T, calls []policy.Call) (with, denied []policy.Call) {
	for _, c := range calls {
		if list := conditions[c.Name]; len(list) > 0 && rapid.Bool().Draw(t, "restricted") {
			text := rapid.SampledFrom(list).Draw(t, "when")
			c.When = expression(t, text)
			denied = append(denied, policy.Call{Name: c.Name, When: expression(t, "!("+text+")")})
		}
		with = append(with, c)
	}
	return with, denied
}

func expression(t *rapid.T, text string) *policy.Expr {
	e, err := policy.ParseExpr(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

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
		var denied []policy.Call
		m.Seccomp.Allow, denied = restricted(t, m.Seccomp.Allow)
		other := m
		other.Seccomp.Allow, other.Seccomp.Deny = nil, nil
		for _, name := range interesting {
			c := policy.Call{Name: name}
			other.Seccomp.Allow = append(other.Seccomp.Allow, c)
			if !slices.ContainsFunc(m.Seccomp.Allow, func(c policy.Call) bool { return c.Name == name }) {
				other.Seccomp.Deny = append(other.Seccomp.Deny, c)
			}
		}
		other.Seccomp.Deny = append(other.Seccomp.Deny, denied...)
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
		m.Seccomp.Allow, _ = restricted(t, m.Seccomp.Allow)
		more := m
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 4: // a condition less
			more.Seccomp.Allow = slices.Clone(m.Seccomp.Allow)
			more.Seccomp.Allow[rapid.IntRange(0, len(m.Seccomp.Allow)-1).Draw(t, "which")].When = nil
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
