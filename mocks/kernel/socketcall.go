package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// maxBacklog is net.core.somaxconn.
const maxBacklog = 4096

// Bind implements [posix.Sockets].
func (p *Process) Bind(fd posix.FD, addr posix.Sockaddr) error {
	c, errno := p.enter(posix.OpBind, uint64(fd), 1, uint64(length(addr)))
	if errno == 0 {
		errno = p.withAddress(fd, addr, func(s socket, _ *file) posix.Errno {
			if errno := p.landlockAddress(s, addr, unix.LANDLOCK_ACCESS_NET_BIND_TCP); errno != 0 {
				return errno
			}
			return s.bind(p, addr)
		})
	}
	return c.leave(errno)
}

func (p *Process) withAddress(fd posix.FD, addr posix.Sockaddr, f func(socket, *file) posix.Errno) posix.Errno {
	if errno := encodable(addr); errno != 0 {
		return errno
	}
	if _, errno := scopeOf(addr); errno != 0 {
		return errno
	}
	s, file, errno := p.socketAt(fd)
	if errno != 0 {
		return errno
	}
	return f(s, file)
}

// Listen implements [posix.Sockets].
func (p *Process) Listen(fd posix.FD, backlog int) error {
	c, errno := p.enter(posix.OpListen, uint64(fd), uint64(backlog))
	if errno == 0 {
		var s socket
		if s, _, errno = p.socketAt(fd); errno == 0 {
			if uint32(backlog) > maxBacklog {
				backlog = maxBacklog
			}
			errno = s.listen(p, backlog)
		}
	}
	return c.leave(errno)
}

// Accept4 implements [posix.Sockets].
func (p *Process) Accept4(fd posix.FD, flags int) (posix.FD, posix.Sockaddr, error) {
	c, errno := p.enter(posix.OpAccept4, uint64(fd), 1, 1, uint64(flags))
	conn, addr := posix.FD(-1), posix.Sockaddr{}
	if errno == 0 {
		conn, addr, errno = p.accept(fd, uint32(flags))
	}
	return conn, addr, c.leave(errno)
}

func (p *Process) accept(fd posix.FD, flags uint32) (posix.FD, posix.Sockaddr, posix.Errno) {
	none := posix.Sockaddr{}
	f, errno := p.file(fd)
	switch {
	case errno != 0:
		return -1, none, errno
	case flags&^sockFlags != 0:
		return -1, none, einval
	case !p.room(1):
		return -1, none, emfile
	}
	s, ok := f.object.(socket)
	if !ok {
		return -1, none, enotsock
	}
	if p.k.files >= p.k.config.MaxFiles && !p.cred.has(capSysAdmin) {
		return -1, none, enfile
	}
	if errno := s.acceptable(); errno != 0 {
		return -1, none, errno
	}
	conn, errno := s.accept(p, f.nonblocking())
	if errno == eagain && !f.nonblocking() {
		p.pin(f)
		errno = p.blocking(false, "accept", func() (errno posix.Errno) {
			conn, errno = s.accept(p, false)
			return errno
		})
		p.unpin(f)
	}
	if errno != 0 {
		return -1, none, errno
	}
	peer, errno := conn.peerName()
	if errno != 0 {
		peer = none
	}
	// The inode is made by accept, whoever has made the connection. Source: sock_alloc() in net/socket.c.
	conn.base().node.uid, conn.base().node.gid = p.cred.uids.Effective, p.cred.gids.Effective
	made, errno := p.makeFD(conn, oRdwr|flags)
	if errno != 0 {
		return -1, none, errno
	}
	return made, peer, 0
}

// Connect implements [posix.Sockets].
func (p *Process) Connect(fd posix.FD, addr posix.Sockaddr) error {
	c, errno := p.enter(posix.OpConnect, uint64(fd), 1, uint64(length(addr)))
	if errno == 0 {
		errno = p.withAddress(fd, addr, func(s socket, f *file) posix.Errno { return p.connect(s, f, addr) })
	}
	return c.leave(errno)
}

func (p *Process) connect(s socket, f *file, addr posix.Sockaddr) posix.Errno {
	if errno := p.landlockAddress(s, addr, unix.LANDLOCK_ACCESS_NET_CONNECT_TCP); errno != 0 {
		return errno
	}
	nonblock := f.nonblocking()
	errno := s.connect(p, addr, nonblock, false)
	if errno != eagain || nonblock {
		return errno
	}
	p.pin(f)
	errno = p.blocking(false, "connect", func() posix.Errno { return s.connect(p, addr, false, true) })
	p.unpin(f)
	return errno
}

// Shutdown implements [posix.Sockets].
func (p *Process) Shutdown(fd posix.FD, how int) error {
	c, errno := p.enter(posix.OpShutdown, uint64(fd), uint64(how))
	if errno == 0 {
		var s socket
		if s, _, errno = p.socketAt(fd); errno == 0 {
			errno = s.shutdown(p, int(int32(how)))
		}
	}
	return c.leave(errno)
}

// Getsockname implements [posix.Sockets].
func (p *Process) Getsockname(fd posix.FD) (posix.Sockaddr, error) {
	c, errno := p.enter(posix.OpGetsockname, uint64(fd), 1, 1)
	var a posix.Sockaddr
	if errno == 0 {
		var s socket
		if s, _, errno = p.socketAt(fd); errno == 0 {
			a = s.name()
		}
	}
	return a, c.leave(errno)
}

// Getpeername implements [posix.Sockets].
func (p *Process) Getpeername(fd posix.FD) (posix.Sockaddr, error) {
	c, errno := p.enter(posix.OpGetpeername, uint64(fd), 1, 1)
	var a posix.Sockaddr
	if errno == 0 {
		var s socket
		if s, _, errno = p.socketAt(fd); errno == 0 {
			a, errno = s.peerName()
		}
	}
	return a, c.leave(errno)
}
