package audit_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/policy/audit"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

const root = "../../.."

var day = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)

// read parses a policy file of the repository.
func read(t testing.TB, path string) (*policy.Policy, []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"SUPERVISOR": "/usr/bin/supervisor", "POLICY_DIR": dir, "HOME": "/home/somebody"}
	p, findings := policy.Parse(path, text, policy.Options{Catalog: seccomp.Catalog(), Dir: dir, Variables: vars})
	if err := findings.Err(); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return p, text
}

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func run(t fataler, p *policy.Policy) []audit.Finding {
	t.Helper()
	report, err := audit.Policy(p, audit.Options{Now: day})
	if err != nil {
		t.Fatal(err)
	}
	return report.Findings
}

// verified checks that a finding is complete and that its witness is answered as it says.
func verified(t testing.TB, p *policy.Policy, f audit.Finding) {
	t.Helper()
	if _, known := audit.RuleByID(f.Rule); !known || f.Pos.Line == 0 || f.Gives == "" || f.Message == "" || f.Subject == "" {
		t.Errorf("%s is incomplete: %+v", f.Rule, f)
	}
	if f.Witness == nil {
		return
	}
	i := slices.IndexFunc(p.Modules, func(m policy.Module) bool { return m.Name == f.Module })
	set, err := reach.New(p.Modules[i].Seccomp)
	if err != nil {
		t.Fatal(err)
	}
	got := set.Want(f.Witness.Call)
	if got != f.Witness.Answer {
		t.Errorf("%s: %s is answered with %s", f.Rule, f.Witness, bpf.Describe(got))
	}
	if denied := f.Rule == "C07" || f.Rule == "C12"; reach.Open(got) == denied {
		t.Errorf("%s: %s shows nothing", f.Rule, f.Witness)
	}
}

// withoutCall are the rules whose findings no system call shows.
var withoutCall = []string{"C04", "C30", "C31"}

var update = flag.Bool("update", false, "write the golden files")

// Every rule has a policy that plants it, and each planted weakness is found with a call that shows it. Beside each policy is what is printed.
func TestPlantedWeaknesses(t *testing.T) {
	files, err := filepath.Glob(root + "/tests/testdata/weak/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	planted := map[string]bool{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, text := read(t, file)
			match := regexp.MustCompile(`(?m)^# Plants (C\d\d): `).FindSubmatch(text)
			if match == nil {
				t.Fatal(`the file does not begin with "# Plants C…: "`)
			}
			want := string(match[1])
			planted[want] = true
			found := false
			findings := run(t, p)
			for i, f := range findings {
				verified(t, p, f)
				if f.Rule == want {
					found = true
					if f.Witness == nil && f.Shows == "" && !slices.Contains(withoutCall, want) {
						t.Errorf("%s has no witness: %s", want, f.Message)
					}
				}
				findings[i].Pos.File = filepath.Base(f.Pos.File)
			}
			if !found {
				t.Errorf("%s was not found", want)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", findings, text)
		})
	}
	for _, r := range audit.Rules() {
		if !planted[r.ID] {
			t.Errorf("no file plants %s (%s)", r.ID, r.Title)
		}
	}
}

// golden compares what is printed with a file.
func golden(t *testing.T, file string, findings []audit.Finding, source []byte) {
	t.Helper()
	var got bytes.Buffer
	if err := audit.Render(&got, findings, audit.RenderOptions{Source: func(string) []byte { return source }}); err != nil {
		t.Fatal(err)
	}
	if seccomp.Native() != seccomp.X8664 {
		return // the files have its calls
	}
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("not what %s has (-update writes it):\n%s", filepath.Base(file), got.Bytes())
	}
}
