package listener

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	slow "github.com/bulkhead/bulkhead/posix/aside"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Kernel is what this package asks of a system.
type Kernel interface {
	posix.Files
	posix.Sockets
	Geteuid() posix.UID
	Ppoll(fds []posix.PollFD, timeout *posix.Timespec) (int, error)
}

// DefaultBacklog is used when the policy says none.
const DefaultBacklog = 511

// Socket is an open listening socket. Whoever has it owns the descriptor and, of a unix socket, the path. It is for one goroutine.
type Socket struct {
	FD       posix.FD
	Identity Identity
	Addr     netip.AddrPort // TCP and UDP: where it really is, which differs from the identity if that has port 0
	Backlog  int            // what was asked for; 0 with UDP
	dev, ino uint64         // of the path of a unix socket
	born     owner          // whom a unix socket belonged to when it was made
	listener policy.Listener
	aside    aside
	reserved bool
}

// Open opens the socket that l describes; it listens when Open returns. The caller closes it with [Socket.Close].
// errors.Is with the errno (EADDRINUSE, EACCES …) works on what it returns.
func Open(k Kernel, l policy.Listener) (*Socket, error) {
	s, err := Reserve(k, l)
	if err != nil {
		return nil, err
	}
	if err := s.Listen(k); err != nil {
		return nil, errors.Join(err, s.Close(k))
	}
	return s, nil
}

// Reserve binds the socket that l describes, with the owner and mode of a unix socket, and does not listen yet: everything that can be wrong
// with a listener shows, and no client gets through. [Socket.Listen] starts it; [Socket.Close] gives it up and leaves things as they were, so
// that a path has again what was there.
//
// Datagrams that arrive at a UDP socket wait from here on.
func Reserve(k Kernel, l policy.Listener) (*Socket, error) {
	s := &Socket{FD: -1, Identity: IdentityOf(l), Backlog: backlogOf(l), listener: l, reserved: true}
	bind := s.bindPort
	if s.Identity.Family == unix.AF_UNIX {
		bind = s.bindPath
	}
	if err := bind(k); err != nil {
		if s.FD >= 0 {
			err = errors.Join(err, k.Close(s.FD))
		}
		return nil, fmt.Errorf("listen on %s: %w", s.Identity, err)
	}
	return s, nil
}

func backlogOf(l policy.Listener) int {
	switch {
	case l.Network == "udp":
		return 0
	case l.Backlog.V <= 0:
		return DefaultBacklog
	}
	return l.Backlog.V
}

// Listen makes a reserved socket listen. A TCP port can still be taken by somebody who bound it before and listened since. After an error the
// caller closes the socket.
func (s *Socket) Listen(k Kernel) error {
	if s.Identity.Type == unix.SOCK_STREAM {
		if err := k.Listen(s.FD, s.Backlog); err != nil {
			return fmt.Errorf("listen on %s: %w", s.Identity, advise(s.Identity, "listen", err))
		}
	}
	s.reserved = false
	if err := s.aside.drop(k, s.Identity); err != nil {
		return fmt.Errorf("listen on %s: %w", s.Identity, err)
	}
	return nil
}

// bindPort makes a TCP or UDP socket and binds it.
func (s *Socket) bindPort(k Kernel) (err error) {
	id := s.Identity
	protocol := unix.IPPROTO_TCP
	if id.Type == unix.SOCK_DGRAM {
		protocol = unix.IPPROTO_UDP
	}
	if s.FD, err = k.Socket(int(id.Family), id.Type|unix.SOCK_CLOEXEC, protocol); err != nil {
		return advise(id, "make a socket", err)
	}
	if id.Type == unix.SOCK_STREAM { // with UDP it would let anybody share the port
		if err := k.SetsockoptInt(s.FD, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return advise(id, "set SO_REUSEADDR", err)
		}
	}
	if id.V6Only {
		if err := k.SetsockoptInt(s.FD, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return advise(id, "set IPV6_V6ONLY", err)
		}
	}
	if err := k.Bind(s.FD, posix.Sockaddr{Family: id.Family, Addr: id.Addr}); err != nil {
		return advise(id, "bind", err)
	}
	addr, err := k.Getsockname(s.FD)
	if err != nil {
		return advise(id, "ask for its address", err)
	}
	s.Addr = addr.Addr
	return nil
}

// Close closes the socket and removes the path of a unix socket, unless something else stands there by now. A reserved one gives the path
// back to what was there. Processes that were handed the socket keep it.
func (s *Socket) Close(k Kernel) error {
	var err error
	if s.Identity.Family == unix.AF_UNIX {
		err = s.removePath(k) // before the descriptor: it is what keeps the inode from becoming another file's
	}
	if closeErr := s.closeFD(k); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("close the socket: %w", posix.Answer(closeErr)))
	}
	s.FD = -1
	if err != nil {
		return fmt.Errorf("close the listener on %s: %w", s.Identity, err)
	}
	return nil
}

// closeFD closes the descriptor. The queue of a unix socket is closed with it, with all that clients have sent and nobody has accepted.
func (s *Socket) closeFD(k Kernel) error {
	if s.Identity.Family == unix.AF_UNIX {
		return slow.Close(k, s.FD)
	}
	return k.Close(s.FD)
}
