package kernel

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// inetSocket is what sockets of AF_INET and AF_INET6 have in common. The machine has one interface, loopback: what is sent has arrived. Source:
// net/ipv4/af_inet.c, whose order of checks this keeps.
type inetSocket struct {
	sockBase
	ns         *netNS
	local      netip.AddrPort // with port 0: not bound
	remote     netip.AddrPort // port 0: not connected
	addrLocked bool           // bind was told an address
	portLocked bool           // bind was told a port
	uid        posix.UID      // who made it, for SO_REUSEPORT
	listening  bool
	self       inetPeer
}

// inetPeer is the whole socket of which an inetSocket is a part.
type inetPeer interface{ inet() *inetSocket }

func (s *inetSocket) inet() *inetSocket { return s }

// inetTable is the ports of a network that are in use.
type inetTable struct {
	ports map[portKey][]*inetSocket
	next  uint16 // where the search for a free port begins
}

type portKey struct {
	typ  int
	port uint16
}

// Source: net.ipv4.ip_local_port_range, ip_unprivileged_port_start.
const (
	firstPort      = 32768
	lastPort       = 60999
	privilegedPort = 1024
	maxProtocol    = 263 // IPPROTO_MAX
)

func (p *Process) newInet(family, typ, protocol int) (socket, posix.Errno) {
	if protocol < 0 || protocol >= maxProtocol {
		return nil, einval
	}
	want := 0
	switch typ {
	case unix.SOCK_STREAM:
		want = unix.IPPROTO_TCP
	case unix.SOCK_DGRAM:
		want = unix.IPPROTO_UDP
	case unix.SOCK_RAW:
		switch {
		case protocol == 0:
			return nil, eprotonosupport
		case !p.cred.has(unix.CAP_NET_RAW):
			return nil, eperm
		}
		return nil, eprotonosupport
	default:
		return nil, esocktnosupport
	}
	if protocol != 0 && protocol != want {
		return nil, eprotonosupport
	}
	base := inetSocket{sockBase: p.newBase(family, typ, want), ns: p.ns.net, uid: p.cred.uids.Effective}
	base.local = netip.AddrPortFrom(base.any(), 0)
	if typ == unix.SOCK_DGRAM {
		u := &udpSocket{inetSocket: base}
		u.self = u
		return u, 0
	}
	t := &tcpSocket{inetSocket: base}
	t.options.sndbuf, t.options.rcvbuf = 16384, 131072
	t.self = t
	return t, 0
}

func (s *inetSocket) v6() bool { return s.family == unix.AF_INET6 }

