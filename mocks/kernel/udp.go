package kernel

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// udpSocket is a socket of UDP. Source: net/ipv4/udp.c.
type udpSocket struct {
	inetSocket
	queue  packets
	rmem   int  // what the queue costs
	joined bool // it is connected, be it to port 0
}

const maxUDP = 65507 // bytes in a datagram

func (u *udpSocket) read(p *Process, f *file, b []byte) (int, posix.Errno) {
	return readSocket(u, p, f, b)
}
func (u *udpSocket) write(p *Process, f *file, b []byte) (int, posix.Errno) {
	return writeSocket(u, p, f, b)
}

func (u *udpSocket) listen(*Process, int) posix.Errno            { return eopnotsupp }
func (u *udpSocket) acceptable() posix.Errno                     { return eopnotsupp }
func (u *udpSocket) accept(*Process, bool) (socket, posix.Errno) { return nil, eopnotsupp }

func (u *udpSocket) peerName() (posix.Sockaddr, posix.Errno) {
	if u.remote.Port() == 0 {
		return posix.Sockaddr{}, enotconn
	}
	return u.sockaddr(u.remote), 0
}

func (u *udpSocket) connect(p *Process, a posix.Sockaddr, _, _ bool) posix.Errno {
	if a.Family == unix.AF_UNSPEC {
		u.remote, u.joined = netip.AddrPort{}, false
		u.unbind()
		return 0
	}
	if !u.boundTo && !u.autobind(u.any()) {
		return eagain
	}
	to, errno := u.address(a)
	if errno != 0 {
		return errno
	}
	u.remote, u.joined = to, true
	if u.local.Addr().IsUnspecified() {
		u.local = netip.AddrPortFrom(u.source(to.Addr()), u.local.Port())
	}
	return 0
}

// address checks the destination of connect and sendmsg.
func (u *udpSocket) address(a posix.Sockaddr) (netip.AddrPort, posix.Errno) {
	switch {
	case length(a) < unix.SizeofSockaddrInet4:
		return netip.AddrPort{}, einval
	case a.Family == unix.AF_INET && (!u.v6() || !u.options.v6only), a.Family == unix.AF_INET6 && u.v6():
		return u.target(a)
	}
	return netip.AddrPort{}, eafnosupport
}

func (u *udpSocket) shutdown(_ *Process, how int) posix.Errno {
	if how < unix.SHUT_RD || how > unix.SHUT_RDWR {
		return einval
	}
	u.shut |= uint8(how + 1)
	u.stateChanged()
	if !u.joined {
		return enotconn
	}
	return 0
}

func (u *udpSocket) prepare(_ *Process, m *outgoing) posix.Errno {
	if !u.boundTo && !u.autobind(u.any()) { // before anything is looked at: inet_send_prepare
		return eagain
	}
	switch {
	case len(m.data) > 0xffff:
		return emsgsize
	case m.flags&unix.MSG_OOB != 0:
		return eopnotsupp
	}
	if m.addr.Family != unix.AF_UNSPEC {
		switch to, errno := u.address(m.addr); {
		case errno != 0 && errno != unix.ENETUNREACH && errno != unix.EADDRNOTAVAIL:
			return errno
		case m.addr.Addr.Port() == 0:
			return einval
		case errno != 0:
			return errno
		default:
			m.to = to
		}
	} else {
		if !u.joined {
			return edestaddrreq
		}
		m.to = u.remote
	}
	if errno := u.prepareInet(m); errno != 0 {
		return errno
	}
	if len(m.data) > maxUDP {
		return emsgsize
	}
	return 0
}

func (u *udpSocket) send(p *Process, m *outgoing) posix.Errno {
	if errno := u.takeError(); errno != 0 {
		return errno
	}
	if u.shut&shutWrite != 0 {
		return epipe
	}
	m.sent = len(m.data)
	from := netip.AddrPortFrom(u.source(m.to.Addr()), u.local.Port())
	to := u.ns.inet.receiver(m.to, from)
	if to == nil { // ICMP says so, to a socket that is connected
		if u.remote == m.to {
			u.err = econnrefused
			u.q.notify(unix.EPOLLERR)
		}
		return 0
	}
	cost := datagramCost(len(m.data) + 64) // with its headers
	if to.rmem > int(to.options.rcvbuf) {
		return 0 // lost
	}
	pk := p.k.io.packet()
	pk.data = append(pk.data, m.data...)
	pk.cost = cost
	pk.addr = to.sockaddr(from)
	to.rmem += cost
	to.queue.push(pk)
	to.q.notify(dataReady)
	return 0
}

// receiver returns who gets a datagram: a socket that is connected to its source before others.
func (t *inetTable) receiver(to, from netip.AddrPort) *udpSocket {
	var best *udpSocket
	score := 0
	for _, s := range t.ports[portKey{unix.SOCK_DGRAM, to.Port()}] {
		fit := s.takes(to)
		joined := s.self.(*udpSocket).joined
		if fit == 0 || joined && s.remote != from {
			continue
		}
		if joined {
			fit += 4
		}
		if fit > score {
			best, score = s.self.(*udpSocket), fit
		}
	}
	return best
}

func (u *udpSocket) receive(_ *Process, m *incoming) posix.Errno {
	if errno := u.takeError(); errno != 0 {
		return errno
	}
	pk := u.queue.first
	if pk == nil {
		if u.shut&shutRead != 0 && !m.nonblock {
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
	m.addr = pk.addr
	if m.peeks() {
		return 0
	}
	u.queue.shift()
	u.rmem -= pk.cost
	u.k.io.putPacket(pk)
	return 0
}

func (u *udpSocket) events(*file) uint32 {
	mask := writeSpace
	if u.err != 0 {
		mask |= unix.EPOLLERR
	}
	if u.shut == shutBoth {
		mask |= unix.EPOLLHUP
	}
	if u.shut&shutRead != 0 {
		mask |= unix.EPOLLRDHUP | readMask
	}
	if u.queue.first != nil {
		mask |= readMask
	}
	return mask
}

func (u *udpSocket) release(*file) {
	u.detach()
	for u.queue.first != nil {
		pk := u.queue.first
		u.queue.shift()
		u.k.io.putPacket(pk)
	}
}
