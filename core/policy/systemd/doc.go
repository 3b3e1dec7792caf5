// Package systemd writes the modules of a policy as units of systemd: a .service for each, and a .socket for its listeners.
//
//	units, notes := systemd.Export(p)
//
// What systemd has no directive for is in the notes, each with its place in the policy; nothing is left out without one.
//
// # Limits
//
// The package writes units and does not read them. systemd's filter has to let execve through, because it is loaded before the program is
// started. A unit runs one instance. An older systemd does not know the newest calls and leaves them
// out of its filter, with a warning.
package systemd
