package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// prepareDatagram finds the target. Source: unix_dgram_sendmsg.
func (s *unixSocket) prepareDatagram(p *Process, m *outgoing) posix.Errno {
	if m.addr.Family != unix.AF_UNSPEC {
		if errno := checkUnix(m.addr); errno != 0 {
			return errno
		}
		other, errno := p.findUnix(m.addr, s.typ)
		if len(m.data) > int(s.options.sndbuf)-32 {
			return emsgsize
		}
		if s.shut&shutWrite != 0 { // asked when there is a buffer, and only then who receives it
			return epipe
		}
		if errno != 0 {
			return errno
		}
		m.target = other
	} else {
		if len(m.data) > int(s.options.sndbuf)-32 {
			return emsgsize
		}
		if s.peer == nil && s.shut&shutWrite != 0 {
			return epipe
		}
		if s.peer == nil {
			return enotconn
		}
		m.target = s.peer
	}
	if s.options.passcred {
		_ = s.autobind(p)
	}
	return 0
}

func (s *unixSocket) sendDatagram(p *Process, m *outgoing) posix.Errno {
	if errno := s.takeError(); errno != 0 {
		return errno
	}
	if s.shut&shutWrite != 0 {
		m.signal = s.typ == unix.SOCK_SEQPACKET
		return epipe
	}
	if s.unwritable() {
		return eagain
	}
	to := m.target
	switch {
	case !maySend(s, to):
		return eperm
	case to.dead:
		if s.peer == to && s.typ == unix.SOCK_DGRAM {
			s.disconnect(nil)
			s.state = unconnected
		}
		return econnrefused
	case to.shut&shutRead != 0:
		m.signal = s.typ == unix.SOCK_SEQPACKET
		return epipe
	case to != s && to.peer != s && to.queue.count > to.backlog:
		return eagain
	}
	pk := p.k.io.packet()
	pk.data = append(pk.data, m.data...)
	s.charge(p, pk, datagramCost(len(m.data)), m, to)
	to.queue.push(pk)
	to.q.notify(dataReady)
	m.sent = len(m.data)
	return 0
}

// receiveDatagram takes one; what does not fit is lost. Source: unix_dgram_recvmsg.
func (s *unixSocket) receiveDatagram(m *incoming) posix.Errno {
	if s.typ == unix.SOCK_SEQPACKET && s.state != established {
		return enotconn
	}
	if m.flags&unix.MSG_OOB != 0 {
		return eopnotsupp
	}
	if errno := s.takeError(); errno != 0 {
		return errno
	}
	pk := s.queue.first
	if pk == nil {
		if s.shut&shutRead != 0 && (!m.nonblock || s.typ == unix.SOCK_SEQPACKET) {
			return 0
		}
		return eagain
	}
	m.n = copy(m.data, pk.data)
	if m.n < len(pk.data) {
		m.result |= unix.MSG_TRUNC
	}
	if m.flags&unix.MSG_TRUNC != 0 {
		m.returns = len(pk.data)
	}
	if pk.from.bound != nil { // what it is called now, not when it was sent
		m.addr = pk.from.name()
	}
	if s.options.passcred {
		m.cred, m.named = pk.who(), true
	}
	s.takeFiles(pk, m)
	if m.peeks() {
		return 0
	}
	s.queue.shift()
	s.consumed(pk)
	if s.typ == unix.SOCK_DGRAM && s.queue.count == s.backlog {
		s.roomForDatagrams()
	}
	return 0
}

// roomForDatagrams wakes those that watch sockets connected to this one, which could not send.
func (s *unixSocket) roomForDatagrams() {
	for _, other := range s.senders {
		other.q.notify(writeSpace)
	}
}
