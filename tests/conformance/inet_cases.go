package conformance

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func inet(addr string, port uint16) posix.Sockaddr {
	a := netip.MustParseAddr(addr)
	family := uint16(unix.AF_INET)
	if a.Is6() {
		family = unix.AF_INET6
	}
	return posix.Sockaddr{Family: family, Addr: netip.AddrPortFrom(a, port)}
}

// bound makes a socket of the address's family, bound to a port that the kernel chose.
func (t *T) bound(addr string, typ int) (posix.FD, posix.Sockaddr) {
	t.Helper()
	a := inet(addr, 0)
	fd := t.socket(int(a.Family), typ)
	t.Must("bind", t.Core.Bind(fd, a))
	name, err := t.Core.Getsockname(fd)
	t.Must("name", err)
	if name.Addr.Port() == 0 {
		t.Errorf("bound to port 0")
	}
	return fd, name
}

// tcp makes a connection over loopback: its ends, and the listener.
func (t *T) tcp(addr string) (client, server, listener posix.FD) {
	t.Helper()
	listener, name := t.bound(addr, unix.SOCK_STREAM)
	t.Must("listen", t.Core.Listen(listener, 8))
	client = t.socket(int(name.Family), unix.SOCK_STREAM)
	t.dial(client, name)
	fd, _, err := t.Core.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	return client, t.FD(fd, err), listener
}

// dial connects a socket that does not wait, and waits.
func (t *T) dial(fd posix.FD, to posix.Sockaddr) {
	t.Helper()
	if err := t.Core.Connect(fd, to); err != unix.EINPROGRESS {
		t.Must("connect", err)
	}
	t.await(fd, unix.POLLOUT)
	n, err := t.Core.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	t.count("SO_ERROR", n, err, 0)
}

// await waits until poll says something, for a generous time.
func (t *T) await(fd posix.FD, events int16) int16 {
	t.Helper()
	fds := []posix.PollFD{{FD: fd, Events: events}}
	n, err := t.Core.Ppoll(fds, &posix.Timespec{Sec: 20})
	t.count("poll", n, err, 1)
	return fds[0].Revents
}

