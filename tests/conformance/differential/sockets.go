package differential

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func socketGenerators(t *[posix.OpCount]func(g *generator)) {
	t[posix.OpSocket] = func(g *generator) {
		family := pick(g, unix.AF_UNIX, unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, 200)
		typ := pick(g, unix.SOCK_STREAM, unix.SOCK_STREAM, unix.SOCK_DGRAM, 77) | unix.SOCK_NONBLOCK | g.flags(unix.SOCK_CLOEXEC)
		protocol := pick(g, 0, 0, 0, unix.IPPROTO_TCP, unix.IPPROTO_UDP, 300)
		o := g.do(step{posix.OpSocket, fmt.Sprintf("socket %d %#x %d", family, typ, protocol), func(s *side) outcome {
			fd, err := s.core.Socket(family, typ, protocol)
			return made(err, fd)
		}})
		if o.Errno == 0 {
			k := unconnected
			if typ&0xf == unix.SOCK_DGRAM {
				k = datagram
			}
			g.opened(o, handle{fd: o.fds[0], kind: k, family: family})
		}
	}
	t[posix.OpSocketpair] = func(g *generator) {
		family := pick(g, unix.AF_UNIX, unix.AF_UNIX, unix.AF_UNIX, unix.AF_UNIX, unix.AF_INET)
		base := pick(g, unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_SEQPACKET)
		typ := base | unix.SOCK_NONBLOCK | g.flags(unix.SOCK_CLOEXEC)
		o := g.do(step{posix.OpSocketpair, fmt.Sprintf("socketpair %d %#x", family, typ), func(s *side) outcome {
			a, b, err := s.core.Socketpair(family, typ, 0)
			return made(err, a, b)
		}})
		if o.Errno == 0 {
			k := stream
			if base == unix.SOCK_DGRAM {
				k = datagram
			}
			g.opened(o, handle{fd: o.fds[0], kind: k, family: family, peer: o.fds[1]}, handle{fd: o.fds[1], kind: k, family: family, peer: o.fds[0]})
		}
	}
	t[posix.OpBind] = func(g *generator) {
		if g.chance(70) {
			g.generate(posix.OpSocket)
		}
		h := g.handle(unconnected | datagram)
		addr := g.local(h.family)
		if g.do(step{posix.OpBind, fmt.Sprintf("bind %d %q", h.fd, addr), func(s *side) outcome { return answer(s.core.Bind(h.fd, addr)) }}).Errno == 0 {
			g.mark(h.fd, func(h *handle) { h.bound = true })
		}
	}
	t[posix.OpListen] = func(g *generator) {
		if g.chance(60) {
			g.bound()
		}
		fd, backlog := g.fd(unconnected|listening), pick(g, 0, 1, 5, 4096, -1)
		for _, h := range g.handles {
			if h.bound && h.kind == unconnected && g.chance(70) {
				fd = h.fd
			}
		}
		if g.do(step{posix.OpListen, fmt.Sprintf("listen %d %d", fd, backlog), func(s *side) outcome { return answer(s.core.Listen(fd, backlog)) }}).Errno == 0 {
			g.mark(fd, func(h *handle) { h.kind = listening })
		}
	}
	t[posix.OpAccept4] = func(g *generator) {
		if g.chance(70) {
			g.generate(posix.OpConnect)
		}
		h, flags := g.handle(listening), unix.SOCK_NONBLOCK|g.flags(unix.SOCK_CLOEXEC)
		if g.chance(80) && g.dialled >= 0 {
			h.fd = g.dialled
		}
		if g.chance(3) {
			flags = 1
		}
		o := g.do(step{posix.OpAccept4, fmt.Sprintf("accept4 %d %#x", h.fd, flags), func(s *side) outcome {
			fd, from, err := s.core.Accept4(h.fd, flags)
			o := made(err, fd)
			o.Text += " " + s.address(from)
			return o
		}})
		if o.Errno == 0 {
			g.opened(o, handle{fd: o.fds[0], kind: stream, family: h.family})
		}
	}
	t[posix.OpConnect] = func(g *generator) {
		to := g.handle(listening | datagram)
		if g.chance(70) {
			to = g.handle(listening)
		}
		from := g.handle(unconnected | datagram)
		if g.chance(85) {
			typ := unix.SOCK_STREAM
			if to.kind == datagram {
				typ = unix.SOCK_DGRAM
			}
			from = g.socket(to.family, typ)
		}
		if g.chance(5) {
			g.do(step{posix.OpConnect, fmt.Sprintf("connect %d to nothing", from.fd), func(s *side) outcome {
				return answer(s.core.Connect(from.fd, posix.Sockaddr{}))
			}})
			return
		}
		// Where the other socket is bound is asked on each side: the ports are not the same.
		o := g.do(step{posix.OpConnect, fmt.Sprintf("connect %d to where %d is", from.fd, to.fd), func(s *side) outcome {
			addr, err := s.core.Getsockname(to.fd)
			if err != nil {
				return answer(err)
			}
			return answer(s.core.Connect(from.fd, reachable(addr)))
		}})
		if (o.Errno == 0 || o.Errno == unix.EINPROGRESS) && from.kind == unconnected {
			g.mark(from.fd, func(h *handle) { h.kind = stream })
			g.dialled = to.fd
		}
	}
	t[posix.OpShutdown] = func(g *generator) {
		fd, how := g.fd(stream|datagram), pick(g, 0, 1, 2, 3)
		g.do(step{posix.OpShutdown, fmt.Sprintf("shutdown %d %d", fd, how), func(s *side) outcome { return answer(s.core.Shutdown(fd, how)) }})
	}
	t[posix.OpGetsockname] = func(g *generator) {
		fd := g.fd(stream | datagram | listening | unconnected)
		g.do(step{posix.OpGetsockname, fmt.Sprintf("getsockname %d", fd), func(s *side) outcome {
			a, err := s.core.Getsockname(fd)
			return answer(err, s.address(a))
		}})
	}
	t[posix.OpGetpeername] = func(g *generator) {
		fd := g.fd(stream)
		g.do(step{posix.OpGetpeername, fmt.Sprintf("getpeername %d", fd), func(s *side) outcome {
			a, err := s.core.Getpeername(fd)
			return answer(err, s.address(a))
		}})
	}
	t[posix.OpSetsockoptInt] = func(g *generator) {
		fd, o, value := g.fd(stream|datagram|listening|unconnected), g.option(), pick(g, 0, 1, 1, 2)
		g.do(step{posix.OpSetsockoptInt, fmt.Sprintf("setsockopt %d %v %d", fd, o, value), func(s *side) outcome {
			return answer(s.core.SetsockoptInt(fd, o[0], o[1], value))
		}})
	}
	t[posix.OpGetsockoptInt] = func(g *generator) {
		fd, o := g.fd(stream|datagram|listening|unconnected), pick(g, g.option(), [2]int{unix.SOL_SOCKET, unix.SO_TYPE},
			[2]int{unix.SOL_SOCKET, unix.SO_ERROR}, [2]int{unix.SOL_SOCKET, unix.SO_ACCEPTCONN}, [2]int{unix.SOL_SOCKET, unix.SO_DOMAIN})
		g.do(step{posix.OpGetsockoptInt, fmt.Sprintf("getsockopt %d %v", fd, o), func(s *side) outcome {
			return answer2(s.core.GetsockoptInt(fd, o[0], o[1]))
		}})
	}
	t[posix.OpGetsockoptUcred] = func(g *generator) {
		fd := g.fd(stream)
		g.do(step{posix.OpGetsockoptUcred, fmt.Sprintf("getsockopt %d SO_PEERCRED", fd), func(s *side) outcome {
			u, err := s.core.GetsockoptUcred(fd)
			return answer(err, s.pid(u.PID), int32(u.UID), int32(u.GID))
		}})
	}
	t[posix.OpGetsockoptTCPInfo] = func(g *generator) {
		h := g.handle(listening | stream)
		for range 3 {
			if h.family == unix.AF_INET || h.family == unix.AF_INET6 {
				break
			}
			g.generate(posix.OpListen)
			h = g.handle(listening | stream)
		}
		g.do(step{posix.OpGetsockoptTCPInfo, fmt.Sprintf("getsockopt %d TCP_INFO", h.fd), func(s *side) outcome {
			var info posix.TCPInfo
			err := s.core.GetsockoptTCPInfo(h.fd, &info)
			if info.State != listenState {
				info = posix.TCPInfo{State: info.State} // how much is on its way is a matter of moments
				if info.State == finWait1 {
					info.State = finWait2 // and so is whether the end has been acknowledged
				}
			}
			return answer(err, info)
		}})
	}
	t[posix.OpSendmsg] = genSendmsg
	t[posix.OpRecvmsg] = func(g *generator) {
		if g.chance(70) {
			g.generate(posix.OpSendmsg)
		}
		fd, size, flags := g.fd(stream|datagram), pick(g, 0, 1, 100, 8192), unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC|g.flags(unix.MSG_PEEK, unix.MSG_TRUNC)
		if g.sentTo >= 0 && g.chance(80) {
			fd = g.sentTo
		}
		room := pick(g, 0, posix.RightsSpace(2), 200)
		o := g.do(step{posix.OpRecvmsg, fmt.Sprintf("recvmsg %d %d %d %#x", fd, size, room, flags), func(s *side) outcome {
			m := &posix.Msg{Data: make([]byte, size), Control: make([]byte, room)}
			n, err := s.core.Recvmsg(fd, m, flags)
			fds, bad := posix.ParseRights(m.Control[:m.ControlLen])
			who, has := posix.ParseCredentials(m.Control[:m.ControlLen])
			o := made(err, fds...)
			o.Text = fmt.Sprint(n, sum(m.Data[:min(max(n, 0), size)]), s.address(m.Addr), fmt.Sprintf("%#x", m.Flags), m.ControlLen, fds, bad, has, s.pid(who.PID), who.UID)
			return o
		}})
		for _, fd := range o.fds {
			g.opened(o, handle{fd: fd, kind: opath}) // it may be of any kind: little is done with it
		}
	}
}

