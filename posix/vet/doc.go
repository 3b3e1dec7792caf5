// Package vet finds system calls that do not go through posix.Core.
//
// [Analyzer] is a checker for golang.org/x/tools/go/analysis. cmd/posixvet makes a program of it for the go command:
//
//	go build -o bin/posixvet github.com/bulkhead/bulkhead/cmd/posixvet
//	go vet -vettool=$(pwd)/bin/posixvet ./...
//	bin/posixvet leaks          # every exception below this directory, with its reason
//
// # What is found
//
//   - Functions and methods that make system calls: of syscall, golang.org/x/sys/unix, os, net, os/exec, os/user, os/signal and of
//     other packages of the standard library, as a table says. Every mention counts, not only a call: method values, function values,
//     names through an alias, a dot import or an embedded type, and a //go:linkname that reaches for one.
//   - Variables that do so wherever they are passed (os.Stderr, http.DefaultClient).
//   - import "C", and assembly with a system call instruction.
//   - posix.Active and posix.Use outside of package main, and an import of posix/linux there: a library takes the narrowest interface
//     that it needs, and only a program chooses an implementation.
//
// Constants, types, and functions that only compute (net.ParseIP, unix.Mkdev, os.Getenv) are nobody's business. In packages that
// exist to make calls (syscall, unix, os, net and what is below os) a function is taken to make one unless the table says that it does
// not, so that a new one of a later Go version is found.
//
// Nor is what something that computes may do on its way, once: the zone of the host for a local time, its root certificates for TLS, randomness
// for a new key, a complaint to the default logger. A test follows the functions of the standard library to the kernel, and so knows
// that there is nothing else.
//
// What the Go runtime does when it is asked for time, memory or a goroutine is no finding: nothing that a program could write instead
// would avoid it.
//
// # Exceptions
//
// A leak is a use that stays, with its reason, written where it is:
//
//	//posixvet:leak os/signal.Notify: signals reach a Go program through its runtime only
//	//posixvet:leak net/http.Server.Serve, net/http.Server.Close: serves descriptors that we opened
//
// In or above a declaration it covers that declaration, anywhere else the whole package. PATH.* covers all functions of a package. A
// use that is not listed fails, and so does a leak that is listed and occurs no longer, one without a reason, and one that
// names a function which makes no call.
//
// A whole package is left out by a line in its package comment:
//
//	//posixvet:exempt a generator, which runs when somebody builds this
//
// Left out without such a line are files that end in _test.go, packages that import testing and so are a part of tests, and posix/linux, the
// implementation. An implementation of your own needs the line, and so do test programs. A line that leaves out nothing fails as well.
// The lists are comments and not a file of their own because the go command keeps the results of vet, and takes no notice
// of a file that it does not know.
//
// # Limits
//
// A call is found where it is written. What a module from elsewhere does inside is not seen, but for a few that are in the table as a whole
// (containerd/cgroups, libseccomp). Methods of interfaces are not findings (an io.Writer may be anything): whoever made the value is.
// reflect, unsafe and function pointers obtained at run time are not followed. Files that the build constraints leave out are not looked
// at: run it with the tags and for the architectures that you build for.
//
//posixvet:exempt part of tools for who writes Go, which run when somebody builds a program
package vet
