// Package starter writes the policy that somebody starts from: what `supervisor policy new CMD` prints.
//
//	text, err := starter.Policy(starter.Facts{Path: "/usr/bin/web", Loader: "/lib64/ld-linux-x86-64.so.2", Libraries: []string{"/lib/x86_64-linux-gnu"}})
//
// The policy passes `policy check`, is laid out as `policy fmt` does it, and says in comments what to look at next.
//
// # Limits
//
// It is a place to begin, not what the program needs: files and calls that the program uses beyond starting are not known here. What a
// script runs besides its interpreter is not known either.
package starter
