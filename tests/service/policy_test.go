package main

import (
	"os"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// The policy for this service is read without an error and without a warning, and is about what the end-to-end tests need.
func TestPolicy(t *testing.T) {
	const file = "../testdata/service.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, findings := policy.Parse(file, text, policy.Options{
		Catalog:   seccomp.Catalog(),
		Variables: map[string]string{"SUPERVISOR": "/opt/bulkhead/supervisor", "POLICY_DIR": "/opt/service"},
		Dir:       "/opt/service",
	})
	for _, f := range findings {
		t.Error(f)
	}
	if p == nil {
		t.FailNow()
	}
	m := p.Modules[0]
	if m.Health.Kind.V != "notify" || m.UpdateOrder.V != "start-first" || m.Command[0].V != "/opt/service/service" || m.Network.V != policy.NetworkNone {
		t.Errorf("%+v", m)
	}
	if len(m.Filesystem) != 1 || len(m.Capabilities) != 0 {
		t.Errorf("it has more than itself: %+v, %v", m.Filesystem, m.Capabilities)
	}
	if _, err := parseOptions(func() (args []string) {
		for _, a := range m.Command[1:] {
			args = append(args, a.V)
		}
		return args
	}(), os.Stderr); err != nil {
		t.Errorf("its command line: %v", err)
	}
}
