package audit_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/policy/audit"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// one returns a policy of one module.
func one(m policy.Module) *policy.Policy {
	m.Name, m.Pos = "m", policy.Pos{File: "m.yaml", Line: 3, Col: 3}
	m.Seccomp.Pos = policy.Pos{File: "m.yaml", Line: 9, Col: 5}
	return &policy.Policy{File: "m.yaml", Modules: []policy.Module{m}}
}

// allow makes rules, each on a line of its own.
func allow(calls ...string) (list []policy.Call) {
	for i, name := range calls {
		list = append(list, policy.Call{Name: name, Pos: policy.Pos{File: "m.yaml", Line: 10 + i, Col: 7}})
	}
	return list
}

func find(list []audit.Finding, rule, subject string) (audit.Finding, bool) {
	i := slices.IndexFunc(list, func(f audit.Finding) bool { return f.Rule == rule && f.Subject == subject })
	if i < 0 {
		return audit.Finding{}, false
	}
	return list[i], true
}

func TestAnotherArchitecture(t *testing.T) {
	others := map[seccomp.Arch][]string{seccomp.X8664: {"x86", "x32"}, seccomp.AArch64: {"arm"}}[seccomp.Native()]
	for _, other := range others {
		p := one(policy.Module{Seccomp: policy.Seccomp{Allow: allow("read"),
			Architectures: []policy.Value[string]{{V: "native"}, {V: other, Pos: policy.Pos{File: "m.yaml", Line: 9, Col: 30}}}}})
		f, found := find(run(t, p), "C01", other)
		if !found || f.Pos.Col != 30 || f.Witness == nil || f.Witness.Arch != other {
			t.Errorf("%s: %+v, %t", other, f, found)
			continue
		}
		verified(t, p, f)
	}
}

func TestOpenDefault(t *testing.T) {
	p := one(policy.Module{Seccomp: policy.Seccomp{Allow: allow("read"), Architectures: []policy.Value[string]{{V: "native"}},
		Default: policy.Value[policy.Action]{V: policy.Action{Kind: policy.ActionLog}, Pos: policy.Pos{File: "m.yaml", Line: 9, Col: 20}}}})
	f, found := find(run(t, p), "C22", "default")
	if !found || f.Pos.Col != 20 || f.Witness.Answer != bpf.RetLog {
		t.Fatalf("%+v, %t", f, found)
	}
	verified(t, p, f)
}

func TestRuleWithoutEffect(t *testing.T) {
	p := one(policy.Module{Seccomp: policy.Seccomp{Allow: allow("read", "write", "read")}})
	list := run(t, p)
	f, found := find(list, "C04", "allow read")
	if !found || f.Pos.Line != 12 {
		t.Errorf("the second rule about read was not found: %+v", f)
	}
	if _, found := find(list, "C04", "allow write"); found {
		t.Error("the only rule about write was found")
	}
}

func TestAcceptances(t *testing.T) {
	p := one(policy.Module{Seccomp: policy.Seccomp{Allow: allow("ptrace")}})
	at := policy.Pos{File: "m.yaml", Line: 20, Col: 9}
	accept := func(rule string, until time.Time) *audit.Report {
		t.Helper()
		p.Modules[0].Accept = []policy.Acceptance{{Rule: rule, Reason: "a debugger", Until: until, Pos: at}}
		report, err := audit.Policy(p, audit.Options{Now: day})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	for _, c := range []struct {
		name     string
		rule     string
		until    time.Time
		accepted bool
		finding  string // about the acceptance
	}{
		{"accepted", "C09", day.AddDate(0, 1, 0), true, ""},
		{"accepted on the day before", "C09", day.Truncate(24*time.Hour).AddDate(0, 0, 1), true, ""},
		{"expired on the day", "C09", day.Truncate(24 * time.Hour), false, "C31"},
		{"of a rule that finds nothing", "C10", day.AddDate(0, 1, 0), false, "C30"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := accept(c.rule, c.until)
			f, found := find(report.Findings, "C09", "ptrace")
			if !found || (f.Accepted != nil) != c.accepted {
				t.Errorf("found %t, accepted %+v", found, f.Accepted)
			}
			for _, rule := range []string{"C30", "C31"} {
				f, found := find(report.Findings, rule, c.rule)
				if found != (rule == c.finding) || found && f.Pos != at {
					t.Errorf("%s: %+v, %t", rule, f, found)
				}
			}
			unaccepted := slices.ContainsFunc(report.Unaccepted(audit.Info), func(f audit.Finding) bool { return f.Rule == "C09" })
			if unaccepted == c.accepted {
				t.Errorf("among the unaccepted: %t", unaccepted)
			}
		})
	}
}
