// Package execute is `supervisor exec` as a process of its own, with as few packages as it takes:
//
//	status, understood := execute.Run(os.Args)
//
// Two programs use it. supervisor-exec, below, is what `make build` links into the file of the supervisor beside the whole program; where it runs nothing else is
// loaded or initialised. In a supervisor that was built otherwise package early runs it before the rest is initialised. See docs/decisions/0010 and 0018.
//
// # Limits
//
// What this package imports has to be quick to initialise: no HTTP, no metrics, no command tree, no library of control groups, no C. A test makes sure.
//
//posixvet:leak os.Stderr: the streams that a main chooses
//posixvet:leak github.com/bulkhead/bulkhead/posix/linux: it is what is in main elsewhere
//posixvet:leak github.com/bulkhead/bulkhead/posix.Use, github.com/bulkhead/bulkhead/posix.Active: so it is
package execute
