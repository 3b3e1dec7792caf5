// Package fault decorates a posix.Core so that chosen calls fail. It is for tests: of what becomes of a program when the kernel says no.
//
//	core := fault.New(linux.New())
//	core.Set(1, fault.Nth(3, unix.EMFILE).On(posix.OpOpenat2))   // the third Openat2
//	core.Set(1, fault.Share(0.01, unix.EINTR))                   // one in a hundred of all calls
//	core.Set(1, fault.Sequence(unix.EINTR, 0, unix.EAGAIN).On(posix.OpRead, posix.OpWrite))
//	core.Set(1, fault.Always(unix.ENOENT).If(func(c fault.Call) bool { return c.Path == "/etc/nginx" }))
//	core.Set(1)                                                  // nothing
//
// A call that fails is not made, and returns what the kernel's failures return: the errno, and -1 for a descriptor. Close is the
// exception, as in the kernel: the descriptor is closed, and the errno returned.
//
// Several rules may be set at once. Each counts the calls that it is about, whatever the others do with them; the first that fails a call says
// with which errno. Any errno goes, also one that the documentation of the operation does not list, because kernels do return others.
//
// # Repeatable
//
// Which calls fail depends on the rules, the seed and the order of the calls, and on nothing else: a program that makes its calls one after the
// other meets the same faults with the same seed. Core may be used by several goroutines; then the order of their calls decides, which
// the seed does not.
//
// # Every call once
//
// [Sweep] lets each call of a function fail in turn, until none is left:
//
//	fault.Sweep(t, linux.New(), unix.EMFILE, func(core posix.Core) error { return start(core) }, posix.OpClose)
//
// [Core.Each] is the loop in it, for a test with an opinion of its own about what must follow.
//
// # Cost
//
// Without rules a call costs one load and one comparison, and allocates nothing.
//
// # Limits
//
// Methods that return no error (Getpid, Getuid, …) never fail and are not counted. Partial results (a short Write) and wrong
// ones are not made, and nothing is delayed. The steps of a program that Clone3 runs are the kernel's, not calls of Core.
//
// The decorator stands below retry in a stack: faults that it makes with EINTR are repeated there.
package fault
