package policies_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/policy/audit"
	"github.com/bulkhead/bulkhead/core/policy/suite"
	"github.com/bulkhead/bulkhead/core/policy/trace"
	"github.com/bulkhead/bulkhead/policies"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Every policy that ships has tests, and they hold.
func TestTheirOwnTests(t *testing.T) {
	for _, name := range policies.Names() {
		t.Run(name, func(t *testing.T) {
			p, _ := parse(t, name)
			if len(p.Tests) == 0 {
				t.Fatal("it has none")
			}
			results := suite.Run(p.Tests, suite.Env{
				Arch: seccomp.Native(),
				Decider: func(module string) (trace.Decider, error) {
					for i := range p.Modules {
						if p.Modules[i].Name == module {
							return seccomp.Resolve(p.Modules[i].Seccomp)
						}
					}
					t.Fatalf("no module %s", module)
					return nil, nil
				},
				Place: func(string) func(string) (trace.Where, bool) { return nil },
				// The paths of traces start from where the policy lies.
				Read: func(path string) ([]byte, error) {
					below, err := filepath.Rel("/opt/bulkhead/policies", path)
					if err != nil {
						return nil, err
					}
					return os.ReadFile(below)
				},
			})
			if suite.Failed(results) {
				if err := suite.Render(t.Output(), results); err != nil {
					t.Error(err)
				}
				t.Error("not all of them hold")
			}
		})
	}
}

// No policy that ships has a weakness that its text does not take on.
func TestNoFindings(t *testing.T) {
	for _, name := range policies.Names() {
		t.Run(name, func(t *testing.T) {
			p, _ := parse(t, name)
			text, err := policies.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			report, err := audit.Policy(p, audit.Options{Now: time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC)})
			if err != nil {
				t.Fatal(err)
			}
			if open := report.Unaccepted(audit.Low); len(open) > 0 {
				if err := audit.Render(t.Output(), open, audit.RenderOptions{Source: func(string) []byte { return text }}); err != nil {
					t.Error(err)
				}
				t.Errorf("%d findings that nobody took on", len(open))
			}
		})
	}
}