// socket makes one of a family.
func (g *generator) socket(family, typ int) handle {
	o := g.do(step{posix.OpSocket, fmt.Sprintf("socket %d %d", family, typ), func(s *side) outcome {
		fd, err := s.core.Socket(family, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return made(err, fd)
	}})
	if o.Errno != 0 {
		return handle{fd: -1}
	}
	h := handle{fd: o.fds[0], kind: unconnected, family: family}
	g.opened(o, h)
	return h
}

// bound makes a stream socket with an address to which connections can come.
func (g *generator) bound() {
	h := g.socket(pick(g, unix.AF_UNIX, unix.AF_INET, unix.AF_INET6), unix.SOCK_STREAM)
	addr := g.local(h.family)
	if g.do(step{posix.OpBind, fmt.Sprintf("bind %d %q", h.fd, addr), func(s *side) outcome { return answer(s.core.Bind(h.fd, addr)) }}).Errno == 0 {
		g.mark(h.fd, func(h *handle) { h.bound = true })
	}
}

// TCP_FIN_WAIT1, TCP_FIN_WAIT2 and TCP_LISTEN. Source: include/net/tcp_states.h.
const finWait1, finWait2, listenState = 4, 5, 10

func (g *generator) option() [2]int {
	return pick(g, [2]int{unix.SOL_SOCKET, unix.SO_REUSEADDR}, [2]int{unix.SOL_SOCKET, unix.SO_REUSEPORT}, [2]int{unix.SOL_SOCKET, unix.SO_KEEPALIVE},
		[2]int{unix.SOL_SOCKET, unix.SO_PASSCRED}, [2]int{unix.IPPROTO_TCP, unix.TCP_NODELAY}, [2]int{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY}, [2]int{unix.SOL_SOCKET, 9999})
}

// local returns an address to bind to.
func (g *generator) local(family int) posix.Sockaddr {
	switch family {
	case unix.AF_INET:
		return posix.Sockaddr{Family: unix.AF_INET, Addr: netip.AddrPortFrom(netip.MustParseAddr(pick(g, "127.0.0.1", "127.0.0.1", "0.0.0.0", "192.0.2.1")), 0)}
	case unix.AF_INET6:
		return posix.Sockaddr{Family: unix.AF_INET6, Addr: netip.AddrPortFrom(netip.MustParseAddr(pick(g, "::1", "::1", "::", "2001:db8::1")), 0)}
	}
	return posix.Sockaddr{Family: unix.AF_UNIX, Path: pick(g, g.run.base+"/sock", g.run.base+"/sock2", g.run.base+"/d/sock", g.run.base+"/a", "/no/such", "@bulkhead-"+fmt.Sprint(g.run.seed), "")}
}

// reachable is where to connect to for a socket that is bound to any address.
func reachable(a posix.Sockaddr) posix.Sockaddr {
	if a.Addr.IsValid() && a.Addr.Addr().IsUnspecified() {
		local := "127.0.0.1"
		if a.Family == unix.AF_INET6 {
			local = "::1"
		}
		a.Addr = netip.AddrPortFrom(netip.MustParseAddr(local), a.Addr.Port())
	}
	return a
}

// mark changes what is known of a descriptor.
func (g *generator) mark(fd posix.FD, f func(h *handle)) {
	for i := range g.handles {
		if g.handles[i].fd == fd {
			f(&g.handles[i])
		}
	}
}

func genSendmsg(g *generator) {
	h, b, flags := g.handle(stream|datagram), g.data(), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT
	var fds []posix.FD
	if g.chance(30) {
		for range 1 + g.rng.IntN(3) {
			fds = append(fds, g.fd(file|pipeReader|stream|memfd|event))
		}
	}
	to, toText := handle{fd: -1}, ""
	if h.kind == datagram && g.chance(50) {
		to = g.handle(datagram)
		toText = fmt.Sprintf(" to where %d is", to.fd)
	}
	o := g.do(step{posix.OpSendmsg, fmt.Sprintf("sendmsg %d %s fds=%v%s", h.fd, sum(b), fds, toText), func(s *side) outcome {
		m := &posix.Msg{Data: b, Control: posix.Rights(fds...)}
		if to.fd >= 0 {
			addr, err := s.core.Getsockname(to.fd)
			if err != nil {
				return answer(err)
			}
			m.Addr = reachable(addr)
		}
		return answer2(s.core.Sendmsg(h.fd, m, flags))
	}})
	if o.Errno == 0 && h.peer > 0 {
		g.sentTo = h.peer
		if to.fd >= 0 {
			g.sentTo = to.fd
		}
	}
}
