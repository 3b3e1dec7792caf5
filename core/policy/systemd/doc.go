// Package systemd writes the modules of a policy as units of systemd, a .service for each and a .socket for its listeners, and makes policies of
// units.
//
//	units, notes := systemd.Export(p)
//	yaml, notes, err := systemd.Import(files)
//
// What the other side has no word for is in the notes, each with its place; nothing is left out without one.
//
// # System calls
//
// systemd's filter is a list of names without arguments. What some of its directives say of arguments (RestrictAddressFamilies, RestrictNamespaces,
// MemoryDenyWriteExecute, LockPersonality, RestrictRealtime, RestrictSUIDSGID) are conditions in a policy, and the export writes a directive where
// the
// policy's condition on a call is the same function of the arguments ([seccomp.Compare]) and nothing else is taken away by it. Calls with other
// conditions are not allowed in the unit: it is narrower, and a note says so.
//
// # Files
//
// A policy lists what a module sees. So a unit gets an empty root (TemporaryFileSystem=/) and what is bound into it. A unit that sees the host's root
// becomes a policy that lists the usual directories, with the access that ProtectSystem, ReadWritePaths and the others leave.
//
// # Limits
//
// Directives are those of systemd 252, and calls those of this machine's table. systemd's filter has to let execve through, because it is loaded
// before the program is started. A unit runs one instance. An older systemd does not know the newest calls and leaves them out of its filter, with a
// warning. Drop-ins of the host that nobody names are not looked for; specifiers that depend on the host are not expanded. On i386 systemd does not
// restrict address families, and on other architectures than x86-64 namespaces; with more than one open, only SystemCallFilter is written.
package systemd
