// Package differential runs random programs of calls on two implementations of [posix.Core], and reports where they differ.
//
// The two go in step: each call is made on Linux and on the other one, and their answers are compared at once: errno, numbers, data. Numbers of processes,
// inodes and ports may differ; they are compared by the order in which they are first seen. When a program is over, what it has left in the
// file tree and in the table of descriptors is compared as well. What is generated next depends on what the answers were, so most
// calls make sense: [Result.Table] says for each method how many did.
//
// A program comes from a seed alone. One that shows a difference is made shorter while it still shows it, and printed as the calls it makes.
//
// # Limits
//
// No call waits: everything that can be is non-blocking. Waiting is what the cases of tests/conformance are about. Times are compared only when they were set.
// Programs that change their process for good are run in processes of their own, one of every [aloneShare].
//
//posixvet:exempt a part of tests: it calls the kernel to compare with it
package differential
