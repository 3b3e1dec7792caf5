package listener

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Kernel is what opening a listener needs.
type Kernel interface {
	posix.Sockets
	posix.Files
}

// DefaultBacklog is the length of the accept queue when a policy does not say one; the kernel caps it at net.core.somaxconn.
const DefaultBacklog = 511

// Open opens a listener. The caller owns the descriptor, which is closed by an exec, and gives it back with [Close].
func Open(k Kernel, l policy.Listener) (posix.FD, error) {
	if l.Network == "unix" {
		return openUnix(k, l)
	}
	return openTCP(k, l)
}

func backlog(l policy.Listener) int {
	if l.Backlog.V > 0 {
		return l.Backlog.V
	}
	return DefaultBacklog
}

func openTCP(k Kernel, l policy.Listener) (posix.FD, error) {
	family := unix.AF_INET
	if l.Addr.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := k.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, fmt.Errorf("make a socket for %s: %w", l.Addr, err)
	}
	if err := bindTCP(k, fd, family, l); err != nil {
		return -1, errors.Join(err, k.Close(fd))
	}
	return fd, nil
}

func bindTCP(k Kernel, fd posix.FD, family int, l policy.Listener) error {
	if err := k.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("set SO_REUSEADDR: %w", err)
	}
	if family == unix.AF_INET6 {
		if err := k.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return fmt.Errorf("set IPV6_V6ONLY: %w", err)
		}
	}
	if err := k.Bind(fd, posix.Sockaddr{Family: uint16(family), Addr: l.Addr}); err != nil {
		return fmt.Errorf("bind %s: %w%s", l.Addr, bare(err), hintTCP(l, err))
	}
	if err := k.Listen(fd, backlog(l)); err != nil {
		return fmt.Errorf("listen on %s: %w%s", l.Addr, bare(err), hintTCP(l, err))
	}
	return nil
}

// bare takes the name of the operation off an error, where the message names it already.
func bare(err error) error {
	var errno posix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

func hintTCP(l policy.Listener, err error) string {
	switch {
	case errors.Is(err, posix.Errno(unix.EADDRINUSE)):
		return fmt.Sprintf(": another socket listens there; find it with `ss -ltnp sport = :%d`", l.Addr.Port())
	case errors.Is(err, posix.Errno(unix.EACCES)):
		return fmt.Sprintf(": port %d is privileged; run the supervisor as root, or lower net.ipv4.ip_unprivileged_port_start", l.Addr.Port())
	case errors.Is(err, posix.Errno(unix.EADDRNOTAVAIL)):
		return ": no interface of this host has that address"
	case errors.Is(err, posix.Errno(unix.EAFNOSUPPORT)):
		return ": this host has no such address family (IPv6 switched off?)"
	}
	return ""
}

// Close closes a listener. The path of a unix socket is removed when it is still ours.
func Close(k Kernel, fd posix.FD, l policy.Listener) error {
	var err error
	if l.Network == "unix" {
		err = removeUnix(k, fd, l.Path)
	}
	return errors.Join(err, k.Close(fd))
}
