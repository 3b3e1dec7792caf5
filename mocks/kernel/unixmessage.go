package kernel

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// outgoing is a message that is being sent.
type outgoing struct {
	data     []byte
	sent     int
	addr     posix.Sockaddr // AF_UNSPEC: none was given
	flags    int
	nonblock bool
	control  []byte
	files    []*file // held, until they have gone with the first byte
	cred     posix.Ucred
	named    bool           // cred was given by the sender
	signal   bool           // EPIPE comes with SIGPIPE
	target   *unixSocket    // where a datagram goes
	to       netip.AddrPort // the same, with UDP
}

// incoming is a message that is being received.
type incoming struct {
	data       []byte
	n          int // how much of data has been filled
	returns    int // what the call returns, when it is not n (MSG_TRUNC)
	flags      int
	nonblock   bool
	wantsFiles bool // somebody looks at them: recvmsg
	result     int  // MSG_TRUNC …
	addr       posix.Sockaddr
	files      []*file // held
	cred       posix.Ucred
	named      bool
	started    bool
}

func (m *incoming) peeks() bool { return m.flags&unix.MSG_PEEK != 0 }

// dropFiles lets go of the descriptors that nobody took.
func (m *incoming) dropFiles() {
	for _, f := range m.files {
		f.drop()
	}
	m.files = nil
}

func (m *outgoing) dropFiles() {
	for _, f := range m.files {
		f.drop()
	}
	m.files = nil
}

// prepare is the part of sendmsg before there is a buffer.
func (s *unixSocket) prepare(p *Process, m *outgoing) posix.Errno {
	if s.typ == unix.SOCK_SEQPACKET {
		if errno := s.takeError(); errno != 0 {
			return errno
		}
		if s.state != established {
			return enotconn
		}
		m.addr = posix.Sockaddr{}
	}
	if errno := p.parseUnixControl(m); errno != 0 {
		return errno
	}
	if m.flags&unix.MSG_OOB != 0 {
		return eopnotsupp
	}
	if s.typ == unix.SOCK_STREAM {
		return s.prepareStream(m)
	}
	return s.prepareDatagram(p, m)
}

func (s *unixSocket) prepareStream(m *outgoing) posix.Errno {
	switch {
	case m.addr.Family != unix.AF_UNSPEC && s.state == established:
		return eisconn
	case m.addr.Family != unix.AF_UNSPEC:
		return eopnotsupp
	case s.peer == nil:
		return enotconn
	case s.shut&shutWrite != 0:
		m.signal = true
		return epipe
	}
	return 0
}

// send adds packets to the peer's queue, while the buffer has room.
func (s *unixSocket) send(p *Process, m *outgoing) posix.Errno {
	if s.typ != unix.SOCK_STREAM {
		return s.sendDatagram(p, m)
	}
	for m.sent < len(m.data) {
		peer := s.peer
		if s.shut&shutWrite != 0 || peer == nil || peer.dead || peer.shut&shutRead != 0 {
			m.signal = m.sent == 0
			return epipe
		}
		if s.unwritable() {
			return eagain
		}
		size := min(len(m.data)-m.sent, int(s.options.sndbuf)>>1-64, skbMaxHead+skbMaxPages)
		pk := p.k.io.packet()
		pk.data = append(pk.data, m.data[m.sent:m.sent+size]...)
		m.sent += size
		s.charge(p, pk, streamCost(size), m, peer)
		peer.queue.push(pk)
		peer.q.notify(dataReady)
	}
	return 0
}

// charge fills a packet's rest in.
func (s *unixSocket) charge(p *Process, pk *packet, cost int, m *outgoing, to *unixSocket) {
	pk.cost, pk.from = cost, s
	s.wmem += cost
	pk.files = append(pk.files, m.files...)
	for _, f := range m.files {
		p.k.io.launch(f, to)
	}
	m.files = nil
	switch {
	case m.named:
		pk.cred, pk.named = m.cred, true
	case s.options.passcred || to.options.passcred || to.file == nil:
		pk.cred, pk.named = posix.Ucred{PID: p.pid, UID: p.cred.uids.Real, GID: p.cred.gids.Real}, true
	}
}

// consumed gives a packet's cost back, and forgets it with the descriptors that it still has.
func (s *unixSocket) consumed(pk *packet) {
	if from := pk.from; from != nil {
		from.wmem -= pk.cost
		if !from.dead && from.writable() {
			from.q.notify(writeSpace)
		}
	}
	for _, f := range pk.files {
		s.k.io.land(f)
		f.drop()
	}
	s.k.io.putPacket(pk)
}

// who says who sent a packet, to a receiver with SO_PASSCRED.
func (pk *packet) who() posix.Ucred {
	if pk.named {
		return pk.cred
	}
	return posix.Ucred{UID: overflowID, GID: overflowID}
}

func (s *unixSocket) receive(p *Process, m *incoming) posix.Errno {
	if s.typ != unix.SOCK_STREAM {
		return s.receiveDatagram(m)
	}
	if s.state != established {
		return einval
	}
	if m.flags&unix.MSG_OOB != 0 {
		return eopnotsupp
	}
	return s.receiveStream(m)
}

// receiveStream takes from as many packets as it can, but not across a change of sender or behind descriptors. Source: unix_stream_read_generic.
func (s *unixSocket) receiveStream(m *incoming) posix.Errno {
	target := 1
	if m.flags&unix.MSG_WAITALL != 0 {
		target = max(1, len(m.data))
	}
	pk := s.queue.first
	for pk != nil {
		if s.options.passcred {
			if m.started && m.cred != pk.who() {
				return 0
			}
			m.cred, m.named = pk.who(), true
		}
		m.started = true
		if m.n == 0 && pk.from != nil && pk.from.bound != nil {
			m.addr = pk.from.name()
		}
		n := copy(m.data[m.n:], pk.data[pk.at:])
		m.n += n
		hadFiles := len(pk.files) > 0
		s.takeFiles(pk, m)
		if m.peeks() {
			if hadFiles || m.n == len(m.data) {
				return 0
			}
			pk = pk.next
			continue
		}
		pk.at += n
		if pk.at < len(pk.data) {
			return 0
		}
		s.queue.shift()
		s.consumed(pk)
		if hadFiles || m.n == len(m.data) {
			return 0
		}
		pk = s.queue.first
	}
	if m.peeks() && m.started {
		return 0
	}
	if m.n >= target {
		return 0
	}
	if errno := s.err; errno != 0 && m.n == 0 {
		return s.takeError()
	}
	if s.shut&shutRead != 0 || m.started && len(m.data) == 0 {
		return 0
	}
	if m.n > 0 && (m.nonblock || target == 1) {
		return 0
	}
	return eagain
}

// takeFiles moves the descriptors of a packet to a message, or copies them to one that peeks.
func (s *unixSocket) takeFiles(pk *packet, m *incoming) {
	if len(pk.files) == 0 {
		return
	}
	if !m.peeks() {
		for _, f := range pk.files {
			s.k.io.land(f)
		}
		m.files = append(m.files, pk.files...)
		pk.files = pk.files[:0]
		return
	}
	for _, f := range pk.files {
		m.files = append(m.files, f.hold())
	}
}
