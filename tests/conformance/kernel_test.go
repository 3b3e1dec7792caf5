package conformance_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/tests/conformance"
)

// nobody is the ordinary user of the in-memory kernel.
const nobody = 65534

func TestKernel(t *testing.T) {
	conformance.Run(t, conformance.Implementation{Name: "Kernel", Start: machine(0)})
}

func TestKernelUser(t *testing.T) {
	conformance.Run(t, conformance.Implementation{Name: "KernelUser", Start: machine(nobody)})
}

// machine boots a machine with the helper and a directory of the case's own, for a child of process 1 that is a user.
func machine(user posix.UID) func(t testing.TB) conformance.Process {
	return func(t testing.TB) conformance.Process {
		t.Helper()
		k := kernel.New(kernel.Config{})
		t.Cleanup(func() { check(t, k.Close()) })
		const helper, dir = "/usr/lib/helper", "/tmp/case"
		run := func(p *kernel.Process, argv, _ []string) int { return conformance.Helper(p, argv) }
		check(t, k.Install(helper, 0o755, run))
		content, err := k.ReadFile(helper)
		check(t, err)
		k.Recognize(content, run) // copies of it
		check(t, k.Mkdir(dir, 0o755))
		check(t, k.Chown(dir, user, posix.GID(user)))
		p, err := k.Init().Child()
		check(t, err)
		if user != 0 {
			check(t, p.Setgroups(nil))
			check(t, p.Setresgid(posix.Gids{Real: posix.GID(user), Effective: posix.GID(user), Saved: posix.GID(user)}))
			check(t, p.Setresuid(posix.Uids{Real: user, Effective: user, Saved: user}))
		}
		// A program of Go takes it and goes on.
		check(t, p.Sigaction(unix.SIGPIPE, kernel.Action{Handler: func(posix.SignalInfo) {}, Restart: true}))
		return conformance.Process{Core: p, Dir: dir, Helper: helper}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
