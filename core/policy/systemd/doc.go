// Package systemd writes the modules of a policy as units of systemd, a .service for each and a .socket for its listeners, and makes policies of
// units.
//
//	units, notes := systemd.Export(p, systemd.Options{})
//	yaml, notes, err := systemd.Import(files)
//
// What the other side has no word for is in the notes, each with its place; nothing is left out without one.
//
// # System calls
//
// systemd's filter is a list of names without arguments. A call with a condition is in it, and the unit is wider than the policy there. What some
// of systemd's directives say of arguments (RestrictAddressFamilies, RestrictNamespaces, MemoryDenyWriteExecute, LockPersonality, RestrictRealtime,
// RestrictSUIDSGID) takes a part of that back: each is written where what it denies is denied by the policy's decision function, too
// ([seccomp.Compare]), for every call and all arguments. So a program finds what the policy gives it, and a note stands at each rule of which the
// unit lets more through.
//
// With [Options].Strict it is the other way round: a directive is written only where it leaves exactly what the policy allows of the calls that it
// is about, calls with other conditions are left out, and no unit is wider than its policy but for execve.
//
// # Files
//
// A policy lists what a module sees. So a unit gets an empty root (TemporaryFileSystem=/) and what is bound into it. A unit that sees the host's root
// becomes a policy that lists the usual directories, with the access that ProtectSystem, ReadWritePaths and the others leave.
//
// # Limits
//
// Directives are those of systemd 252, and calls those of this machine's table. systemd's filter has to let execve through, because it is loaded
// before the program is started. A unit runs one instance. Calls that came after Linux 6.7 are left out, with a note: Debian 12's libseccomp has no
// names for them. With Strict, Type=notify stays where the socket to notify with is left out, as a note says: such a service is never ready.
// systemd compares all 64 bits of an address family, the policy and the kernel 32: a program that sets the upper ones gets an error. Drop-ins of
// the host that nobody names are not looked for; specifiers that depend on the host are not expanded. On i386 systemd does not restrict address
// families, and on other architectures than x86-64 namespaces; with more than one open, only SystemCallFilter is written.
package systemd
