package machine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
	"github.com/bulkhead/bulkhead/tests/machine"
)

// TestCompile: the compile process runs on the machine, confined, and leaves nothing there, nor on the host of the test.
func TestCompile(t *testing.T) {
	leak.Check(t)
	m := machine.New(t, kernel.Config{})
	m.Program("/usr/bin/sh", func(*kernel.Process, []string, []string) int { return 0 })
	p := m.Supervisor()
	l, err := launch.New(p, launch.Options{})
	m.Must(err)
	before := m.Inventory()
	plan := m.Compile(p, l, "locked.yaml", m.Policy("examples/locked"))
	if len(plan.Modules) != 1 || plan.Modules[0].Name != "locked" || plan.Modules[0].Program == nil || plan.Modules[0].Init == nil {
		t.Errorf("%+v", plan.Modules)
	}
	if after := m.Inventory(); !slices.Equal(before, after) {
		t.Errorf("before\n%s\nafter\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	m.Must(l.Close())
}
