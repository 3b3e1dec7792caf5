// Package capability tells which system calls a capability serves: those that the kernel refuses without it, and those that it makes do
// more. It is the one table of that in the workbench: explain, audit and diff ask it.
//
//	for _, call := range capability.Of(unix.CAP_SYS_CHROOT).Only { … }
//
// # Limits
//
// The table goes by calls. That a capability counts in the user namespace of what a call works on, and not everywhere, it does not say. A
// call that does one thing without a capability and another with it is among Also, whatever the arguments are that need it.
package capability
