package audit

import (
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// What a finding tells its reader to write is a policy that does not have the finding, whichever way the call came in.
func TestFixesAnswerTheirFindings(t *testing.T) {
	const head = "version: 1\nmodules:\n  m:\n    command: [/x]\n    user: daemon\n    filesystem: [{path: /x, access: rx}]\n    seccomp:\n"
	for _, c := range []struct{ rule, subject, call, group string }{
		{"C08", "families high", "socket", "@network-io"},
		{"C08", "families medium", "socket", "@network-io"},
		{"C08", "AF_INET", "socket", "@network-io"},
		{"C09", "ptrace", "ptrace", "@debug"},
		{"C11", "mmap", "mmap", "@default"},
		{"C11", "mprotect", "mprotect", "@default"},
		{"C11", "mprotect PROT_EXEC", "mprotect", "@default"},
		{"C11", "shmat", "shmat", "@ipc"},
		{"C14", "clone", "clone", "@process"},
		{"C14", "unshare", "unshare", "@process"},
		{"C15", "TIOCSTI", "ioctl", "@system-service"},
		{"C15", "TIOCLINUX", "ioctl", "@system-service"},
		{"C16", "keyctl", "keyctl", "@keyring"},
		{"C16", "personality ADDR_NO_RANDOMIZE", "personality", "@system-service"},
	} {
		t.Run(c.rule+" "+c.subject, func(t *testing.T) {
			find := func(section string) (Finding, bool) {
				t.Helper()
				p, ds := policy.Parse("m.yaml", []byte(head+section), policy.Options{Catalog: seccomp.Catalog()})
				if p == nil {
					t.Fatalf("%v\n%s", ds, section)
				}
				report, err := Policy(p, Options{Now: time.Unix(0, 0)})
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range report.Findings {
					if f.Rule == c.rule && f.Subject == c.subject {
						return f, true
					}
				}
				return Finding{}, false
			}
			f, found := find("      allow: [read, " + c.call + "]\n")
			if !found {
				t.Fatal("it is not found to begin with")
			}
			rule, _, instead := strings.Cut(f.Fix, " instead of "+c.call)
			if rule, _, _ = strings.Cut(rule, ", where"); !instead && f.Fix != "remove "+c.call+" from allow" {
				t.Fatalf("fix: %s", f.Fix)
			}
			section := "      allow: [read]\n"
			if instead {
				section = "      allow: [read, " + rule + "]\n"
			}
			if f, found := find(section); found {
				t.Errorf("it is found again: %s\n%s", f.Fix, section)
			}
			group := "      allow: [read, \"" + c.group + "\"]\n"
			f, found = find(group)
			if !found {
				t.Fatalf("it is not found in %s", c.group)
			}
			deny, _, through := strings.Cut(f.Fix, ", because it comes through "+c.group)
			if !through {
				t.Fatalf("fix: %s", f.Fix)
			}
			if f, found := find(group + "      " + deny + "\n"); found {
				t.Errorf("it is found again: %s\n%s", f.Fix, deny)
			}
		})
	}
}

// A rule that has a condition keeps it.
func TestFixKeepsTheCondition(t *testing.T) {
	when, err := policy.ParseExpr("clone_flags & CLONE_VM || newsp == NULL")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := both(when, keepOwnUser), "(clone_flags & CLONE_VM || newsp == NULL) && !(clone_flags & CLONE_NEWUSER)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
