package conformance_test

import (
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/conformance"
)

// mine is an implementation of one's own: here it only passes calls on.
type mine struct{ posix.Core }

// The TestMain of a package that runs the suite on an implementation whose processes are those of the host: a test binary is executed again as the
// program that
// children of cases run, and for cases that change a process for good.
func ExampleMain() {
	var m *testing.M // TestMain's
	conformance.Main(m, mine{linux.New()})
}

// Its test. An implementation with processes of its own, as mocks/kernel, has a function for Start that makes one for each case, and needs no Main.
func ExampleRun() {
	var t *testing.T // the test's
	conformance.Run(t, conformance.Host("Mine", mine{linux.New()}))
}

// The same with processes in memory, and this runs: every case that user 0 can run.
func TestMine(t *testing.T) {
	conformance.Run(t, conformance.Implementation{Name: "Mine", Start: func(t testing.TB) conformance.Process {
		p := machine(0)(t)
		p.Core = mine{p.Core}
		return p
	}})
}
