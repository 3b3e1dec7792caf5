package listener

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Kernel is what this package asks of a system.
type Kernel interface {
	posix.Files
	posix.Sockets
	Geteuid() posix.UID
}

// DefaultBacklog is used when the policy says none.
const DefaultBacklog = 511

// Socket is an open listening socket. Whoever has it owns the descriptor and, of a unix socket, the path.
type Socket struct {
	FD       posix.FD
	Identity Identity
	Addr     netip.AddrPort // TCP: where it really listens, which differs from the identity if that has port 0
	Backlog  int
	dev, ino uint64 // of the path of a unix socket
}

// Open opens the socket that l describes; it listens when Open returns. The caller closes it with [Socket.Close].
// errors.Is with the errno (EADDRINUSE, EACCES …) works on what it returns.
func Open(k Kernel, l policy.Listener) (*Socket, error) {
	s := &Socket{FD: -1, Identity: IdentityOf(l), Backlog: l.Backlog.V}
	if s.Backlog <= 0 {
		s.Backlog = DefaultBacklog
	}
	open := s.openTCP
	if s.Identity.Family == unix.AF_UNIX {
		open = func(k Kernel) error { return s.openUnix(k, l) }
	}
	if err := open(k); err != nil {
		if s.FD >= 0 {
			err = errors.Join(err, k.Close(s.FD))
		}
		return nil, fmt.Errorf("listen on %s: %w", s.Identity, err)
	}
	return s, nil
}

func (s *Socket) openTCP(k Kernel) (err error) {
	id := s.Identity
	if s.FD, err = k.Socket(int(id.Family), id.Type|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP); err != nil {
		return advise(id, "make a socket", err)
	}
	if err := k.SetsockoptInt(s.FD, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return advise(s.Identity, "set SO_REUSEADDR", err)
	}
	if id.V6Only {
		if err := k.SetsockoptInt(s.FD, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return advise(s.Identity, "set IPV6_V6ONLY", err)
		}
	}
	if err := k.Bind(s.FD, posix.Sockaddr{Family: id.Family, Addr: id.Addr}); err != nil {
		return advise(id, "bind", err)
	}
	// With SO_REUSEADDR two sockets can be bound; that another one listens shows here.
	if err := k.Listen(s.FD, s.Backlog); err != nil {
		return advise(id, "listen", err)
	}
	addr, err := k.Getsockname(s.FD)
	if err != nil {
		return advise(s.Identity, "ask for its address", err)
	}
	s.Addr = addr.Addr
	return nil
}

// Close closes the socket and removes the path of a unix socket, unless something else stands there by now.
// Processes that were handed the socket keep it.
func (s *Socket) Close(k Kernel) error {
	var err error
	if s.Identity.Family == unix.AF_UNIX {
		err = s.removePath(k) // before the descriptor: it is what keeps the inode from becoming another file's
	}
	if closeErr := k.Close(s.FD); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("close the socket: %w", answer(closeErr)))
	}
	s.FD = -1
	if err != nil {
		return fmt.Errorf("close the listener on %s: %w", s.Identity, err)
	}
	return nil
}
