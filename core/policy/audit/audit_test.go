package audit_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

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

// Each rule about a call is looked at by itself: a long list of names takes no longer than the names, and finds what the whole function would say.
func TestRulesWithoutEffect(t *testing.T) {
	when := func(text string) *policy.Expr {
		e, err := policy.ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	var names []string
	for name := range seccomp.Native().Calls() {
		names = append(names, name)
	}
	list := allow(append(names, "read")...)
	list = append(list, policy.Call{Name: "socket", When: when("family == AF_INET"), Pos: policy.Pos{File: "m.yaml", Line: 900, Col: 7}})
	deny := []policy.Call{
		{Name: "kill", When: when("sig == SIGKILL"), Pos: policy.Pos{File: "m.yaml", Line: 901, Col: 7}},
		{Name: "kill", When: when("sig >= SIGKILL && sig <= SIGKILL"), Pos: policy.Pos{File: "m.yaml", Line: 902, Col: 7}},
	}
	var got []string
	for _, f := range run(t, one(policy.Module{Seccomp: policy.Seccomp{Allow: list, Deny: deny}})) {
		if f.Rule == "C04" {
			got = append(got, f.Subject)
		}
	}
	slices.Sort(got)
	if want := []string{"allow read", "allow socket", "deny kill"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Removing a rule that was found dead leaves the decision function as it is, and removing any other does not.
func TestDeadRulesAreThose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		conditions := []string{"", "", "family == AF_INET", "family in [AF_INET, AF_INET6]", "family != AF_INET", "family < 3", "family > 1"}
		rules := func(label string, least int) (list []policy.Call) {
			for i, n := 0, rapid.IntRange(least, 5).Draw(t, label); i < n; i++ {
				c := policy.Call{Name: rapid.SampledFrom([]string{"socket", "socketpair"}).Draw(t, "call"), Pos: policy.Pos{File: "m.yaml", Line: 10 + i + 50*least, Col: 7}}
				text := rapid.SampledFrom(conditions).Draw(t, "when")
				if e, err := policy.ParseExpr(text); err == nil {
					c.When = e
				}
				list = append(list, c)
			}
			return list
		}
		s := policy.Seccomp{Allow: rules("allow", 1), Deny: rules("deny", 0)}
		s.Deny = slices.DeleteFunc(s.Deny, func(c policy.Call) bool { return c.When == nil })
		p := one(policy.Module{Seccomp: s})
		dead := map[policy.Pos]bool{}
		for _, f := range run(t, p) {
			if f.Rule == "C04" {
				dead[f.Pos] = true
			}
		}
		key := func(s policy.Seccomp) string {
			d, err := seccomp.Resolve(s)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(d.Key())
		}
		left := p.Modules[0].Seccomp
		left.Allow = slices.DeleteFunc(slices.Clone(left.Allow), func(c policy.Call) bool { return dead[c.Pos] })
		left.Deny = slices.DeleteFunc(slices.Clone(left.Deny), func(c policy.Call) bool { return dead[c.Pos] })
		whole := key(p.Modules[0].Seccomp)
		if key(left) != whole {
			t.Fatalf("%v are not dead together", dead)
		}
		for _, list := range []*[]policy.Call{&left.Allow, &left.Deny} {
			all := *list
			for i := range all {
				*list = slices.Delete(slices.Clone(all), i, i+1)
				if key(left) == whole {
					t.Fatalf("%s at %s is dead and was not found", all[i].Name, all[i].Pos)
				}
			}
			*list = all
		}
	})
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
