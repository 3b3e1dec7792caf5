// Package restrict decorates a posix.Core so that a process can do only what it allows itself.
//
// A process writes down, in one readable place, the operations that it is going to use:
//
//	rules := restrict.Rules{
//		Read:  restrict.Allow,
//		Close: restrict.Allow,
//		PidfdSendSignal: restrict.PidfdSendSignal(func(_ posix.FD, sig posix.Signal) bool {
//			return sig == syscall.SIGTERM || sig == syscall.SIGKILL
//		}),
//	}
//	core := errs.New(metrics.New(restrict.New(linux.New(), rules)))
//
// [Rules] is generated from the interface and has a field for each method. An operation without a rule is denied, a new one too, and one that
// does not exist does not compile. A rule is [Allow], or a predicate of the arguments, which has the operation's name and parameters.
//
// # Denials
//
// A denied call is not made. Its error is a [*Denied], which says what was attempted on what; errors.Is finds [ErrDenied], EPERM and
// fs.ErrPermission in it. The few methods that return no error (Getpid, Getuid, …) panic with it when they are denied: a number that is
// made up would be believed, and user 0 or process -1 are not harmless.
//
// An allowed call allocates nothing.
//
// # Limits
//
// It is a list that a program keeps itself to, which finds mistakes and keeps what an attacker can make it ask for small. It is no wall: code in
// the same process that does not go through the Core is not held by it (the Go runtime, C code), nor are the children that Clone3 makes, whose
// programs are raw calls; a seccomp filter is. A predicate sees the arguments before the kernel does, and may be asked twice
// about one call. It must neither keep nor change what they point to, and it sees a path, not what the path leads to.
package restrict
