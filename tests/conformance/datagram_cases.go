package conformance

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// datagramCases are about UDP, and about sockets of IPv6 that may take IPv4.
func datagramCases() []Case {
	return []Case{
		{Op: posix.OpRecvmsg, Name: "a datagram that is too long", Run: func(t *T) {
			a, name := t.bound("127.0.0.1", unix.SOCK_DGRAM)
			b, from := t.bound("127.0.0.1", unix.SOCK_DGRAM)
			t.Must("send", t.send(b, "long text", name))
			t.await(a, unix.POLLIN)
			text, m, err := t.recv(a, 4, unix.MSG_PEEK)
			t.Errno("peek", err, 0)
			t.Equal("peek", text, "long")
			t.Equal("flags", m.Flags&unix.MSG_TRUNC, unix.MSG_TRUNC)
			t.Equal("source", m.Addr, from)
			b2 := make([]byte, 4)
			n, err := t.Core.Recvmsg(a, &posix.Msg{Data: b2}, unix.MSG_TRUNC|unix.MSG_DONTWAIT)
			t.count("the length with MSG_TRUNC", n, err, 9)
			t.recvErrno("gone", a, unix.EAGAIN)
		}},
		{Op: posix.OpSendmsg, Name: "datagrams that cannot be", Run: func(t *T) {
			a, name := t.bound("127.0.0.1", unix.SOCK_DGRAM)
			t.Errno("without a destination", t.send(a, "x", posix.Sockaddr{}), unix.EDESTADDRREQ)
			t.Errno("to port 0", t.send(a, "x", inet("127.0.0.1", 0)), unix.EINVAL)
			t.Errno("of another family", t.send(a, "x", inet("::1", 7)), unix.EAFNOSUPPORT)
			t.Errno("65,508 bytes", t.send(a, strings.Repeat("x", 65508), name), unix.EMSGSIZE)
			t.Errno("65,536 bytes", t.send(a, strings.Repeat("x", 65536), name), unix.EMSGSIZE)
			_, err := t.Core.Sendmsg(a, &posix.Msg{Data: []byte("x"), Addr: name}, unix.MSG_OOB)
			t.Errno("out of band", err, unix.EOPNOTSUPP)
			t.Errno("65,507 bytes", t.send(a, strings.Repeat("x", 65507), name), 0)
		}},
		{Op: posix.OpShutdown, Name: "datagrams", Run: func(t *T) {
			a, name := t.bound("127.0.0.1", unix.SOCK_DGRAM)
			b := t.socket(unix.AF_INET, unix.SOCK_DGRAM)
			_, err := t.Core.Getpeername(b)
			t.Errno("peer before", err, unix.ENOTCONN)
			t.Must("connect", t.Core.Connect(b, name))
			peer, err := t.Core.Getpeername(b)
			t.Errno("peer", err, 0)
			t.Equal("peer", peer, name)
			t.Errno("an unknown half", t.Core.Shutdown(b, 3), unix.EINVAL)
			t.Errno("writing", t.Core.Shutdown(b, unix.SHUT_WR), 0)
			_, err = t.Core.Sendmsg(b, &posix.Msg{Data: []byte("x")}, unix.MSG_NOSIGNAL)
			t.Errno("send", err, unix.EPIPE)
			t.Errno("reading", t.Core.Shutdown(b, unix.SHUT_RD), 0)
			t.Equal("poll", t.polled(b, unix.POLLIN|unix.POLLRDHUP), int16(unix.POLLIN|unix.POLLRDHUP|unix.POLLHUP))
			t.Must("leave", t.Core.Connect(b, posix.Sockaddr{}))
			_ = a
		}},
		{Op: posix.OpRead, Name: "a datagram", Run: func(t *T) {
			a, name := t.bound("127.0.0.1", unix.SOCK_DGRAM)
			b := t.socket(unix.AF_INET, unix.SOCK_DGRAM)
			t.Must("connect", t.Core.Connect(b, name))
			t.writes("write", b, "one")
			t.writes("write", b, "two")
			t.Equal("poll", t.await(a, unix.POLLIN), int16(unix.POLLIN))
			t.wants("first", a, "one")
			t.wants("second", a, "two")
			_, _, err := t.Core.Accept4(a, 0)
			t.Errno("accept", err, unix.EOPNOTSUPP)
		}},
		{Op: posix.OpBind, Name: "an address of IPv6 is of IPv6 only", Run: func(t *T) {
			for _, c := range []struct {
				addr string
				want int
			}{{"::1", 1}, {"::", 0}, {"::ffff:127.0.0.1", 0}} {
				for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
					fd := t.socket(unix.AF_INET6, typ)
					to := inet(c.addr, 0)
					to.Family = unix.AF_INET6
					t.Must("bind", t.Core.Bind(fd, to))
					n, err := t.Core.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
					t.count("after "+c.addr, n, err, c.want)
				}
			}
		}},
		{Op: posix.OpConnect, Name: "of IPv6 only to IPv4", Run: func(t *T) {
			for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
				fd := t.socket(unix.AF_INET6, typ)
				t.Must("IPV6_V6ONLY", t.Core.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1))
				to := inet("::ffff:127.0.0.1", 7)
				to.Family = unix.AF_INET6
				t.Errno("connect", t.Core.Connect(fd, to), unix.ENETUNREACH)
				to = inet("::ffff:127.0.0.1", 0)
				to.Family = unix.AF_INET6
				t.Errno("bind", t.Core.Bind(fd, to), unix.EINVAL)
				t.Errno("bind of IPv4", t.Core.Bind(fd, inet("127.0.0.1", 0)), unix.EINVAL)
			}
		}},
		{Op: posix.OpListen, Name: "again", Run: func(t *T) {
			fd, _ := t.bound("127.0.0.1", unix.SOCK_STREAM)
			t.Errno("listen", t.Core.Listen(fd, 1), 0)
			t.Errno("with another backlog", t.Core.Listen(fd, -1), 0)
			var info posix.TCPInfo
			t.Must("info", t.Core.GetsockoptTCPInfo(fd, &info))
			t.Equal("state", info.State, uint8(10)) // TCP_LISTEN
		}},
	}
}
