// Package example has system calls that show what a layer other than the seccomp filter gives a module: a path, a namespace, a network, a
// limit, a capability. diff shows changes with them, and audit findings.
//
//	text, open := example.Pick(set, example.Namespace(unix.CLONE_NEWPID))
//
// A list has calls that show the same, the best known one first: which of them a module can make is the filter's to say.
//
// # Limits
//
// Examples are text for people. What stands for something of the host, such as the number of one of its processes, is in words.
package example
