// Package trial makes every call of a posix.Core, for the tests of what decorates one.
//
// # Limits
//
// The arguments are zero values. That each argument and result is passed on as it is, package posix tests itself.
package trial
