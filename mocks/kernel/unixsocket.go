package kernel

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// unixSocket is a socket of AF_UNIX. Source: net/unix/af_unix.c, whose order of checks this keeps.
type unixSocket struct {
	sockBase
	state   sockState
	peer    *unixSocket
	bound   *unixName
	queue   packets // what has arrived; of a listening socket, connections
	backlog int
	file    *file         // its description, once it has one
	dead    bool          // it has been closed
	senders []*unixSocket // datagram sockets that are connected to it
}

type sockState uint8

const (
	unconnected sockState = iota
	established
	listening
	connecting // TCP
)

// unixName is what a socket is bound to. Connections that it has accepted share it.
type unixName struct {
	path string // as getsockname shows it
	node *inode // of a path
	net  *netNS // of an abstract name
}

// unixKey is under what abstract names are known: those of different types do not meet.
type unixKey struct {
	net  *netNS
	typ  int
	name string
}

// maxDatagrams is net.unix.max_dgram_qlen.
const maxDatagrams = 10

func (p *Process) newUnix(typ, protocol int) (socket, posix.Errno) {
	if protocol != 0 && protocol != unix.AF_UNIX {
		return nil, eprotonosupport
	}
	switch typ {
	case unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_SEQPACKET:
	case unix.SOCK_RAW:
		typ = unix.SOCK_DGRAM
	default:
		return nil, esocktnosupport
	}
	return &unixSocket{sockBase: p.newBase(unix.AF_UNIX, typ, 0), backlog: maxDatagrams}, 0
}

func (s *unixSocket) pair(p *Process, t *unixSocket) {
	s.peer, t.peer = t, s
	s.state, t.state = established, established
	s.cred, t.cred = p.ucred(), p.ucred()
}

// ucred is who a process is to the other end of a connection.
func (p *Process) ucred() posix.Ucred {
	return posix.Ucred{PID: p.pid, UID: p.cred.uids.Effective, GID: p.cred.gids.Effective}
}

func (s *unixSocket) read(p *Process, f *file, b []byte) (int, posix.Errno) {
	return readSocket(s, p, f, b)
}

func (s *unixSocket) write(p *Process, f *file, b []byte) (int, posix.Errno) {
	return writeSocket(s, p, f, b)
}

func (s *unixSocket) name() posix.Sockaddr {
	a := posix.Sockaddr{Family: unix.AF_UNIX}
	if s.bound != nil {
		a.Path = s.bound.path
	}
	return a
}

func (s *unixSocket) peerName() (posix.Sockaddr, posix.Errno) {
	if s.peer == nil {
		return posix.Sockaddr{}, enotconn
	}
	return s.peer.name(), 0
}

func (s *unixSocket) bind(p *Process, a posix.Sockaddr) posix.Errno {
	switch {
	case a.Family == unix.AF_UNIX && a.Path == "":
		return s.autobind(p)
	case a.Family != unix.AF_UNIX:
		return einval
	case !abstract(a.Path):
		return s.bindPath(p, a.Path)
	case s.bound != nil:
		return einval
	}
	key := unixKey{p.ns.net, s.typ, a.Path}
	if p.k.io.abstract[key] != nil {
		return eaddrinuse
	}
	p.k.io.abstract[key] = s
	s.bound = &unixName{path: a.Path, net: key.net}
	return 0
}

// autobind gives an abstract name of five hexadecimal digits.
func (s *unixSocket) autobind(p *Process) posix.Errno {
	if s.bound != nil {
		return 0
	}
	for at := p.k.rng.Uint32N(1 << 20); ; at = (at + 1) % (1 << 20) {
		key := unixKey{p.ns.net, s.typ, fmt.Sprintf("@%05x", at)}
		if p.k.io.abstract[key] == nil {
			p.k.io.abstract[key] = s
			s.bound = &unixName{path: key.name, net: key.net}
			return 0
		}
	}
}

// findUnix returns the socket at an address, which must be of the type.
func (p *Process) findUnix(a posix.Sockaddr, typ int) (*unixSocket, posix.Errno) {
	if abstract(a.Path) {
		if s := p.k.io.abstract[unixKey{p.ns.net, typ, a.Path}]; s != nil {
			return s, 0
		}
		return nil, econnrefused
	}
	s, errno := p.socketOfPath(a.Path)
	if errno != 0 {
		return nil, errno
	}
	if s.typ != typ {
		return nil, eprototype
	}
	return s, 0
}

// checkUnix is unix_validate_addr.
func checkUnix(a posix.Sockaddr) posix.Errno {
	if a.Family != unix.AF_UNIX || a.Path == "" {
		return einval
	}
	return 0
}

func (s *unixSocket) listen(p *Process, backlog int) posix.Errno {
	switch {
	case s.typ == unix.SOCK_DGRAM:
		return eopnotsupp
	case s.bound == nil, s.state == established:
		return einval
	}
	s.backlog = backlog
	s.state, s.listens = listening, true
	s.cred = p.ucred()
	return 0
}

func (s *unixSocket) acceptable() posix.Errno {
	switch {
	case s.typ == unix.SOCK_DGRAM:
		return eopnotsupp
	case s.state != listening:
		return einval
	}
	return 0
}

