package conformance_test

import (
	"testing"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/tests/conformance"
)

func TestKernel(t *testing.T) {
	conformance.Run(t, conformance.Implementation{Name: "Kernel", Start: machine})
}

// machine boots a machine with the helper and a directory of the case's own, for its process 1.
func machine(t testing.TB) conformance.Process {
	t.Helper()
	k := kernel.New(kernel.Config{})
	const helper, dir = "/usr/lib/helper", "/tmp/case"
	main := func(p *kernel.Process, argv, _ []string) int { return conformance.Helper(p, argv) }
	if err := k.Install(helper, 0o755, main); err != nil {
		t.Fatal(err)
	}
	if err := k.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return conformance.Process{Core: k.Init(), Dir: dir, Helper: helper}
}
