// Package victim tries what a sandbox should refuse, one attempt after the other, and says what the kernel answered.
//
// Each argument is an attempt, a name and its own arguments after a colon:
//
//	victim read:/etc/shadow ptrace:1 forks:100
//
// and each gives one line of three fields separated by tabs: the attempt as it was written, "ok" or the name of the error, and
// what was found. A line is written before the next attempt begins, so an attempt that is the end of the process is the
// last one without a line. The exit status is 0 whatever the answers are, and 2 for an attempt that is not known.
//
// An attempt that succeeds undoes what it did where that is possible. Attempts to execute something replace the process by "victim say:executed"
// when they succeed.
//
// The calls are made with golang.org/x/sys/unix and not through posix.Core: what counts is the kernel's own answer.
//
// # Limits
//
// The process has several threads, as every Go program. What is an attribute of a thread is tried on one that ends with the attempt.
//
//posixvet:exempt a part of tests: it tries what is forbidden
package victim
