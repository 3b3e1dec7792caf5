// Package linux is the only package that makes system calls.
//
// [Kernel] implements posix.Core on Linux through golang.org/x/sys/unix, or
// with a raw call where that has no function, loses a part of the result,
// makes another call than the one in the method's directive, or allocates
// where we must not.
//
// Errors are bare errnos, never wrapped; boxing one does not allocate. Nothing is retried, nothing is turned into another
// value: EINTR and EAGAIN come back as what they are.
//
// # Allocations
//
// Read, Write, Pread, Close, Openat2, Fstat, Fstatat, Unlinkat, Fcntl, Accept4, Bind, Connect,
// Sendmsg, Recvmsg, EpollCtl, EpollWait, Ppoll, Waitid, PidfdSendSignal,
// ClockGettime and what else a test lists allocate nothing. Exceptions are paths of 256 bytes and more,
// addresses that come back with a path or a zone, and addresses given with the name of an interface as their zone.
//
// # Limits
//
// EpollWait reports at most 64 events at once, whatever the length of the slice; the rest stay ready.
//
// A zone of an IPv6 address that is the name of an interface, not a number, is looked up with an ioctl(2) on the same
// socket. Addresses that come back have numbers.
//
// A unix socket whose path begins with "@" comes back with "./" before it, so
// that it is not taken for a name in the abstract namespace.
//
// The path of a unix socket, and an abstract name with its "@", is at most 107 bytes long; a longer one is ENAMETOOLONG.
package linux