func (s *unixSocket) accept(_ *Process, nonblock bool) (socket, posix.Errno) {
	if s.queue.first == nil {
		if s.shut&shutRead != 0 && !nonblock {
			return nil, einval
		}
		return nil, eagain
	}
	pk := s.queue.first
	s.queue.shift()
	conn := pk.conn
	s.k.io.putPacket(pk)
	return conn, 0
}

func (s *unixSocket) connect(p *Process, a posix.Sockaddr, nonblock, again bool) posix.Errno {
	if s.typ == unix.SOCK_DGRAM {
		return s.connectDatagrams(p, a)
	}
	if errno := checkUnix(a); errno != 0 {
		return errno
	}
	if s.options.passcred {
		_ = s.autobind(p)
	}
	other, errno := p.findUnix(a, s.typ)
	switch {
	case errno != 0:
		return errno
	case other.state != listening || other.shut&shutRead != 0:
		return econnrefused
	case other.queue.count > other.backlog:
		return eagain
	case s.state == established:
		return eisconn
	case s.state != unconnected:
		return einval
	}
	conn := &unixSocket{sockBase: p.newBase(unix.AF_UNIX, s.typ, 0), state: established, peer: s, bound: other.bound, backlog: maxDatagrams}
	conn.options.passcred = other.options.passcred
	conn.cred = p.ucred()
	s.peer, s.state, s.cred = conn, established, other.cred
	pk := p.k.io.packet()
	pk.conn = conn
	other.queue.push(pk)
	other.q.notify(dataReady)
	return 0
}

func (s *unixSocket) connectDatagrams(p *Process, a posix.Sockaddr) posix.Errno {
	if a.Family == unix.AF_UNSPEC {
		s.disconnect(nil)
		s.state = unconnected
		return 0
	}
	if errno := checkUnix(a); errno != 0 {
		return errno
	}
	if s.options.passcred {
		_ = s.autobind(p)
	}
	other, errno := p.findUnix(a, s.typ)
	if errno != 0 {
		return errno
	}
	if !maySend(s, other) {
		return eperm
	}
	s.disconnect(other)
	s.peer = other
	other.senders = append(other.senders, s)
	s.state = established
	return 0
}

// maySend: a datagram socket that is connected hears only its peer.
func maySend(s, other *unixSocket) bool { return other.peer == nil || other.peer == s }

// disconnect ends a datagram socket's association, unless it is with next. What waited is lost.
func (s *unixSocket) disconnect(next *unixSocket) {
	old := s.peer
	s.peer = nil
	if old != nil {
		old.senders = slices.DeleteFunc(old.senders, func(t *unixSocket) bool { return t == s })
	}
	if old == nil || old == next {
		return
	}
	if s.queue.first != nil {
		s.purge()
		if !old.dead && old.peer == s {
			old.err = econnreset
			old.q.notify(unix.EPOLLERR)
		}
	}
}

func (s *unixSocket) shutdown(_ *Process, how int) posix.Errno {
	if how < unix.SHUT_RD || how > unix.SHUT_RDWR {
		return einval
	}
	mode := uint8(how + 1)
	s.shut |= mode
	if s.peer != nil && s.typ != unix.SOCK_DGRAM {
		s.peer.shut |= mode>>1&shutRead | mode<<1&shutWrite
		s.peer.stateChanged()
	}
	s.stateChanged()
	return 0
}

// writable is unix_writable: a quarter of the buffer is in use at most.
func (s *unixSocket) writable() bool {
	return s.state != listening && s.wmem<<2 <= int(s.options.sndbuf)
}

func (s *unixSocket) events(*file) uint32 {
	var mask uint32
	if s.err != 0 {
		mask |= unix.EPOLLERR
	}
	if s.shut == shutBoth {
		mask |= unix.EPOLLHUP
	}
	if s.shut&shutRead != 0 {
		mask |= unix.EPOLLRDHUP | readMask
	}
	if s.queue.first != nil {
		mask |= readMask
	}
	if s.typ != unix.SOCK_DGRAM && s.state == unconnected {
		mask |= unix.EPOLLHUP
	}
	if s.writable() && !s.peerFull() {
		mask |= writeSpace
	}
	return mask
}

// peerFull: datagrams for a peer that is not connected to this socket have to wait.
func (s *unixSocket) peerFull() bool {
	return s.typ == unix.SOCK_DGRAM && s.peer != nil && s.peer.peer != s && s.peer.queue.count > s.peer.backlog
}

func (s *unixSocket) release(*file) {
	s.closed(false)
	s.k.io.collect()
}

// closed is unix_release_sock. embryo: it was never accepted.
func (s *unixSocket) closed(embryo bool) {
	s.dead = true
	s.unbind()
	peer := s.peer
	if peer != nil && s.typ != unix.SOCK_DGRAM {
		peer.shut = shutBoth
		if s.queue.first != nil || embryo {
			peer.err = econnreset
		}
		peer.stateChanged()
	}
	s.shut = shutBoth
	s.purge()
	if peer != nil {
		peer.senders = slices.DeleteFunc(peer.senders, func(t *unixSocket) bool { return t == s })
	}
	s.peer = nil
	s.state = unconnected
}

// purge throws away what has arrived.
func (s *unixSocket) purge() {
	for s.queue.first != nil {
		pk := s.queue.first
		s.queue.shift()
		if pk.conn != nil {
			pk.conn.closed(true)
		}
		s.consumed(pk)
	}
}
