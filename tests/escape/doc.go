// Command escape tries to get out of the sandbox, in every way that somebody has described, and prints what came of it.
//
//	escape --supervisor bin/supervisor --root . [--user games] [--only NAME,…] [--under POLICY]
//	escape --alone --report >FILE     # elsewhere, as one user; then
//	escape --show FILE…
//
// Each attack is one function with its source beside it, a man page, a CVE or a paper. It acts on processes and files of this program
// only and does no harm when it succeeds.
//
// # What counts
//
// An attack is made without the sandbox first, as the module's user, as the caller, or in namespaces of its own where that keeps the
// host out of it. Only when it succeeded there does it count (attacks_total). Otherwise it is listed with what was found (attacks_na): the
// answer of the kernel, and the fact that explains it, read from the running kernel. Then it is made under a policy that
// is as wide open as it can be but for the layer that is to stop it, or under one that ships. It is blocked when the kernel's
// answer is exactly the expected one: an errno, or the signal that ended the process (attacks_blocked).
//
// An attack that names a second policy is also made under that one, which opens the layer: there it must succeed, inside of a
// sandbox. So the layer is proved to be the one that stopped it, and an attack that does not work at all inside of a sandbox is found.
//
// As root everything is done twice, as root and as an ordinary user without privileges. An attack counts once; it is blocked when it was in
// both runs, or in the one in which it could be made.
//
// # Limits
//
// The attacks show that known ways are closed, not that there are no others. What they find depends on the kernel: the table says on which.
// An attack is a process of a Go program with several threads; what must be done by one with a single thread is done by a child without
// the runtime, which makes prepared calls only.
//
//posixvet:exempt a part of tests: it tries what is forbidden
package main
