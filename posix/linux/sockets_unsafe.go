package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Addresses, lengths and option values of the calls below lie on the stack. That is sound: a pointer converted to uintptr
// in the argument list of unix.Syscall or unix.Syscall6 keeps what it points to alive and in place until the call
// returns (unsafe.Pointer, rule 4). The sizes given are those of the variables, so the kernel does not write beyond them.

// Bind implements [posix.Sockets].
func (k *Kernel) Bind(fd posix.FD, addr posix.Sockaddr) error {
	return addressCall(unix.SYS_BIND, fd, addr)
}

// Connect implements [posix.Sockets].
func (k *Kernel) Connect(fd posix.FD, addr posix.Sockaddr) error {
	return addressCall(unix.SYS_CONNECT, fd, addr)
}

func addressCall(trap uintptr, fd posix.FD, addr posix.Sockaddr) error {
	scope, errno := scopeOf(fd, addr)
	if errno != 0 {
		return errno
	}
	var raw rawSockaddr
	n, errno := raw.encode(addr, scope)
	if errno != 0 {
		return errno
	}
	_, _, errno = unix.Syscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(n))
	return result(errno)
}

// Accept4 implements [posix.Sockets].
func (k *Kernel) Accept4(fd posix.FD, flags int) (posix.FD, posix.Sockaddr, error) {
	var raw rawSockaddr
	n := uint32(len(raw))
	conn, _, errno := unix.Syscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&n)), uintptr(flags), 0, 0)
	if errno != 0 {
		return noFD, posix.Sockaddr{}, errno
	}
	return posix.FD(conn), raw.decode(int(n)), nil
}

// Getsockname implements [posix.Sockets].
func (k *Kernel) Getsockname(fd posix.FD) (posix.Sockaddr, error) {
	return addressOfEnd(unix.SYS_GETSOCKNAME, fd)
}

// Getpeername implements [posix.Sockets].
func (k *Kernel) Getpeername(fd posix.FD) (posix.Sockaddr, error) {
	return addressOfEnd(unix.SYS_GETPEERNAME, fd)
}

func addressOfEnd(trap uintptr, fd posix.FD) (posix.Sockaddr, error) {
	var raw rawSockaddr
	n := uint32(len(raw))
	_, _, errno := unix.Syscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&n)))
	if errno != 0 {
		return posix.Sockaddr{}, errno
	}
	return raw.decode(int(n)), nil
}

// getsockopt fills value, of size bytes, with an option.
func getsockopt(fd posix.FD, level, option uintptr, value unsafe.Pointer, size uintptr) unix.Errno {
	n := uint32(size)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), level, option, uintptr(value), uintptr(unsafe.Pointer(&n)), 0)
	return errno
}

// GetsockoptUcred implements [posix.Sockets].
func (k *Kernel) GetsockoptUcred(fd posix.FD) (posix.Ucred, error) {
	var raw unix.Ucred
	if errno := getsockopt(fd, unix.SOL_SOCKET, unix.SO_PEERCRED, unsafe.Pointer(&raw), unsafe.Sizeof(raw)); errno != 0 {
		return posix.Ucred{}, errno
	}
	return posix.Ucred{PID: posix.PID(raw.Pid), UID: posix.UID(raw.Uid), GID: posix.GID(raw.Gid)}, nil
}

// GetsockoptTCPInfo implements [posix.Sockets].
func (k *Kernel) GetsockoptTCPInfo(fd posix.FD, info *posix.TCPInfo) error {
	var raw unix.TCPInfo
	if errno := getsockopt(fd, unix.IPPROTO_TCP, unix.TCP_INFO, unsafe.Pointer(&raw), unsafe.Sizeof(raw)); errno != 0 {
		return errno
	}
	*info = posix.TCPInfo{State: raw.State, Unacked: raw.Unacked, Sacked: raw.Sacked}
	return nil
}
