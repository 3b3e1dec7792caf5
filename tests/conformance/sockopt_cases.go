package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func sockoptCases() []Case {
	return []Case{
		{Op: posix.OpGetsockoptUcred, Name: "a pair", Run: func(t *T) {
			a, _ := t.sockets(unix.SOCK_STREAM)
			u, err := t.Core.GetsockoptUcred(a)
			t.Errno("get", err, 0)
			t.Equal("who", u, posix.Ucred{PID: t.Core.Getpid(), UID: t.Core.Geteuid(), GID: t.Core.Getegid()})
		}},
		{Op: posix.OpGetsockoptUcred, Name: "nobody", Run: func(t *T) {
			u, err := t.Core.GetsockoptUcred(t.socket(unix.AF_UNIX, unix.SOCK_STREAM))
			t.Errno("get", err, 0)
			t.Equal("who", u, posix.Ucred{UID: ^posix.UID(0), GID: ^posix.GID(0)})
			u, err = t.Core.GetsockoptUcred(t.socket(unix.AF_INET, unix.SOCK_STREAM))
			t.Errno("get", err, 0)
			t.Equal("who", u, posix.Ucred{UID: ^posix.UID(0), GID: ^posix.GID(0)})
		}},
		{Op: posix.OpGetsockoptUcred, Name: "not a socket", Run: func(t *T) {
			_, err := t.Core.GetsockoptUcred(t.File("f", ""))
			t.Errno("a file", err, unix.ENOTSOCK)
			_, err = t.Core.GetsockoptUcred(-1)
			t.Errno("nothing", err, unix.EBADF)
		}},
		{Op: posix.OpGetsockoptUcred, Name: "a connection", Run: func(t *T) {
			l, addr := t.listener(unix.SOCK_STREAM, 1)
			c := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Must("connect", t.Core.Connect(c, addr))
			s, _, err := t.Core.Accept4(l, 0)
			t.FD(s, err)
			me := posix.Ucred{PID: t.Core.Getpid(), UID: t.Core.Geteuid(), GID: t.Core.Getegid()}
			for _, fd := range []posix.FD{l, c, s} {
				u, err := t.Core.GetsockoptUcred(fd)
				t.Errno("get", err, 0)
				t.Equal("who", u, me)
			}
		}},
		{Op: posix.OpSetsockoptInt, Name: "unix", Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			for _, c := range []struct {
				level, option, value int
				want                 posix.Errno
				get                  int
			}{
				{unix.SOL_SOCKET, unix.SO_REUSEADDR, 7, 0, 1}, {unix.SOL_SOCKET, unix.SO_KEEPALIVE, -1, 0, 1},
				{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1, unix.EOPNOTSUPP, 0}, {unix.SOL_SOCKET, unix.SO_REUSEPORT, 0, 0, 0},
				{unix.SOL_SOCKET, unix.SO_PASSCRED, 1, 0, 1}, {unix.SOL_SOCKET, unix.SO_SNDBUF, 1, 0, 4608}, {unix.SOL_SOCKET, unix.SO_RCVBUF, 1, 0, 2304},
				{unix.SOL_SOCKET, unix.SO_SNDBUF, 100000, 0, 200000}, {unix.SOL_SOCKET, unix.SO_TYPE, 1, unix.ENOPROTOOPT, unix.SOCK_STREAM},
				{unix.SOL_SOCKET, unix.SO_ERROR, 1, unix.ENOPROTOOPT, 0}, {unix.SOL_SOCKET, unix.SO_ACCEPTCONN, 1, unix.ENOPROTOOPT, 0},
				{unix.SOL_SOCKET, unix.SO_LINGER, 1, unix.EINVAL, 0}, {unix.SOL_SOCKET, unix.SO_RCVLOWAT, 0, 0, 1},
				{unix.SOL_SOCKET, unix.SO_PRIORITY, 6, 0, 6},
			} {
				t.Errno("set", t.Core.SetsockoptInt(s, c.level, c.option, c.value), c.want)
				n, err := t.Core.GetsockoptInt(s, c.level, c.option)
				t.count("get", n, err, c.get)
			}
		}},
		{Op: posix.OpSetsockoptInt, Name: "refused", Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Errno("unknown", t.Core.SetsockoptInt(s, unix.SOL_SOCKET, 9999, 1), unix.ENOPROTOOPT)
			t.Errno("level", t.Core.SetsockoptInt(s, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1), unix.EOPNOTSUPP)
			t.Errno("a file", t.Core.SetsockoptInt(t.File("f", ""), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.ENOTSOCK)
			t.Errno("nothing", t.Core.SetsockoptInt(-1, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.EBADF)
		}},
		{Op: posix.OpSetsockoptInt, Name: "without capability", Need: User, Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Errno("mark", t.Core.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_MARK, 1), unix.EPERM)
			t.Errno("priority", t.Core.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_PRIORITY, 7), unix.EPERM)
			t.Errno("buffer", t.Core.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 7), unix.EPERM)
			t.Errno("debug", t.Core.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_DEBUG, 1), unix.EACCES)
		}},
		{Op: posix.OpGetsockoptInt, Name: "unix", Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_SEQPACKET)
			for _, c := range []struct{ option, want int }{
				{unix.SO_TYPE, unix.SOCK_SEQPACKET}, {unix.SO_DOMAIN, unix.AF_UNIX}, {unix.SO_PROTOCOL, 0}, {unix.SO_ERROR, 0}, {unix.SO_ACCEPTCONN, 0},
				{unix.SO_SNDBUF, 212992}, {unix.SO_RCVBUF, 212992}, {unix.SO_SNDLOWAT, 1}, {unix.SO_RCVLOWAT, 1}, {unix.SO_PASSCRED, 0},
			} {
				n, err := t.Core.GetsockoptInt(s, unix.SOL_SOCKET, c.option)
				t.count("get", n, err, c.want)
			}
		}},
		{Op: posix.OpGetsockoptInt, Name: "refused", Run: func(t *T) {
			_, err := t.Core.GetsockoptInt(t.socket(unix.AF_UNIX, unix.SOCK_STREAM), unix.IPPROTO_TCP, 1)
			t.Errno("level", err, unix.EOPNOTSUPP)
			_, err = t.Core.GetsockoptInt(t.File("f", ""), unix.SOL_SOCKET, unix.SO_TYPE)
			t.Errno("a file", err, unix.ENOTSOCK)
			_, err = t.Core.GetsockoptInt(-1, unix.SOL_SOCKET, unix.SO_TYPE)
			t.Errno("nothing", err, unix.EBADF)
		}},
		{Op: posix.OpGetsockoptInt, Name: "a pending error is told once", Run: func(t *T) {
			a, b := t.sockets(unix.SOCK_STREAM)
			t.writes("text", a, "unread")
			t.Must("close", t.Core.Close(b))
			n, err := t.Core.GetsockoptInt(a, unix.SOL_SOCKET, unix.SO_ERROR)
			t.count("first", n, err, int(unix.ECONNRESET))
			n, err = t.Core.GetsockoptInt(a, unix.SOL_SOCKET, unix.SO_ERROR)
			t.count("second", n, err, 0)
		}},
	}
}
