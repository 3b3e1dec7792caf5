// Package demo is the module that the embedded demo policy runs: a small web server that shows its own confinement.
//
// It serves an inherited socket (LISTEN_FDS) with three pages: "/" for people, "/confinement.json" with the same data for
// programs, and "/healthz". Each request for one of the first two reads afresh what the kernel says about the process, and
// then really makes a list of calls that a confined web server has no business making. What the kernel answered is shown
// with the layer that refused. A call that succeeds is undone at once and shown as ALLOWED; a policy that lets something
// through is meant to be seen here.
//
// # Which layer refused
//
// An error number alone does not tell: EPERM may come from the filter or from a missing capability. A filter cannot see what a pointer
// points to and, when a policy names a call without conditions, does not look at arguments at all. So every refused call is made a second
// time with arguments that no kernel accepts: an answer that the kernel has for such arguments (EFAULT, EBADF, EINVAL) shows that the
// call gets past the filter, and any other shows that it does not. What remains is decided by error number, per attempt, and for
// EACCES by looking at whether mode and owner of the file would have allowed it.
//
// Landlock has no file to read its state from. It is inferred from a call that nothing else refuses: making the character
// device 0:0 in a writable tmpfs, which takes no capability (Linux 5.8).
//
// # The package is a test subject
//
// The attempts are made with golang.org/x/sys/unix and not through posix.Core: Core refuses or decorates some of them by design, and
// what is to be shown is the kernel's own answer. This package is the one exception besides posix/linux, and it is never
// part of the supervisor's own work: the process that runs it is confined and does nothing else.
//
// # Limits
//
// The attempts are a demonstration, not a proof. What they show is true of the process that made them, at the time of
// the request. On a host where a sysctl switches io_uring off, its answer is the same before and behind the filter, so the layer
// shown is the filter when it denies the call and may be the filter when it does not.
//
//posixvet:leak golang.org/x/sys/unix.*: tries what is forbidden; see above
//posixvet:leak os.*: shows what the kernel says in /proc, in a process of its own that is confined
//posixvet:leak os/signal.*: signals reach a Go program through its runtime only
//posixvet:leak net.FileListener, net.FileConn: net/http takes a net.Listener, made of a socket that was inherited
//posixvet:leak net/http.Server.Serve, net/http.Server.Shutdown, net/http.Server.Close: serves that listener
//posixvet:leak crypto/rand.Read: a guess at a secret
//posixvet:leak github.com/bulkhead/bulkhead/posix/linux: this is a role of a program, and its main for that
package demo
