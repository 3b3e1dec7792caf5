// Package filter reads seccomp filters as the kernel takes them (struct sock_filter after struct sock_filter, in this machine's byte order), says
// what they answer, and writes them as policies.
//
//	f, err := filter.Read("web.bpf", text)
//	f.Decision                     // for every call there can be
//	f.Explain(&out, "socket")      // the cases of a call
//	policy := f.Policy("web")      // YAML, and what cannot be said, each with a call that shows it
//
// # From a filter to a policy
//
// A filter knows bits of registers and no rules, so the rules are made anew: what is answered for a call, in as few comparisons as are found,
// of arguments with their types. The text is read back, resolved and compared with the filter on all inputs ([seccomp.Compare]); so whatever is wrong
// with it is in the list of differences, and an empty list is a proof.
//
// # Limits
//
// The language has one rule for a call on all architectures, one answer for all numbers that no table has, closes architectures with kill_process,
// allows by name, and does not know the instruction pointer, user_notif and trace. A filter that does otherwise cannot be said as a whole.
// A condition that needs more than 256 alternatives is not looked for. Constants are written as numbers: a filter does not say which name
// somebody meant.
package filter
