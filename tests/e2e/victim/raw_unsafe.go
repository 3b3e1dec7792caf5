package victim

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Calls that package unix has no function for. The conversions to uintptr stand in the argument lists of the calls, where the
// compiler keeps what they point to alive: package unsafe, rule 4.

// rawExecve is execve(2) without an environment. The last argument is nil.
func rawExecve(path *byte, argv []*byte) unix.Errno {
	var env [1]*byte
	_, _, errno := unix.Syscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env)))
	return errno
}

// rawExecveat is execveat(2) with a sixth argument, which the kernel does not look at.
func rawExecveat(dir int, path *byte, argv []*byte, flags int, sixth uint64) unix.Errno {
	var env [1]*byte
	_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, uintptr(dir), uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])),
		uintptr(unsafe.Pointer(&env)), uintptr(flags), uintptr(sixth))
	return errno
}

// rawIOUringSetup makes a ring of one entry.
func rawIOUringSetup() (int, unix.Errno) {
	var params [120]byte // struct io_uring_params
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	return int(fd), errno
}

// rawFilter puts the thread under a seccomp filter.
func rawFilter(filter []unix.SockFilter) unix.Errno {
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	return errno
}

// rawCapset sets the own capabilities.
func rawCapset(header *unix.CapUserHeader, sets *[2]unix.CapUserData) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(&sets[0])), 0)
	return errno
}

// rawReadMemory reads a word of another process.
func rawReadMemory(pid int, address uintptr) unix.Errno {
	var word uint64
	local := unix.Iovec{Base: (*byte)(unsafe.Pointer(&word)), Len: 8}
	remote := unix.RemoteIovec{Base: address, Len: 8}
	_, _, errno := unix.Syscall6(unix.SYS_PROCESS_VM_READV, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1,
		uintptr(unsafe.Pointer(&remote)), 1, 0)
	return errno
}

// rawTypeAhead puts one character of a text into a terminal's input: TIOCSTI, ioctl_tty(2).
func rawTypeAhead(fd int, text string, at int) unix.Errno {
	c := text[at]
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCSTI, uintptr(unsafe.Pointer(&c)))
	return errno
}

// rawDisconnect connects a socket to the address family AF_UNSPEC: connect(2).
func rawDisconnect(fd int) unix.Errno {
	nowhere := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&nowhere)), unsafe.Sizeof(nowhere))
	return errno
}

// rawFork makes a child that waits to be killed, or that ends at once. The child of a process with several threads has only this one and must
// not enter the runtime, so it makes nothing but these calls.
//
//go:nosplit
//go:norace
func rawFork(flags uintptr, stay bool) (int, unix.Errno) {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return int(pid), errno
	}
	if stay {
		unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}

// rawMountApart makes a child in a user and a mount namespace of its own, which mounts a tmpfs there and ends with the errno as
// its status. As in rawFork the child must not enter the runtime; what it needs was made before.
//
//go:nosplit
//go:norace
func rawMountApart(kind, dir *byte) (int, unix.Errno) {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_NEWUSER|unix.CLONE_NEWNS|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return int(pid), errno
	}
	_, _, errno = unix.RawSyscall6(unix.SYS_MOUNT, uintptr(unsafe.Pointer(kind)), uintptr(unsafe.Pointer(dir)), uintptr(unsafe.Pointer(kind)), 0, 0, 0)
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(errno), 0, 0)
	}
}
