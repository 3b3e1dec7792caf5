package conformance_test

import (
	"testing"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/tests/conformance"
)

// nobody is the ordinary user of the in-memory kernel.
const nobody = 65534

func TestKernel(t *testing.T) {
	conformance.Run(t, conformance.Implementation{Name: "Kernel", Start: func(t testing.TB) conformance.Process { return machine(t, 0) }})
}

func TestKernelUser(t *testing.T) {
	conformance.Run(t, conformance.Implementation{Name: "KernelUser", Start: func(t testing.TB) conformance.Process { return machine(t, nobody) }})
}

// machine boots a machine with the helper and a directory of the case's own, for its process 1, which belongs to a user.
func machine(t testing.TB, user posix.UID) conformance.Process {
	t.Helper()
	k := kernel.New(kernel.Config{})
	const helper, dir = "/usr/lib/helper", "/tmp/case"
	main := func(p *kernel.Process, argv, _ []string) int { return conformance.Helper(p, argv) }
	p := k.Init()
	for _, err := range []error{
		k.Install(helper, 0o755, main),
		k.Mkdir(dir, 0o755),
		k.Chown(dir, user, posix.GID(user)),
		p.Setgroups(nil),
		p.Setresgid(posix.Gids{Real: posix.GID(user), Effective: posix.GID(user), Saved: posix.GID(user)}),
		p.Setresuid(posix.Uids{Real: user, Effective: user, Saved: user}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return conformance.Process{Core: p, Dir: dir, Helper: helper}
}
