// Package posix is the abstract system call interface, [Core], and the place where the active one lives.
//
// Every system call that Bulkhead's own code asks for goes through Core. The
// interface is composed of narrow ones ([Files], [Sockets], [Processes], …);
// a function takes the narrowest that it needs, and a test passes a mock of
// just that one (package mocks).
//
// # Use
//
// A program chooses an implementation once, in main, with the layers of package stack on top. Everything else takes an interface:
//
//	func main() {
//		core := stack.New(linux.New(), stack.Options{})
//		serve(core)
//	}
//
//	func readConfig(files posix.Files, path string) (Config, error)
//
// A descriptor is a number, and whoever gets one from a call owns it: package fd keeps account of that, and makes net.Listener and net.Conn of
// descriptors. Nothing here takes a context: a call that must end is made on a descriptor with O_NONBLOCK, and waited for by a [Polling], as
// package fd
// does. A child that executes a program is a [Command].
//
// A test gives the same functions a process of mocks/kernel, a machine in memory, or a mock of the narrow interface (package mocks), which injects
// one
// answer. docs/guide-testing.md takes a daemon from package net to there. All methods, with their system calls, what may be done about EINTR and
// their
// manual pages, are in docs/posix-methods.md.
//
// # Names and types
//
// Methods carry the Linux name of the call in Go case (Openat2, Accept4,
// PidfdSendSignal). Descriptors, process numbers, users and signals are
// defined types, so they cannot be mixed up. Structs are used from four
// parameters on; a struct passed by pointer is filled in by the call and is
// not kept by it, unless the method says otherwise.
//
// # Errors
//
// An implementation returns a bare [Errno] (no allocation). The errs
// decorator, outermost in the stack, turns it into an [*Error], which says
// which operation failed on what. Both work with [errors.Is] and the
// sentinels of io/fs:
//
//	if errors.Is(err, fs.ErrNotExist) { … }
//
// What comes with an error is -1 for a descriptor that a method returns as an [FD]. Other results mean nothing then, unless the documentation of
// the method says so; that of Fcntl is a number, which may be 0.
//
// An errno is never turned into a value, Close is never retried, and EAGAIN is
// not the end of a file.
//
// # Layers
//
// A decorator is an implementation on top of another. There is one package for
// each, below this one, and their order is [CheckOrder]'s:
//
//	errs > log > metrics > restrict > retry > fault > record > linux | kernel | replay
//
// Package stack puts the first six on top of an implementation; [Describe] prints what there is.
//
// # Directives
//
// The comment of each method ends with directives that cmd/posixgen reads:
//
//	//posix:calls NAME…           the system calls that the method makes
//	//posix:retry POLICY REASON   what may be done about EINTR (retry, never, caller), and why
//	//posix:reads NAME…           parameters whose memory the call reads; fills: writes; updates: both;
//	                              maps: changes what is mapped there
//
// From them the Op table, the [Unimplemented] base and every decorator are
// generated.
//
// # Limits
//
// "Every system call" means every call that our code asks for. The Go runtime,
// libseccomp and containerd/cgroups make calls of their own that do not pass
// through Core. Where our code gets into these, it says so with a reason, and
// package posix/vet finds where it does not.
package posix

//go:generate go run ../cmd/posixgen
