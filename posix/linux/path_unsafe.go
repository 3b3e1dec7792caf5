package linux

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// pathStack is the size of the stack buffer that a path is copied to, with its
// zero byte. Longer paths are copied to the heap.
const pathStack = 256

// cstring copies s, ended by a zero byte, into buf or else to the heap. A zero byte within s is EINVAL.
func cstring(buf *[pathStack]byte, s string) (*byte, unix.Errno) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, unix.EINVAL
	}
	if len(s) < len(buf) {
		copy(buf[:], s)
		return &buf[0], 0
	}
	p := make([]byte, len(s)+1)
	copy(p, s)
	return &p[0], 0
}

// The two functions below make a call whose first arguments are a directory and a path. The path lies on the stack, which is
// sound: a pointer converted to uintptr in the argument list of unix.Syscall6 keeps what it points to alive and in place
// until the call returns (unsafe.Pointer, rule 4), and the runtime moves no stack during a system call.

// atCall makes a call with plain arguments after the path.
func atCall(trap uintptr, dir posix.FD, path string, a3, a4, a5 uintptr) (uintptr, unix.Errno) {
	var buf [pathStack]byte
	p, errno := cstring(&buf, path)
	if errno != 0 {
		return 0, errno
	}
	r, _, errno := unix.Syscall6(trap, uintptr(dir), uintptr(unsafe.Pointer(p)), a3, a4, a5, 0)
	return r, errno
}

// atPointerCall makes a call with a pointer after the path.
func atPointerCall(trap uintptr, dir posix.FD, path string, a3 unsafe.Pointer, a4 uintptr) (uintptr, unix.Errno) {
	var buf [pathStack]byte
	p, errno := cstring(&buf, path)
	if errno != 0 {
		return 0, errno
	}
	r, _, errno := unix.Syscall6(trap, uintptr(dir), uintptr(unsafe.Pointer(p)), uintptr(a3), a4, 0, 0)
	return r, errno
}

// Openat2 implements [posix.Files].
func (k *Kernel) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	h := unix.OpenHow{Flags: how.Flags, Mode: how.Mode, Resolve: how.Resolve}
	fd, errno := atPointerCall(unix.SYS_OPENAT2, dir, path, unsafe.Pointer(&h), unsafe.Sizeof(h))
	if errno != 0 {
		return noFD, errno
	}
	return posix.FD(fd), nil
}

// Fstatat implements [posix.Files].
func (k *Kernel) Fstatat(dir posix.FD, path string, st *posix.Stat, flags int) error {
	var raw unix.Stat_t
	if _, errno := atPointerCall(unix.SYS_NEWFSTATAT, dir, path, unsafe.Pointer(&raw), uintptr(flags)); errno != 0 {
		return errno
	}
	*st = statOf(&raw)
	return nil
}

// Readlinkat implements [posix.Files].
func (k *Kernel) Readlinkat(dir posix.FD, path string, buf []byte) (int, error) {
	n, errno := atPointerCall(unix.SYS_READLINKAT, dir, path, unsafe.Pointer(unsafe.SliceData(buf)), uintptr(len(buf)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// Utimensat implements [posix.Files].
func (k *Kernel) Utimensat(u posix.Utimes) error {
	times := [2]unix.Timespec{rawTime(u.Atime), rawTime(u.Mtime)}
	_, errno := atPointerCall(unix.SYS_UTIMENSAT, u.Dir, u.Path, unsafe.Pointer(&times), uintptr(u.Flags))
	return result(errno)
}
