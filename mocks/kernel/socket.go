package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// socket is the object of a socket, of whatever family. None of its methods waits; those that may be asked again answer EAGAIN.
type socket interface {
	object
	base() *sockBase
	bind(p *Process, a posix.Sockaddr) posix.Errno
	listen(p *Process, backlog int) posix.Errno
	// acceptable tells whether accept could ever return something: EINVAL or EOPNOTSUPP when not.
	acceptable() posix.Errno
	// accept returns a connection whose description has not been made yet.
	accept(p *Process, nonblock bool) (socket, posix.Errno)
	// connect is called again, with again set, until it does not answer EAGAIN; with nonblock it answers what it is to be.
	connect(p *Process, a posix.Sockaddr, nonblock, again bool) posix.Errno
	shutdown(p *Process, how int) posix.Errno
	// prepare looks at a message that is going to be sent: what is wrong with it whether or not there is room.
	prepare(p *Process, m *outgoing) posix.Errno
	// send takes as much as there is room for, and counts it in m.sent.
	send(p *Process, m *outgoing) posix.Errno
	// receive puts what is there into m, and counts it in m.n. It is called again, while it answers EAGAIN.
	receive(p *Process, m *incoming) posix.Errno
	name() posix.Sockaddr
	peerName() (posix.Sockaddr, posix.Errno)
	setOption(p *Process, level, option int, value int32) posix.Errno
	option(p *Process, level, option int) (int32, posix.Errno)
}

// sockBase is what all sockets have.
type sockBase struct {
	k        *Kernel
	node     *inode
	family   int
	typ      int
	protocol int
	q        waitq
	err      posix.Errno // what the next call is told: SO_ERROR
	shut     uint8       // shutRead, shutWrite
	options  sockOptions
	wmem     int // what has been sent and not received, with what it costs
	cred     posix.Ucred
	listens  bool // SO_ACCEPTCONN
	boundTo  bool // it has a local port
}

const (
	shutRead  uint8 = 1
	shutWrite uint8 = 2
	shutBoth        = shutRead | shutWrite
)

// The events that wake a poller. Source: net/core/sock.c, sock_def_readable, sock_def_write_space.
const (
	dataReady  uint32 = unix.EPOLLIN | unix.EPOLLPRI | unix.EPOLLRDNORM | unix.EPOLLRDBAND
	writeSpace uint32 = unix.EPOLLOUT | unix.EPOLLWRNORM | unix.EPOLLWRBAND
	readMask   uint32 = unix.EPOLLIN | unix.EPOLLRDNORM
)

func (s *sockBase) base() *sockBase            { return s }
func (s *sockBase) gradual()                   {}
func (s *sockBase) pollable() bool             { return true }
func (s *sockBase) changes() uint64            { return 0 }
func (s *sockBase) queues(*file) (a, b *waitq) { return &s.q, nil }
func (s *sockBase) stateChanged()              { s.q.notify(0) }
func (s *sockBase) unwritable() bool           { return s.wmem >= int(s.options.sndbuf) }
func (s *sockBase) datagrams() bool            { return s.typ == unix.SOCK_DGRAM }
func (s *sockBase) stat(_ *file, st *posix.Stat) posix.Errno {
	fillStat(s.node, st)
	return 0
}

// takeError returns the pending error and clears it.
func (s *sockBase) takeError() posix.Errno {
	errno := s.err
	s.err = 0
	return errno
}

// newBase is a socket of the caller's.
func (p *Process) newBase(family, typ, protocol int) sockBase {
	return sockBase{
		k: p.k, family: family, typ: typ, protocol: protocol, options: defaultOptions(),
		node: p.k.io.sockfs.newNode(unix.S_IFSOCK|0o777, p.cred.uids.Effective, p.cred.gids.Effective, posix.Timespec{}),
	}
}

const (
	sockTypes = 11 // SOCK_MAX
	families  = 46 // NPROTO
	sockMask  = 0xf
	sockFlags = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
)

// Socket implements [posix.Sockets].
func (p *Process) Socket(family, typ, protocol int) (posix.FD, error) {
	c, errno := p.enter(posix.OpSocket, uint64(family), uint64(typ), uint64(protocol))
	fd := posix.FD(-1)
	if errno == 0 {
		fd, errno = p.socket(int(int32(family)), int(int32(typ)), int(int32(protocol)))
	}
	return fd, c.leave(errno)
}

func (p *Process) socket(family, typ, protocol int) (posix.FD, posix.Errno) {
	if typ&^sockMask&^sockFlags != 0 {
		return -1, einval
	}
	s, errno := p.makeSocket(family, typ&sockMask, protocol)
	if errno != 0 {
		return -1, errno
	}
	return p.makeFD(s, oRdwr|uint32(typ&sockFlags))
}

func (p *Process) makeSocket(family, typ, protocol int) (socket, posix.Errno) {
	switch {
	case family < 0 || family >= families:
		return nil, eafnosupport
	case typ >= sockTypes:
		return nil, einval
	case family == unix.AF_UNIX:
		return p.newUnix(typ, protocol)
	case family == unix.AF_INET || family == unix.AF_INET6:
		return p.newInet(family, typ, protocol)
	}
	return nil, eafnosupport
}

// Socketpair implements [posix.Sockets].
func (p *Process) Socketpair(family, typ, protocol int) (a, b posix.FD, err error) {
	c, errno := p.enter(posix.OpSocketpair, uint64(family), uint64(typ), uint64(protocol), 1)
	a, b = -1, -1
	if errno == 0 {
		a, b, errno = p.socketpair(int(int32(family)), int(int32(typ)), int(int32(protocol)))
	}
	return a, b, c.leave(errno)
}

func (p *Process) socketpair(family, typ, protocol int) (a, b posix.FD, errno posix.Errno) {
	if typ&^sockMask&^sockFlags != 0 {
		return -1, -1, einval
	}
	if !p.room(2) {
		return -1, -1, emfile
	}
	one, errno := p.makeSocket(family, typ&sockMask, protocol)
	if errno != 0 {
		return -1, -1, errno
	}
	first, ok := one.(*unixSocket)
	if !ok {
		return -1, -1, eopnotsupp
	}
	two, errno := p.makeSocket(family, typ&sockMask, protocol)
	if errno != 0 {
		return -1, -1, errno
	}
	first.pair(p, two.(*unixSocket))
	flags := oRdwr | uint32(typ&sockFlags)
	if a, errno = p.makeFD(one, flags); errno != 0 {
		return -1, -1, errno
	}
	if b, errno = p.makeFD(two, flags); errno != 0 {
		p.fds.remove(a)
		return -1, -1, errno
	}
	return a, b, 0
}

// room tells whether n descriptors could be made.
func (p *Process) room(n int) bool {
	limit := int(min(p.limits[rlimitNofile].Soft, 1<<30))
	for at := p.fds.free; n > 0; at++ {
		if at >= limit {
			return false
		}
		if at >= len(p.fds.slots) || p.fds.slots[at].file == nil {
			n--
		}
	}
	return true
}

// socketAt returns the socket that a descriptor stands for.
func (p *Process) socketAt(fd posix.FD) (socket, *file, posix.Errno) {
	f, errno := p.file(fd)
	if errno != 0 {
		return nil, nil, errno
	}
	s, ok := f.object.(socket)
	if !ok {
		return nil, nil, enotsock
	}
	return s, f, 0
}
