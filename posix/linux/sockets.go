package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Socket implements [posix.Sockets].
func (k *Kernel) Socket(family, typ, protocol int) (posix.FD, error) {
	return descriptor(unix.Socket(family, typ, protocol))
}

// Socketpair implements [posix.Sockets].
func (k *Kernel) Socketpair(family, typ, protocol int) (a, b posix.FD, err error) {
	p, err := unix.Socketpair(family, typ, protocol)
	if err != nil {
		return noFD, noFD, err
	}
	return posix.FD(p[0]), posix.FD(p[1]), nil
}

// Listen implements [posix.Sockets].
func (k *Kernel) Listen(fd posix.FD, backlog int) error { return unix.Listen(int(fd), backlog) }

// Shutdown implements [posix.Sockets].
func (k *Kernel) Shutdown(fd posix.FD, how int) error { return unix.Shutdown(int(fd), how) }

// SetsockoptInt implements [posix.Sockets].
func (k *Kernel) SetsockoptInt(fd posix.FD, level, option, value int) error {
	return unix.SetsockoptInt(int(fd), level, option, value)
}

// GetsockoptInt implements [posix.Sockets].
func (k *Kernel) GetsockoptInt(fd posix.FD, level, option int) (int, error) {
	return count(unix.GetsockoptInt(int(fd), level, option))
}
