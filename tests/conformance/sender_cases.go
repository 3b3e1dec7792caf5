package conformance

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// senderCases are about what random programs have shown of datagram sockets.
func senderCases() []Case {
	return []Case{
		{Op: posix.OpRecvmsg, Name: "a sender is called what it is called by then", Run: func(t *T) {
			a, b := t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), t.socket(unix.AF_UNIX, unix.SOCK_DGRAM)
			to, from := posix.Sockaddr{Family: unix.AF_UNIX, Path: t.Path + "/to"}, posix.Sockaddr{Family: unix.AF_UNIX, Path: t.Path + "/from"}
			t.Must("bind", t.Core.Bind(b, to))
			t.Must("send", t.send(a, "before", to))
			t.Must("bind", t.Core.Bind(a, from))
			t.Equal("from", t.receives("before it had a name", b, "before").Addr, from)
		}},
		{Op: posix.OpGetsockoptTCPInfo, Name: "UDP over IPv6", Run: func(t *T) {
			var info posix.TCPInfo
			t.Errno("info", t.Core.GetsockoptTCPInfo(t.socket(unix.AF_INET6, unix.SOCK_DGRAM), &info), unix.ENOPROTOOPT)
		}},
		{Op: posix.OpConnect, Name: "a datagram socket to port 0", Run: func(t *T) {
			s := t.socket(unix.AF_INET, unix.SOCK_DGRAM)
			t.Errno("shutdown before", t.Core.Shutdown(s, unix.SHUT_WR), unix.ENOTCONN)
			none := posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:0")}
			s = t.socket(unix.AF_INET, unix.SOCK_DGRAM)
			t.Errno("connect", t.Core.Connect(s, none), 0)
			_, err := t.Core.Getpeername(s)
			t.Errno("peer", err, unix.ENOTCONN)
			t.Errno("shutdown", t.Core.Shutdown(s, unix.SHUT_WR), 0)
			t.Must("disconnect", t.Core.Connect(s, posix.Sockaddr{Family: unix.AF_UNSPEC}))
			t.Errno("shutdown afterwards", t.Core.Shutdown(s, unix.SHUT_WR), unix.ENOTCONN)
		}},
		{Op: posix.OpSendmsg, Name: "nowhere, after the end", Run: func(t *T) {
			nowhere := posix.Sockaddr{Family: unix.AF_UNIX, Path: t.Path + "/nothing"}
			for _, c := range []struct {
				what           string
				typ            int
				none, to, long posix.Errno
			}{
				{"stream", unix.SOCK_STREAM, unix.ENOTCONN, unix.EOPNOTSUPP, unix.ENOTCONN}, {"datagram", unix.SOCK_DGRAM, unix.EPIPE, unix.EPIPE, unix.EMSGSIZE}, {"seqpacket", unix.SOCK_SEQPACKET, unix.ENOTCONN, unix.ENOTCONN, unix.ENOTCONN},
			} {
				s := t.socket(unix.AF_UNIX, c.typ)
				t.Must("shutdown", t.Core.Shutdown(s, unix.SHUT_WR))
				_, err := t.Core.Sendmsg(s, &posix.Msg{Data: []byte("x")}, unix.MSG_NOSIGNAL)
				t.Errno(c.what, err, c.none)
				_, err = t.Core.Sendmsg(s, &posix.Msg{Data: []byte("x"), Addr: nowhere}, unix.MSG_NOSIGNAL)
				t.Errno(c.what+" to a name", err, c.to)
				_, err = t.Core.Sendmsg(s, &posix.Msg{Data: make([]byte, 1<<22)}, unix.MSG_NOSIGNAL)
				t.Errno(c.what+", too long", err, c.long)
			}
			_, err := t.Core.Sendmsg(t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), &posix.Msg{Data: make([]byte, 1<<22)}, unix.MSG_NOSIGNAL)
			t.Errno("too long before the end", err, unix.EMSGSIZE)
		}},
		{Op: posix.OpSendmsg, Name: "a datagram socket has a port before its message is looked at", Run: func(t *T) {
			s := t.socket(unix.AF_INET, unix.SOCK_DGRAM)
			before, err := t.Core.Getsockname(s)
			t.Must("name", err)
			t.Equal("port before", before.Addr.Port(), uint16(0))
			t.Errno("nowhere", t.send(s, "x", posix.Sockaddr{}), unix.EDESTADDRREQ)
			after, err := t.Core.Getsockname(s)
			t.Must("name", err)
			t.Equal("it has a port", after.Addr.Port() != 0, true)
		}},
	}
}
