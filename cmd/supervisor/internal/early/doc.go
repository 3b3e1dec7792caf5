// Package early runs the commands that somebody waits for, `supervisor exec` and the compile process, before the rest of the program is
// initialised. It is imported for that effect alone, by the program:
//
//	import _ "github.com/bulkhead/bulkhead/cmd/supervisor/internal/early"
//
// The one binary has every role, and Go initialises every package that is linked in before main: registries of metrics, tables of HTTP,
// descriptors of messages, which these two never touch, and which cost them more than a tenth of their time. The language initialises
// packages in the order of their paths, each as soon as what it imports is; so this one, which imports only what its commands need,
// comes before those whose paths are greater or that wait for something themselves. The order makes it fast and nothing else: what
// runs here has everything initialised that it can reach. Source: the Go specification, "Program initialization".
//
// Before even the Go runtime it looks at limits (RLIMIT_AS, RLIMIT_DATA, RLIMIT_NPROC, RLIMIT_NOFILE) that the runtime could not start with: it would abort with a page of
// registers, and here it is one message.
//
// Where the program of exec is linked into the same file, with the tag joined, entry.c is where the file begins to run, and leaves exec to that program.
//
// # Limits
//
// Under an RLIMIT_DATA of less than 70 MiB the kernel ends the process, with SIGSEGV, before anything here runs.
//
// RLIMIT_NPROC counts all processes of a user: where others of the same user have used it up, the runtime still aborts.
//
// Packages that another one initialises for itself without need come along when their path is smaller than the last import of this one.
//
//posixvet:leak os.Stderr: the streams that a main chooses
//posixvet:leak runtime.cgoAlwaysFalse, runtime.cgoUse, runtime.cgoKeepAlive, runtime.cgoNoCallback: what cgo writes for itself; the C of limits.go is called by the C library
//posixvet:leak runtime.cgocall, runtime.cgoCheckPointer, runtime.cgoCheckResult: the same
//posixvet:leak github.com/bulkhead/bulkhead/posix/linux: it is the main of two roles
package early
