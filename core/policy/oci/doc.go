// Package oci reads and writes the seccomp profiles of containers: linux.seccomp of the Open Container Initiative's runtime specification, and
// Docker's form of it with archMap, includes and excludes.
//
//	profile, err := oci.Parse(text, oci.Options{File: "default.json"})
//	answer := profile.Answer(call)          // as libseccomp and runc have it
//	program, err := profile.Program()       // the same as a filter, for a prover
//	decision, err := profile.Decision()     // as a decision function
//	yaml, notes := profile.Policy(oci.PolicyOptions{})
//	text, notes, err := oci.Export(section) // and back, proved
//
// # What a profile means
//
// A profile is what libseccomp makes of what runc tells it; where the specification is silent the two decide, measured with libseccomp 2.5.4:
//
//   - Registers are compared as numbers of 64 bits without a sign, whatever the argument's type; on x86, x32 and arm, the low 32 bits of register
//     and value are.
//   - The comparisons of a rule must all hold, unless two are about the same argument: then they are alternatives.
//   - Several rules for a call are alternatives. The first without comparisons wins over all others, wherever they stand. Rules that
//     answer as the default does are left out before that.
//   - A rule is about the call on every open architecture that has it, and on i386 also about socketcall or ipc when the call can be made through
//     them; the comparisons of the first argument are lost there.
//   - A name that no table has is left out.
//   - Architectures that are not open are answered with kill_thread. The number -1 of x86-64 gets the default.
//
// Rules for one call with different answers that the same arguments can meet are an error: libseccomp refuses some such pairs, and for others the
// result depends on its version.
//
// # Conditions
//
// A condition of the policy language is as wide as the argument's type, and one of a profile is not. So an imported condition says raw64(argument)
// where the difference could be seen, which the audit then flags.
//
// # Limits
//
// runc puts a few instructions in front of libseccomp's filter that answer numbers above the profile's highest with ENOSYS. They are not part of
// what this package takes for the profile's meaning.
//
// A profile compares 64 bits or single bits, so the export writes a condition on an int as several rules, and what it excludes as more. A policy
// whose denied differs from its default, with conditions on two ints of one call, can become too long; that is an error.
// Only the architectures of package seccomp have tables; others stay closed, with a note.
// Actions that ask somebody (notify, trace) are in Answer and in Program and cannot be in a policy.
package oci
