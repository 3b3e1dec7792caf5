// Package effective writes what a module really has: its profiles merged, its groups taken apart, its defaults in the open, and behind
// each line where it comes from. It is what `supervisor policy show --effective` prints.
//
//	out, err := effective.Text(p, map[string][]byte{"web.yaml": text}, "web")
//
// The result is a policy itself. It says the same as the one that it was made from: the modules have equal Sections.
//
// # Limits
//
// Variables are replaced, and a call that deny takes away is not among those that are allowed. A limit of 1m is shown as 1m0s, and a
// share of a processor in microseconds. What is no protection is left out: tests, and the findings that are accepted.
package effective
