// Package e2e drives the real supervisor from outside and tries to get out of what it builds.
//
// Package victim makes the attempts. Each one is first made without the sandbox, where it must succeed: an attempt that
// nothing would have let through proves nothing. The tests run as root and as an ordinary user, from one binary:
//
//	go test -c -tags 'netgo osusergo' -o bin/e2e.test ./tests/e2e
//	BULKHEAD_BIN=$PWD/bin/supervisor BULKHEAD_ROOT=$PWD bin/e2e.test
//
// # Environment
//
//   - BULKHEAD_BIN: the supervisor; built when it is not set.
//   - BULKHEAD_VICTIM: the program of package victim; without it the test binary takes that role itself, or it is built where the
//     test binary needs a loader, as one with the race detector does.
//   - BULKHEAD_SERVICE: the program of tests/service; built when it is not set.
//   - BULKHEAD_ROOT: the top of the repository; found from the working directory when it is not set.
//
// # What must not be left
//
// After the tests no process that descends from this one may run, no mount may have been added, and no control group of a supervisor
// that has ended may be there. Namespaces live as long as a process or a mount is in them.
//
// # Limits
//
// What needs a program that is not installed (strace, nginx) or a kernel feature is skipped with the fact that was found.
package e2e
