package diff_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/diff"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

const root = "../../.."

func read(t testing.TB, path string) *policy.Policy {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"POLICY_DIR": dir}
	p, findings := policy.Parse(path, text, policy.Options{Catalog: seccomp.Catalog(), Dir: dir, Variables: vars})
	if err := findings.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

func text(path string) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return text
}

func compare(t testing.TB, a, b *policy.Policy) *diff.Report {
	t.Helper()
	report, err := diff.Policies(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// verified checks each witness against the decision functions themselves.
func verified(t testing.TB, a, b *policy.Policy, r *diff.Report) {
	t.Helper()
	for _, c := range r.Changes {
		if c.A.Line == 0 && c.B.Line == 0 {
			t.Errorf("%s has no place", c.Message)
		}
		if c.Key != "seccomp" {
			if c.Example == nil && c.Direction != diff.Other {
				t.Errorf("%s has no example", c.Message)
			}
			continue
		}
		if c.Witness == nil {
			t.Errorf("%s has no witness", c.Message)
			continue
		}
		before, after := want(t, a, c.Witness), want(t, b, c.Witness)
		if before != c.Witness.A || after != c.Witness.B || before == after {
			t.Errorf("%s: %#x and %#x", c.Witness, before, after)
		}
		if wider := !reach.Open(before) && reach.Open(after); wider != (c.Direction == diff.Wider) {
			t.Errorf("%s is called %s", c.Witness, c.Direction)
		}
	}
}

func want(t testing.TB, p *policy.Policy, w *diff.Witness) uint32 {
	t.Helper()
	d, err := seccomp.Resolve(p.Modules[0].Seccomp)
	if err != nil {
		t.Fatal(err)
	}
	return d.Want(w.Call)
}

// Each permission that was added to nginx's policy is reported, and nothing else is.
func TestWiderNginx(t *testing.T) {
	a, b := read(t, root+"/policies/nginx.yaml"), read(t, root+"/tests/testdata/nginx-wider.yaml")
	report := compare(t, a, b)
	verified(t, a, b, report)
	if !report.Wider() {
		t.Error("not wider")
	}
	var got []string
	for _, c := range report.Changes {
		if c.Key == "command" { // it names the configuration by another path
			continue
		}
		got = append(got, c.Direction.String()+" "+c.Key+": "+c.Message)
	}
	want := []string{
		"wider seccomp: ptrace: allow, before: errno EPERM",
		"wider seccomp: mknodat: allow, before: errno EPERM",
		"wider seccomp: io_uring_setup: allow, before: errno EPERM",
		"wider filesystem: /etc/nginx: access rw, before: r",
		"wider filesystem: /tmp: 128M, before: 64M",
		"wider filesystem: /etc/shadow is there, with access r",
		"wider network: mode host, before: none",
		"wider capabilities: CAP_NET_RAW is new",
		"wider namespaces: no pid namespace of its own any more",
		"wider namespaces: no network namespace of its own any more",
		"wider rlimits: nofile: at most 8192, before: 4096",
		"wider resources: pids.max: max, before: 16",
		"wider best_effort: landlock may be missing",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	back := compare(t, b, a)
	verified(t, b, a, back)
	if back.Wider() || back.Count(diff.Narrower) != len(want) {
		t.Errorf("the other way round: %d narrower, want %d", back.Count(diff.Narrower), len(want))
	}
	var out bytes.Buffer
	if err := diff.Render(&out, report, text); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"witness: ptrace(", "-> allow, before: errno EPERM", "nginx-wider.yaml:", "13 wider, 0 narrower, 1 other"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("the text lacks %q:\n%s", line, &out)
		}
	}
}

// Every policy that ships equals itself, and its canonical copy.
func TestEqualPolicies(t *testing.T) {
	for _, name := range []string{"nginx", "redis"} {
		a := read(t, root+"/policies/"+name+".yaml")
		if r := compare(t, a, read(t, root+"/policies/"+name+".yaml")); len(r.Changes) != 0 {
			t.Errorf("%s: %+v", name, r.Changes)
		}
	}
}

func module(change func(*policy.Module)) *policy.Policy {
	pos := policy.Pos{File: "m.yaml", Line: 1, Col: 1}
	m := policy.Module{Name: "m", Pos: pos, Seccomp: policy.Seccomp{Pos: pos, Allow: []policy.Call{{Name: "read", Pos: pos}}}}
	change(&m)
	return &policy.Policy{File: "m.yaml", Modules: []policy.Module{m}}
}

func TestDirections(t *testing.T) {
	call := func(names ...string) (list []policy.Call) {
		for _, n := range names {
			list = append(list, policy.Call{Name: n})
		}
		return list
	}
	for _, c := range []struct {
		name   string
		change func(*policy.Module)
		key    string
		want   diff.Direction
	}{
		{"a call more", func(m *policy.Module) { m.Seccomp.Allow = call("read", "write") }, "seccomp", diff.Wider},
		{"a call denied", func(m *policy.Module) { m.Seccomp.Deny = call("read") }, "seccomp", diff.Narrower},
		{"another answer", func(m *policy.Module) {
			m.Seccomp.Deny = []policy.Call{{Name: "write", Answer: &policy.Action{Kind: policy.ActionErrno, Errno: uint16(unix.ENOSYS)}}}
		}, "seccomp", diff.Other},
		{"another default", func(m *policy.Module) { m.Seccomp.Default.V = policy.Action{Kind: policy.ActionKillProcess} }, "seccomp", diff.Other},
		{"a capability", func(m *policy.Module) {
			m.Capabilities = []policy.Value[policy.Capability]{{V: unix.CAP_SYS_ADMIN}}
		}, "capabilities", diff.Wider},
		{"a namespace", func(m *policy.Module) { m.Namespaces = []policy.Value[policy.Namespace]{{V: unix.CLONE_NEWPID}} }, "namespaces", diff.Narrower},
		{"the host's network", func(m *policy.Module) { m.Network.V = policy.NetworkHost }, "network", diff.Wider},
		{"root", func(m *policy.Module) { m.User.V = "daemon" }, "user", diff.Narrower},
		{"a supplementary group", func(m *policy.Module) { m.GroupAdd = []policy.Value[string]{{V: "audio"}} }, "group_add", diff.Wider},
		{"a command", func(m *policy.Module) { m.Command = []policy.Value[string]{{V: "/bin/sh"}} }, "command", diff.Other},
		{"a variable", func(m *policy.Module) { m.Environment = []policy.EnvVar{{Name: "A", Value: "b"}} }, "environment", diff.Other},
		{"a limit", func(m *policy.Module) { m.Resources = []policy.Resource{{Key: "memory.max", Limit: 1 << 20}} }, "resources", diff.Narrower},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := module(func(*policy.Module) {}), module(c.change)
			report := compare(t, a, b)
			verified(t, a, b, report)
			if len(report.Changes) != 1 || report.Changes[0].Direction != c.want || report.Changes[0].Key != c.key {
				t.Errorf("%+v, want one change of %s, %s", report.Changes, c.key, c.want)
			}
		})
	}
}

// Opening another table of calls is one change with one call, not hundreds.
func TestAnotherArchitecture(t *testing.T) {
	other := map[seccomp.Arch]string{seccomp.X8664: "x86", seccomp.AArch64: "arm"}[seccomp.Native()]
	a := module(func(*policy.Module) {})
	b := module(func(m *policy.Module) { m.Seccomp.Architectures = []policy.Value[string]{{V: "native"}, {V: other}} })
	report := compare(t, a, b)
	verified(t, a, b, report)
	if len(report.Changes) != 1 || !report.Wider() || report.Changes[0].Witness.Arch != other {
		t.Errorf("%+v", report.Changes)
	}
}
