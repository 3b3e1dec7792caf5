// Package audit finds weaknesses of policies: what a module may do that helps who has taken it over, or that its author hardly meant.
//
//	report, err := audit.Policy(p, audit.Options{Now: time.Now()})
//	audit.Render(os.Stdout, report.Findings, audit.RenderOptions{Source: source})
//
// # What a finding is about
//
// Findings are about what a module can do, not about how its policy is written: seccomp's decision function, the file system, the
// capabilities, the namespaces, the network and the limits together. The same function as an allow-list, as a deny-list, or through
// profiles has the same findings. Rules of [KindText] are about the text, because text is what they are for (C04, C30, C31).
//
// A finding about a system call has a witness: one call, with arguments, that the decision function answers as the finding says. It was
// computed from the policy's conditions (package reach) and then asked of the decision function. A finding about another layer has a call that shows it
// (package example). What a finding says to write depends on how the call came in: by its name, with a condition, or through a group.
//
// # What more permissions do
//
// A rule of [KindPermission] is monotone: whatever is added to a policy (a call, a capability, a path, a wider network), each finding
// stays, with the same or a higher severity. A rule of [KindConsistency] compares two parts of a policy, such as two calls of which one is
// denied and the other does the same; adding the missing part answers it.
//
// # Acceptance
//
// A policy takes a finding on with `accept: [{rule, reason, until}]`; the finding is then listed as accepted, with the reason. That is the
// only way to suppress one. An acceptance whose date has passed accepts nothing and is a finding (C31), and so is one that no finding needs
// (C30).
//
// # Limits
//
// The audit knows what is in its tables; a policy without findings is not proved harmless. It does not look at what is behind the
// paths of a policy, at the programs, or at the host. What a call does with memory that its arguments point to, such as the flags of
// clone3 or of openat2, no filter can see, and the audit takes it as possible.
//
// Equivalents (C05) are compared as whole calls and by whether they are restricted at all: two calls that are restricted in
// different ways are not told apart.
//
// Reading a policy leaves out of its allow-list what its deny-list names without a condition, so such an entry is taken to have an effect (C04);
// package policy reports those of which nothing is left.
package audit