func inetCases() []Case {
	return []Case{
		{Op: posix.OpBind, Name: "inet errors", Run: func(t *T) {
			s := t.socket(unix.AF_INET, unix.SOCK_STREAM)
			t.Errno("another family", t.Core.Bind(s, inet("::1", 0)), unix.EAFNOSUPPORT)
			t.Errno("a short address", t.Core.Bind(s, at("")), unix.EINVAL)
			t.Errno("a path", t.Core.Bind(s, at("/0123456789abcdef")), unix.EAFNOSUPPORT)
			t.Errno("not ours", t.Core.Bind(s, inet("192.0.2.1", 0)), unix.EADDRNOTAVAIL)
			t.Errno("no address", t.Core.Bind(s, posix.Sockaddr{}), 0)
			t.Errno("again", t.Core.Bind(s, inet("127.0.0.1", 0)), unix.EINVAL)
			s = t.socket(unix.AF_INET6, unix.SOCK_STREAM)
			t.Errno("another family", t.Core.Bind(s, inet("127.0.0.1", 0)), unix.EINVAL)
			t.Errno("not ours", t.Core.Bind(s, inet("2001:db8::1", 0)), unix.EADDRNOTAVAIL)
			t.Errno("bind", t.Core.Bind(s, inet("::1", 0)), 0)
		}},
		{Op: posix.OpBind, Name: "a privileged port", Need: User, Run: func(t *T) {
			s := t.socket(unix.AF_INET, unix.SOCK_STREAM)
			t.Errno("bind", t.Core.Bind(s, inet("127.0.0.1", 7)), unix.EACCES)
			t.Errno("not ours either", t.Core.Bind(s, inet("192.0.2.1", 7)), unix.EADDRNOTAVAIL)
		}},
		{Op: posix.OpBind, Name: "a port in use", Run: func(t *T) {
			for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
				a, name := t.bound("127.0.0.1", typ)
				b := t.socket(unix.AF_INET, typ)
				t.Errno("the same", t.Core.Bind(b, name), unix.EADDRINUSE)
				t.Errno("any", t.Core.Bind(b, inet("0.0.0.0", name.Addr.Port())), unix.EADDRINUSE)
				t.Errno("any of the other family", t.Core.Bind(t.socket(unix.AF_INET6, typ), inet("::", name.Addr.Port())), unix.EADDRINUSE)
				only := t.socket(unix.AF_INET6, typ)
				t.Must("only", t.Core.SetsockoptInt(only, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1))
				t.Errno("only of the other family", t.Core.Bind(only, inet("::", name.Addr.Port())), 0)
				t.Must("close", t.Core.Close(a))
				t.Errno("free again", t.Core.Bind(b, name), 0)
			}
		}},
		{Op: posix.OpBind, Name: "shared ports", Run: func(t *T) {
			share := func(option int) posix.FD {
				s := t.socket(unix.AF_INET, unix.SOCK_STREAM)
				t.Must("option", t.Core.SetsockoptInt(s, unix.SOL_SOCKET, option, 1))
				return s
			}
			a, b := share(unix.SO_REUSEADDR), share(unix.SO_REUSEADDR)
			t.Must("bind", t.Core.Bind(a, inet("127.0.0.1", 0)))
			name, err := t.Core.Getsockname(a)
			t.Must("name", err)
			t.Errno("nobody listens", t.Core.Bind(b, name), 0)
			t.Must("listen", t.Core.Listen(a, 1))
			t.Errno("only one listens", t.Core.Listen(b, 1), unix.EADDRINUSE)
			t.Errno("somebody listens", t.Core.Bind(share(unix.SO_REUSEADDR), name), unix.EADDRINUSE)
			a, b = share(unix.SO_REUSEPORT), share(unix.SO_REUSEPORT)
			t.Must("bind", t.Core.Bind(a, inet("127.0.0.1", 0)))
			name, err = t.Core.Getsockname(a)
			t.Must("name", err)
			t.Must("listen", t.Core.Listen(a, 1))
			t.Errno("bind", t.Core.Bind(b, name), 0)
			t.Errno("both listen", t.Core.Listen(b, 1), 0)
			t.Errno("without the option", t.Core.Bind(t.socket(unix.AF_INET, unix.SOCK_STREAM), name), unix.EADDRINUSE)
		}},
		{Op: posix.OpListen, Name: "inet", Run: func(t *T) {
			t.Errno("datagrams", t.Core.Listen(t.socket(unix.AF_INET, unix.SOCK_DGRAM), 1), unix.EOPNOTSUPP)
			s := t.socket(unix.AF_INET, unix.SOCK_STREAM)
			t.Equal("poll before", t.polled(s, allEvents), int16(0x114))
			t.Errno("without a port", t.Core.Listen(s, 1), 0)
			t.Equal("poll", t.polled(s, allEvents), int16(0))
			name, err := t.Core.Getsockname(s)
			t.Errno("name", err, 0)
			if name.Addr.Port() == 0 {
				t.Errorf("it listens on port 0")
			}
			t.Errno("connect", t.Core.Connect(s, name), unix.EISCONN)
			t.recvErrno("receive", s, unix.ENOTCONN)
			t.Errno("send", t.send(s, "x", posix.Sockaddr{}), unix.EPIPE)
			client, _, _ := t.tcp("127.0.0.1")
			t.Errno("connected", t.Core.Listen(client, 1), unix.EINVAL)
		}},
		{Op: posix.OpListen, Name: "again after shutdown", Run: func(t *T) {
			s, chosen := t.bound("127.0.0.1", unix.SOCK_STREAM)
			t.Must("close", t.Core.Close(s))
			s = t.socket(unix.AF_INET, unix.SOCK_STREAM)
			t.Must("bind", t.Core.Bind(s, chosen))
			t.Must("listen", t.Core.Listen(s, 1))
			t.Must("writing", t.Core.Shutdown(s, unix.SHUT_WR))
			t.Equal("still listens", t.polled(s, allEvents), int16(0))
			t.Must("reading", t.Core.Shutdown(s, unix.SHUT_RD))
			t.Equal("does not", t.polled(s, allEvents)&unix.POLLHUP, int16(unix.POLLHUP))
			_, _, err := t.Core.Accept4(s, 0)
			t.Errno("accept", err, unix.EINVAL)
			t.Errno("listen", t.Core.Listen(s, 1), 0)
			name, err := t.Core.Getsockname(s)
			t.Errno("name", err, 0)
			t.Equal("the same port", name, chosen)
			c := t.socket(unix.AF_INET, unix.SOCK_STREAM)
			t.dial(c, name)
			t.Must("dissolve", t.Core.Connect(s, posix.Sockaddr{}))
			t.Equal("the client", t.await(c, allEvents)&(unix.POLLERR|unix.POLLHUP), int16(unix.POLLERR|unix.POLLHUP))
			t.recvErrno("reset", c, unix.ECONNRESET)
		}},
		{Op: posix.OpAccept4, Name: "inet", Run: func(t *T) {
			_, _, err := t.Core.Accept4(t.socket(unix.AF_INET, unix.SOCK_STREAM), 0)
			t.Errno("not listening", err, unix.EINVAL)
			_, _, err = t.Core.Accept4(t.socket(unix.AF_INET, unix.SOCK_DGRAM), 0)
			t.Errno("datagrams", err, unix.EOPNOTSUPP)
			for _, addr := range []string{"127.0.0.1", "::1"} {
				l, name := t.bound(addr, unix.SOCK_STREAM)
				t.Must("listen", t.Core.Listen(l, 1))
				_, _, err = t.Core.Accept4(l, 0)
				t.Errno("nobody", err, unix.EAGAIN)
				c := t.socket(int(name.Family), unix.SOCK_STREAM)
				t.dial(c, name)
				t.Equal("poll", t.await(l, allEvents), int16(0x41))
				me, err := t.Core.Getsockname(c)
				t.Must("name", err)
				s, peer, err := t.Core.Accept4(l, 0)
				t.FD(s, err)
				t.Equal("peer", peer, me)
				own, err := t.Core.Getsockname(s)
				t.Errno("name", err, 0)
				t.Equal("own", own, name)
			}
		}},
		{Op: posix.OpConnect, Name: "inet errors", Run: func(t *T) {
			gone, name := t.bound("127.0.0.1", unix.SOCK_STREAM)
			t.Must("close", t.Core.Close(gone))
			wait := t.FD(t.Core.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
			t.Errno("nobody", t.Core.Connect(wait, name), unix.ECONNREFUSED)
			t.Equal("as new", t.polled(wait, allEvents), int16(0x114))
			s := t.socket(unix.AF_INET, unix.SOCK_STREAM)
			t.Errno("another family", t.Core.Connect(s, inet("::1", 1)), unix.EAFNOSUPPORT)
			t.Errno("another family", t.Core.Connect(t.socket(unix.AF_INET6, unix.SOCK_STREAM), inet("127.0.0.1", 1)), unix.EINVAL)
			t.Errno("it goes on", t.Core.Connect(s, name), unix.EINPROGRESS)
			t.Equal("poll", t.await(s, allEvents), int16(0x215d))
			t.Errno("again", t.Core.Connect(s, name), unix.ECONNREFUSED)
			t.Equal("as new", t.polled(s, allEvents), int16(0x114))
		}},
		{Op: posix.OpConnect, Name: "inet, the loopback interface down", Need: Root, Alone: true, Run: func(t *T) {
			t.Must("unshare", t.Core.Unshare(unix.CLONE_NEWNET))
			for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
				for address, want := range map[string]posix.Errno{"127.0.0.1:80": unix.ENETUNREACH, "[::1]:80": unix.EADDRNOTAVAIL} {
					to := posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort(address)}
					if to.Addr.Addr().Is6() {
						to.Family = unix.AF_INET6
					}
					t.Errno(address, t.Core.Connect(t.socket(int(to.Family), typ), to), want)
				}
			}
		}},
		{Op: posix.OpConnect, Name: "inet twice", Run: func(t *T) {
			l, name := t.bound("127.0.0.1", unix.SOCK_STREAM)
			t.Must("listen", t.Core.Listen(l, 1))
			s := t.socket(unix.AF_INET, unix.SOCK_STREAM)
			t.Errno("first", t.Core.Connect(s, name), unix.EINPROGRESS)
			t.Equal("poll", t.await(s, unix.POLLOUT), int16(unix.POLLOUT))
			t.Errno("second", t.Core.Connect(s, name), 0)
			t.Errno("third", t.Core.Connect(s, name), unix.EISCONN)
			peer, err := t.Core.Getpeername(s)
			t.Errno("peer", err, 0)
			t.Equal("peer", peer, name)
		}},
		{Op: posix.OpConnect, Name: "inet datagrams", Run: func(t *T) {
			a, name := t.bound("127.0.0.1", unix.SOCK_DGRAM)
			b := t.socket(unix.AF_INET, unix.SOCK_DGRAM)
			t.Errno("no destination", t.send(b, "x", posix.Sockaddr{}), unix.EDESTADDRREQ)
			t.Must("connect", t.Core.Connect(b, name))
			me, err := t.Core.Getsockname(b)
			t.Must("name", err)
			t.Equal("source", me.Addr.Addr(), netip.MustParseAddr("127.0.0.1"))
			t.writes("text", b, "x")
			t.Equal("source", t.receives("text", a, "x").Addr, me)
			t.Errno("answer", t.send(a, "y", me), 0)
			t.receives("answer", b, "y")
			_, stranger := t.bound("127.0.0.1", unix.SOCK_DGRAM)
			c := t.socket(unix.AF_INET, unix.SOCK_DGRAM)
			t.Errno("to somebody else", t.send(c, "z", me), 0)
			t.recvErrno("is not heard", b, unix.EAGAIN)
			t.Errno("another destination", t.send(b, "z", stranger), 0)
			t.Must("close", t.Core.Close(a))
			t.Errno("nobody", t.send(b, "x", posix.Sockaddr{}), 0)
			t.Equal("poll", t.await(b, allEvents), int16(0x30c))
			t.recvErrno("refused", b, unix.ECONNREFUSED)
			t.recvErrno("once", b, unix.EAGAIN)
			t.Must("dissolve", t.Core.Connect(b, posix.Sockaddr{}))
			_, err = t.Core.Getpeername(b)
			t.Errno("peer", err, unix.ENOTCONN)
			me, err = t.Core.Getsockname(b)
			t.Errno("name", err, 0)
			t.Equal("name", me, inet("0.0.0.0", 0))
		}},
		{Op: posix.OpShutdown, Name: "inet", Run: func(t *T) {
			t.Errno("not connected", t.Core.Shutdown(t.socket(unix.AF_INET, unix.SOCK_STREAM), unix.SHUT_RDWR), unix.ENOTCONN)
			t.Errno("not connected", t.Core.Shutdown(t.socket(unix.AF_INET, unix.SOCK_DGRAM), unix.SHUT_RDWR), unix.ENOTCONN)
			t.Errno("how", t.Core.Shutdown(t.socket(unix.AF_INET, unix.SOCK_STREAM), 3), unix.EINVAL)
			c, s, _ := t.tcp("127.0.0.1")
			t.Equal("poll", t.polled(c, allEvents), int16(0x104))
			t.writes("text", c, "last")
			t.Must("shutdown", t.Core.Shutdown(c, unix.SHUT_WR))
			t.Errno("send", t.send(c, "x", posix.Sockaddr{}), unix.EPIPE)
			t.await(s, unix.POLLRDHUP)
			t.Equal("poll", t.polled(s, allEvents), int16(0x2145))
			t.wants("text", s, "last")
			t.wants("end", s, "")
			t.writes("the other way", s, "back")
			t.await(c, unix.POLLIN)
			t.wants("the other way", c, "back")
			t.Must("close", t.Core.Close(s))
			t.await(c, unix.POLLRDHUP)
			t.Equal("poll", t.polled(c, allEvents), int16(0x2155))
			t.wants("end", c, "")
			t.Errno("again", t.Core.Shutdown(c, unix.SHUT_RD), unix.ENOTCONN)
			_, err := t.Core.Getpeername(c)
			t.Errno("peer", err, unix.ENOTCONN)
		}},
		{Op: posix.OpSendmsg, Name: "inet after the end", Run: func(t *T) {
			t.Errno("not connected", t.send(t.socket(unix.AF_INET, unix.SOCK_STREAM), "x", posix.Sockaddr{}), unix.EPIPE)
			c, s, _ := t.tcp("127.0.0.1")
			t.Must("close", t.Core.Close(s))
			t.await(c, unix.POLLRDHUP)
			t.Equal("poll", t.polled(c, allEvents), int16(0x2145))
			t.Errno("first", t.send(c, "x", posix.Sockaddr{}), 0)
			t.await(c, 0)
			t.Errno("second", t.send(c, "x", posix.Sockaddr{}), unix.EPIPE)
			t.wants("end", c, "")
		}},
		{Op: posix.OpSendmsg, Name: "inet datagrams", Run: func(t *T) {
			a, name := t.bound("127.0.0.1", unix.SOCK_DGRAM)
			b := t.socket(unix.AF_INET, unix.SOCK_DGRAM)
			t.Errno("too long", t.send(b, string(make([]byte, 65508)), name), unix.EMSGSIZE)
			t.Errno("as long as it may be", t.send(b, string(make([]byte, 65507)), name), 0)
			got, _, err := t.recv(a, 1<<16, 0)
			t.count("receive", len(got), err, 65507)
			t.Errno("port 0", t.send(b, "x", inet("127.0.0.1", 0)), unix.EINVAL)
			t.Errno("another family", t.send(b, "x", inet("::1", 1)), unix.EAFNOSUPPORT)
			t.Errno("nothing", t.send(b, "", name), 0)
			got, m, err := t.recv(a, 10, 0)
			t.count("nothing", len(got), err, 0)
			t.Equal("from somebody", m.Addr.Family, uint16(unix.AF_INET))
			t.recvErrno("empty", a, unix.EAGAIN)
		}},
		{Op: posix.OpRecvmsg, Name: "inet", Run: func(t *T) {
			t.recvErrno("not connected", t.socket(unix.AF_INET, unix.SOCK_STREAM), unix.ENOTCONN)
			t.recvErrno("datagrams", t.socket(unix.AF_INET, unix.SOCK_DGRAM), unix.EAGAIN)
			for _, addr := range []string{"127.0.0.1", "::1"} {
				c, s, _ := t.tcp(addr)
				t.recvErrno("nothing", s, unix.EAGAIN)
				t.writes("text", c, "one")
				t.writes("text", c, "two")
				t.await(s, unix.POLLIN)
				got, m, err := t.recv(s, 4, unix.MSG_PEEK)
				t.Errno("peek", err, 0)
				t.Equal("peek", got, "onet")
				t.Equal("source", m.Addr, posix.Sockaddr{})
				t.wants("text", s, "onetwo")
			}
		}},
		{Op: posix.OpRecvmsg, Name: "inet closed with unread bytes", Run: func(t *T) {
			c, s, _ := t.tcp("127.0.0.1")
			t.writes("text", c, "lost")
			t.await(s, unix.POLLIN)
			t.Must("close", t.Core.Close(s))
			t.await(c, unix.POLLIN)
			t.Equal("poll", t.polled(c, allEvents), int16(0x215d))
			t.recvErrno("reset", c, unix.ECONNRESET)
			t.wants("end", c, "")
			t.Errno("send", t.send(c, "x", posix.Sockaddr{}), unix.EPIPE)
		}},
		{Op: posix.OpGetsockname, Name: "inet", Run: func(t *T) {
			for _, addr := range []string{"0.0.0.0", "::"} {
				a := inet(addr, 0)
				name, err := t.Core.Getsockname(t.socket(int(a.Family), unix.SOCK_STREAM))
				t.Errno("name", err, 0)
				t.Equal("name", name, a)
			}
			s := t.socket(unix.AF_INET6, unix.SOCK_STREAM)
			t.Must("bind", t.Core.Bind(s, inet("::ffff:127.0.0.1", 0)))
			name, err := t.Core.Getsockname(s)
			t.Errno("name", err, 0)
			t.Equal("a mapped address", name.Addr.Addr(), netip.MustParseAddr("::ffff:127.0.0.1"))
		}},
		{Op: posix.OpGetpeername, Name: "both families", Run: func(t *T) {
			l, name := t.bound("::", unix.SOCK_STREAM)
			t.Must("listen", t.Core.Listen(l, 1))
			c := t.socket(unix.AF_INET, unix.SOCK_STREAM)
			t.dial(c, inet("127.0.0.1", name.Addr.Port()))
			me, err := t.Core.Getsockname(c)
			t.Must("name", err)
			t.await(l, unix.POLLIN)
			s, peer, err := t.Core.Accept4(l, 0)
			t.FD(s, err)
			t.Equal("peer", peer, inet("::ffff:127.0.0.1", me.Addr.Port()))
		}},
		{Op: posix.OpSetsockoptInt, Name: "inet", Run: func(t *T) {
			s := t.socket(unix.AF_INET6, unix.SOCK_STREAM)
			for _, c := range []struct {
				level, option, value int
				want                 posix.Errno
				get                  int
			}{
				{unix.SOL_SOCKET, unix.SO_REUSEPORT, 9, 0, 1}, {unix.IPPROTO_TCP, unix.TCP_NODELAY, 1, 0, 1},
				{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 0, unix.EINVAL, 7200}, {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 32768, unix.EINVAL, 7200},
				{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 7, 0, 7}, {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 128, unix.EINVAL, 9},
				{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, -1, unix.EINVAL, 0}, {unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1, 0, 1},
			} {
				t.Errno("set", t.Core.SetsockoptInt(s, c.level, c.option, c.value), c.want)
				n, err := t.Core.GetsockoptInt(s, c.level, c.option)
				t.count("get", n, err, c.get)
			}
			t.Errno("unknown level", t.Core.SetsockoptInt(s, 99, 1, 1), unix.ENOPROTOOPT)
			t.Errno("credentials", t.Core.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_PASSCRED, 1), unix.EOPNOTSUPP)
			_, err := t.Core.GetsockoptInt(s, 99, 1)
			t.Errno("unknown level", err, unix.ENOPROTOOPT)
			_, err = t.Core.GetsockoptInt(t.socket(unix.AF_INET, unix.SOCK_STREAM), 99, 1)
			t.Errno("unknown level", err, unix.EOPNOTSUPP)
			t.Must("bind", t.Core.Bind(s, inet("::1", 0)))
			t.Errno("too late", t.Core.SetsockoptInt(s, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0), unix.EINVAL)
		}},
		{Op: posix.OpGetsockoptTCPInfo, Name: "the accept queue", Run: func(t *T) {
			l, name := t.bound("127.0.0.1", unix.SOCK_STREAM)
			t.Must("listen", t.Core.Listen(l, 7))
			for range 2 {
				t.dial(t.socket(unix.AF_INET, unix.SOCK_STREAM), name)
			}
			t.await(l, unix.POLLIN)
			var info posix.TCPInfo
			t.Must("info", t.Core.GetsockoptTCPInfo(l, &info))
			t.Equal("info", info, posix.TCPInfo{State: 10, Unacked: 2, Sacked: 7})
		}},
		{Op: posix.OpGetsockoptTCPInfo, Name: "states", Run: func(t *T) {
			var info posix.TCPInfo
			t.Must("info", t.Core.GetsockoptTCPInfo(t.socket(unix.AF_INET, unix.SOCK_STREAM), &info))
			t.Equal("new", info.State, uint8(7))
			c, s, _ := t.tcp("127.0.0.1")
			t.Must("info", t.Core.GetsockoptTCPInfo(c, &info))
			t.Equal("connected", info.State, uint8(1))
			t.Must("shutdown", t.Core.Shutdown(c, unix.SHUT_WR))
			t.await(s, unix.POLLRDHUP)
			t.Must("info", t.Core.GetsockoptTCPInfo(s, &info))
			t.Equal("the other end has finished", info.State, uint8(8))
		}},
		{Op: posix.OpGetsockoptTCPInfo, Name: "not TCP", Run: func(t *T) {
			var info posix.TCPInfo
			t.Errno("unix", t.Core.GetsockoptTCPInfo(t.socket(unix.AF_UNIX, unix.SOCK_STREAM), &info), unix.EOPNOTSUPP)
			t.Errno("UDP", t.Core.GetsockoptTCPInfo(t.socket(unix.AF_INET, unix.SOCK_DGRAM), &info), unix.EOPNOTSUPP)
			t.Errno("a file", t.Core.GetsockoptTCPInfo(t.File("f", ""), &info), unix.ENOTSOCK)
			t.Errno("nothing", t.Core.GetsockoptTCPInfo(-1, &info), unix.EBADF)
		}},
		{Op: posix.OpBind, Name: "a port whose connections have ended", Run: func(t *T) {
			c, s, l := t.tcp("127.0.0.1")
			name, err := t.Core.Getsockname(l)
			t.Must("name", err)
			t.Must("close the server's end first", t.Core.Close(s))
			t.await(c, unix.POLLRDHUP)
			t.Must("close", t.Core.Close(c))
			t.Must("close", t.Core.Close(l))
			again := t.socket(unix.AF_INET, unix.SOCK_STREAM)
			t.Errno("it waits", t.Core.Bind(again, name), unix.EADDRINUSE)
		}},
	}
}
