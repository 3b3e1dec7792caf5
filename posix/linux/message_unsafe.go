package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// message is a struct msghdr with what it points to; it lies on the stack of the method that makes the call.
//
// Its pointers are ordinary Go pointers to the caller's buffers and into the message itself: the garbage collector sees
// them, and a stack that grows before the call has them adjusted. The header's address is taken in the argument list
// of unix.Syscall, which keeps it in place until the call returns (unsafe.Pointer, rule 4); a stack is not
// moved during a system call, so what the header points to stays in place as well.
type message struct {
	header unix.Msghdr
	iov    unix.Iovec
	addr   rawSockaddr
}

func (m *message) fill(data, control []byte) {
	if len(data) > 0 {
		m.iov.Base = &data[0]
		m.iov.SetLen(len(data))
	}
	if len(control) > 0 {
		m.header.Control = &control[0]
		m.header.SetControllen(len(control))
	}
}

// Sendmsg implements [posix.Sockets].
func (k *Kernel) Sendmsg(fd posix.FD, m *posix.Msg, flags int) (int, error) {
	var msg message
	if m.Addr.Family != unix.AF_UNSPEC {
		scope, errno := scopeOf(fd, m.Addr)
		if errno != 0 {
			return 0, errno
		}
		n, errno := msg.addr.encode(m.Addr, scope)
		if errno != 0 {
			return 0, errno
		}
		msg.header.Name = &msg.addr[0]
		msg.header.Namelen = uint32(n)
	}
	msg.fill(m.Data, m.Control)
	msg.header.Iov = &msg.iov
	msg.header.SetIovlen(1)
	n, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg.header)), uintptr(flags))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// Recvmsg implements [posix.Sockets].
func (k *Kernel) Recvmsg(fd posix.FD, m *posix.Msg, flags int) (int, error) {
	var msg message
	msg.fill(m.Data, m.Control)
	msg.header.Iov = &msg.iov
	msg.header.SetIovlen(1)
	msg.header.Name = &msg.addr[0]
	msg.header.Namelen = uint32(len(msg.addr))
	n, _, errno := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg.header)), uintptr(flags))
	if errno != 0 {
		return 0, errno
	}
	m.Addr = msg.addr.decode(int(msg.header.Namelen))
	m.Flags = int(msg.header.Flags)
	m.ControlLen = int(msg.header.Controllen)
	return int(n), nil
}
