// Package machine sets an in-memory kernel up as a host on which the supervisor runs: with its program installed, the init of pid namespaces,
// and the usual links in the root directory. Policies are compiled by the compile process, which is launched, confined, and asks about this
// host.
//
//	m := machine.New(t, kernel.Config{})
//	m.Program("/usr/sbin/web", func(p *kernel.Process, argv, env []string) int { … })
//	supervisor := m.Supervisor() // a posix.Core
//
// Nothing of it needs a privilege, and nothing is left on the host that the tests run on.
//
// # Limits
//
// Users are looked up in the databases of the host that the tests run on, as os/user does. Filters are made by libseccomp, which writes to a
// real file in memory.
package machine
