package posix

import "syscall"

// Errno is an error number of the kernel. It is the standard library's type, so
// errors.Is with the sentinels of io/fs works on it.
type Errno = syscall.Errno

// FD is a file descriptor. Negative values are invalid, except [AtFDCWD].
type FD int32

// AtFDCWD stands for the current directory in the calls that take a directory.
const AtFDCWD FD = -100

// PID is a process number as seen in the caller's pid namespace.
type PID int32

// UID is a user number as seen in the caller's user namespace.
type UID uint32

// GID is a group number as seen in the caller's user namespace.
type GID uint32

// Signal is a signal number. It is the standard library's type, so its String
// method and os/signal work with it.
type Signal = syscall.Signal

// Timespec is a time or a duration: seconds and nanoseconds (0 to 999,999,999).
type Timespec struct {
	Sec  int64
	Nsec int64
}