// any is the address that stands for all.
func (s *inetSocket) any() netip.Addr {
	if s.v6() {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// sockaddr is an address as the socket's family shows it.
func (s *inetSocket) sockaddr(a netip.AddrPort) posix.Sockaddr {
	addr := a.Addr()
	if s.v6() && addr.Is4() {
		addr = netip.AddrFrom16(addr.As16())
	}
	return posix.Sockaddr{Family: uint16(s.family), Addr: netip.AddrPortFrom(addr, a.Port())}
}

func (s *inetSocket) name() posix.Sockaddr { return s.sockaddr(s.local) }

// target checks an address that something is to be sent to, and returns where that is.
func (s *inetSocket) target(a posix.Sockaddr) (netip.AddrPort, posix.Errno) {
	addr := a.Addr.Addr().WithZone("").Unmap()
	if s.v6() && addr.Is4() && s.options.v6only {
		return netip.AddrPort{}, unix.ENETUNREACH
	}
	switch {
	case addr == netip.IPv4Unspecified():
		addr = loopback4
	case addr == netip.IPv6Unspecified():
		addr = netip.IPv6Loopback()
	}
	switch {
	case !s.ns.up && addr.Is6():
		return netip.AddrPort{}, unix.EADDRNOTAVAIL // there is no address to send from, which IPv6 asks first
	case !s.ns.up, !addr.IsLoopback():
		return netip.AddrPort{}, unix.ENETUNREACH
	}
	return netip.AddrPortFrom(addr, a.Addr.Port()), 0
}

var loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// source is the address that something for to comes from.
func (s *inetSocket) source(to netip.Addr) netip.Addr {
	if !s.local.Addr().IsUnspecified() {
		return s.local.Addr()
	}
	if to.Is4() {
		return loopback4
	}
	return netip.IPv6Loopback()
}

func (s *inetSocket) bind(p *Process, a posix.Sockaddr) posix.Errno {
	addr, errno := s.bindable(p, a)
	if errno != 0 {
		return errno
	}
	port := a.Addr.Port()
	if port != 0 {
		s.local = netip.AddrPortFrom(addr, port)
		if s.conflict(port, false) {
			s.local = netip.AddrPortFrom(s.any(), 0)
			return eaddrinuse
		}
		s.attach()
	} else if !s.autobind(addr) {
		return eaddrinuse
	}
	s.addrLocked = !addr.IsUnspecified()
	s.portLocked = port != 0
	if s.v6() && s.addrLocked && addr.Is6() {
		s.options.v6only = true // Source: net/ipv6/af_inet6.c, __inet6_bind
	}
	return 0
}

// bindable is the part of bind before the port is looked for.
func (s *inetSocket) bindable(p *Process, a posix.Sockaddr) (netip.Addr, posix.Errno) {
	none := netip.Addr{}
	if !s.v6() {
		switch {
		case length(a) < unix.SizeofSockaddrInet4:
			return none, einval
		case a.Family == unix.AF_UNSPEC: // for old programs: all zero is any address
			a.Addr = netip.AddrPortFrom(s.any(), 0)
		case a.Family != unix.AF_INET:
			return none, eafnosupport
		}
	} else {
		switch {
		case length(a) < 24: // SIN6_LEN_RFC2133
			return none, einval
		case a.Family != unix.AF_INET6:
			return none, eafnosupport
		}
	}
	addr := a.Addr.Addr().WithZone("")
	// A network in which nothing has been up yet has no routing table, and then every IPv4 address will do: __inet_dev_addr_type of the
	// kernel's fib_frontend.c takes it for one of a broadcast.
	local := addr.IsUnspecified() || s.ns.up && addr.Unmap().IsLoopback() || !s.ns.up && addr.Unmap().Is4()
	secret := a.Addr.Port() != 0 && a.Addr.Port() < privilegedPort && !p.cred.has(unix.CAP_NET_BIND_SERVICE)
	closed := s.boundTo || s.listening
	switch {
	case !s.v6() && !local:
		return none, eaddrnotavail
	case secret:
		return none, eacces
	case closed:
		return none, einval
	case s.v6() && addr.Is4In6() && s.options.v6only:
		return none, einval
	case !local:
		return none, eaddrnotavail
	}
	return addr.Unmap(), 0
}

// autobind gives the socket a free port. False: there is none.
func (s *inetSocket) autobind(addr netip.Addr) bool {
	table := &s.ns.inet
	if table.next == 0 {
		table.next = firstPort + uint16(s.k.rng.UintN(lastPort-firstPort))
	}
	before := s.local
	for range lastPort - firstPort + 1 {
		port := table.next
		if table.next++; table.next > lastPort {
			table.next = firstPort
		}
		s.local = netip.AddrPortFrom(addr, port)
		if !s.conflict(port, true) {
			s.attach()
			return true
		}
	}
	s.local = before
	return false
}

func (s *inetSocket) key() portKey { return portKey{s.typ, s.local.Port()} }

func (s *inetSocket) attach() {
	table := &s.ns.inet
	if table.ports == nil {
		table.ports = map[portKey][]*inetSocket{}
	}
	table.ports[s.key()] = append(table.ports[s.key()], s)
	s.boundTo = true
}

// detach gives the port back. The socket still shows it.
func (s *inetSocket) detach() {
	if !s.boundTo {
		return
	}
	table := &s.ns.inet
	list := slices.DeleteFunc(table.ports[s.key()], func(o *inetSocket) bool { return o == s })
	if len(list) == 0 {
		delete(table.ports, s.key())
	} else {
		table.ports[s.key()] = list
	}
	s.boundTo = false
}

// unbind gives up what of the local address bind was not told.
func (s *inetSocket) unbind() {
	switch {
	case !s.portLocked:
		s.detach()
		s.local = netip.AddrPortFrom(s.any(), 0)
	case !s.addrLocked:
		s.local = netip.AddrPortFrom(s.any(), s.local.Port())
	}
}

// conflict tells whether others keep the socket from its port. Source: inet_csk_bind_conflict, udp_lib_lport_inuse.
func (s *inetSocket) conflict(port uint16, strict bool) bool {
	for _, o := range s.ns.inet.ports[portKey{s.typ, port}] {
		if o == s || !overlap(s, o) {
			continue
		}
		shares := s.options.reuseaddr && o.options.reuseaddr && !o.listening
		splits := s.options.reuseport && o.options.reuseport && s.uid == o.uid
		if strict || !shares && !splits {
			return true
		}
	}
	return false
}

// overlap tells whether an address could belong to both.
func overlap(a, b *inetSocket) bool {
	x, y := a.local.Addr(), b.local.Addr()
	switch {
	case x.Is4() == y.Is4():
		return x == y || x.IsUnspecified() || y.IsUnspecified()
	case x.Is4():
		return y.IsUnspecified() && !b.options.v6only
	}
	return x.IsUnspecified() && !a.options.v6only
}

// takes tells whether something for to arrives at the socket, and how well it fits.
func (s *inetSocket) takes(to netip.AddrPort) (fit int) {
	addr := s.local.Addr()
	switch {
	case addr == to.Addr():
		return 2
	case !addr.IsUnspecified(), addr.Is6() && to.Addr().Is4() && s.options.v6only, addr.Is4() && to.Addr().Is6():
		return 0
	}
	return 1
}

func (s *inetSocket) prepareInet(m *outgoing) posix.Errno {
	for b := m.control; len(b) >= cmsgHeader; {
		c, rest, errno := nextControl(b)
		if errno != 0 {
			return errno
		}
		if c.level == unix.SOL_SOCKET && c.typ != unix.SCM_RIGHTS && c.typ != unix.SCM_CREDENTIALS {
			return einval
		}
		b = rest
	}
	return 0
}

// GetsockoptTCPInfo implements [posix.Sockets].
func (p *Process) GetsockoptTCPInfo(fd posix.FD, info *posix.TCPInfo) error {
	c, errno := p.enter(posix.OpGetsockoptTCPInfo, uint64(fd), unix.IPPROTO_TCP, unix.TCP_INFO, 1, 1)
	if errno == 0 {
		var s socket
		if s, _, errno = p.socketAt(fd); errno == 0 {
			switch t, ok := s.(*tcpSocket); {
			case ok:
				*info = t.info()
			case s.base().family == unix.AF_INET6:
				errno = enoprotoopt
			default:
				errno = eopnotsupp
			}
		}
	}
	return c.leave(errno)
}

// readSocket and writeSocket are read(2) and write(2) of a socket.
func readSocket(s socket, p *Process, f *file, b []byte) (int, posix.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	m := &p.k.io.in
	*m = incoming{data: b, nonblock: f.nonblocking()}
	errno := s.receive(p, m)
	m.dropFiles()
	return m.n, errno
}

func writeSocket(s socket, p *Process, f *file, b []byte) (int, posix.Errno) {
	m := &p.k.io.out
	*m = outgoing{data: b, nonblock: f.nonblocking()}
	errno := s.prepare(p, m)
	if errno == 0 {
		errno = s.send(p, m)
	}
	if errno == epipe && m.signal {
		p.brokenPipe()
	}
	if m.sent > 0 {
		errno = 0
	}
	return m.sent, errno
}
