package conformance

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func at(path string) posix.Sockaddr { return posix.Sockaddr{Family: unix.AF_UNIX, Path: path} }

func unixCases() []Case {
	return []Case{
		{Op: posix.OpBind, Name: "a path", Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			path := t.Path + "/s"
			t.Errno("no directory", t.Core.Bind(s, at(t.Path+"/nothing/s")), unix.ENOENT)
			t.Errno("bind", t.Core.Bind(s, at(path)), 0)
			var st posix.Stat
			t.Must("stat", t.Core.Fstatat(t.Dir, "s", &st, 0))
			t.Equal("type", st.Mode&unix.S_IFMT, uint32(unix.S_IFSOCK))
			t.Errno("again", t.Core.Bind(s, at(t.Path+"/s2")), unix.EINVAL)
			t.Errno("what it made is removed", t.Core.Fstatat(t.Dir, "s2", &st, 0), unix.ENOENT)
			t.Errno("again, on something", t.Core.Bind(s, at(path)), unix.EADDRINUSE)
			_, err := t.Core.Openat2(t.Dir, "s", posix.OpenHow{Flags: unix.O_RDWR})
			t.Errno("open", err, unix.ENXIO)
			t.Must("close", t.Core.Close(s))
			t.Errno("the name stays", t.Core.Fstatat(t.Dir, "s", &st, 0), 0)
			c := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Errno("nobody there", t.Core.Connect(c, at(path)), unix.ECONNREFUSED)
		}},
		{Op: posix.OpBind, Name: "an abstract name", Run: func(t *T) {
			for _, u := range unixTypes {
				s := t.socket(unix.AF_UNIX, u.typ)
				t.Errno("the kernel chooses", t.Core.Bind(s, at("")), 0)
				name, err := t.Core.Getsockname(s)
				t.Errno("name", err, 0)
				t.Equal("length", len(name.Path), 6)
				t.Errno("again", t.Core.Bind(s, at("")), 0)
				t.Errno("another", t.Core.Bind(s, at("@bulkhead-conformance-2")), unix.EINVAL)
				s2 := t.socket(unix.AF_UNIX, u.typ)
				t.Errno("in use", t.Core.Bind(s2, name), unix.EADDRINUSE)
				t.Must("close", t.Core.Close(s))
				t.Errno("free again", t.Core.Bind(s2, name), 0)
			}
		}},
		{Op: posix.OpBind, Name: "nonsense", Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Errno("no address", t.Core.Bind(s, posix.Sockaddr{}), unix.EINVAL)
			t.Errno("too long", t.Core.Bind(s, at("/"+strings.Repeat("x", 108))), unix.ENAMETOOLONG)
			t.Errno("zero byte", t.Core.Bind(s, at("a\x00b")), unix.EINVAL)
			t.Errno("another family", t.Core.Bind(s, posix.Sockaddr{Family: 77}), unix.EAFNOSUPPORT)
			t.Errno("nothing", t.Core.Bind(-1, at("@x")), unix.EBADF)
			t.Errno("a file", t.Core.Bind(t.File("f", ""), at("@x")), unix.ENOTSOCK)
		}},
		{Op: posix.OpBind, Name: "no right to the directory", Need: User, Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Must("make", t.Core.Mkdirat(t.Dir, "d", 0o555))
			t.Errno("bind", t.Core.Bind(s, at(t.Path+"/d/s")), unix.EACCES)
		}},
		{Op: posix.OpListen, Name: "unix", Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Errno("without a name", t.Core.Listen(s, 1), unix.EINVAL)
			t.Errno("datagrams", t.Core.Listen(t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), 1), unix.EOPNOTSUPP)
			t.Errno("nothing", t.Core.Listen(-1, 1), unix.EBADF)
			t.Errno("a file", t.Core.Listen(t.File("f", ""), 1), unix.ENOTSOCK)
			l, addr := t.listener(unix.SOCK_STREAM, 1)
			n, err := t.Core.GetsockoptInt(l, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
			t.count("SO_ACCEPTCONN", n, err, 1)
			t.Errno("connect", t.Core.Connect(l, addr), unix.EINVAL)
			t.Errno("send", t.send(l, "x", posix.Sockaddr{}), unix.ENOTCONN)
			t.recvErrno("receive", l, unix.EINVAL)
			t.Equal("poll", t.polled(l, allEvents), int16(0))
		}},
		{Op: posix.OpListen, Name: "backlog of a unix socket", Run: func(t *T) {
			for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
				l, addr := t.listener(typ, 1)
				for _, want := range []posix.Errno{0, 0, unix.EAGAIN} {
					t.Errno("connect", t.Core.Connect(t.socket(unix.AF_UNIX, typ), addr), want)
				}
				t.Errno("listen again", t.Core.Listen(l, 2), 0)
				t.Errno("connect", t.Core.Connect(t.socket(unix.AF_UNIX, typ), addr), 0)
				t.Equal("poll", t.polled(l, allEvents), int16(0x41))
			}
		}},
		{Op: posix.OpListen, Name: "shut down", Run: func(t *T) {
			l, addr := t.listener(unix.SOCK_STREAM, 5)
			t.Must("connect", t.Core.Connect(t.socket(unix.AF_UNIX, unix.SOCK_STREAM), addr))
			t.Must("shutdown", t.Core.Shutdown(l, unix.SHUT_RD))
			t.Equal("poll", t.polled(l, allEvents), int16(0x2041))
			t.Errno("connect", t.Core.Connect(t.socket(unix.AF_UNIX, unix.SOCK_STREAM), addr), unix.ECONNREFUSED)
			fd, _, err := t.Core.Accept4(l, 0)
			t.FD(fd, err)
			_, _, err = t.Core.Accept4(l, 0)
			t.Errno("accept", err, unix.EAGAIN)
			t.Errno("listen again", t.Core.Listen(l, 5), 0)
			t.Errno("does not heal", t.Core.Connect(t.socket(unix.AF_UNIX, unix.SOCK_STREAM), addr), unix.ECONNREFUSED)
		}},
		{Op: posix.OpAccept4, Name: "order of checks", Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			for _, c := range []struct {
				what  string
				fd    posix.FD
				flags int
				want  posix.Errno
			}{
				{"nothing, with flags", -1, 1, unix.EBADF}, {"a file, with flags", t.File("f", ""), 1, unix.EINVAL},
				{"a file", t.Open("f", 0), 0, unix.ENOTSOCK}, {"flags", s, 1, unix.EINVAL}, {"not listening", s, 0, unix.EINVAL},
				{"datagrams", t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), 0, unix.EOPNOTSUPP},
			} {
				_, _, err := t.Core.Accept4(c.fd, c.flags)
				t.Errno(c.what, err, c.want)
			}
		}},
		{Op: posix.OpAccept4, Name: "what was sent before", Run: func(t *T) {
			for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
				l, addr := t.listener(typ, 1)
				c := t.socket(unix.AF_UNIX, typ)
				t.Must("connect", t.Core.Connect(c, addr))
				t.Errno("connect again", t.Core.Connect(c, addr), unix.EISCONN)
				t.writes("early", c, "early")
				t.Must("close", t.Core.Close(c))
				s, _, err := t.Core.Accept4(l, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
				t.FD(s, err)
				t.wants("early", s, "early")
				t.wants("end", s, "")
				n, err := t.Core.Fcntl(s, unix.F_GETFL, 0)
				t.count("flags", n, err, unix.O_RDWR|unix.O_NONBLOCK)
			}
		}},
		{Op: posix.OpAccept4, Name: "nobody accepted", Run: func(t *T) {
			l, addr := t.listener(unix.SOCK_STREAM, 1)
			c := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Must("connect", t.Core.Connect(c, addr))
			t.Must("close", t.Core.Close(l))
			t.Equal("poll", t.polled(c, allEvents), int16(0x235d))
			n, err := t.Core.GetsockoptInt(c, unix.SOL_SOCKET, unix.SO_ERROR)
			t.count("SO_ERROR", n, err, int(unix.ECONNRESET))
			t.wants("end", c, "")
		}},
		{Op: posix.OpConnect, Name: "unix errors", Run: func(t *T) {
			for _, u := range unixTypes {
				s := t.socket(unix.AF_UNIX, u.typ)
				t.File(u.name, "")
				t.Errno("nobody", t.Core.Connect(s, nowhere), unix.ECONNREFUSED)
				t.Errno("no file", t.Core.Connect(s, at(t.Path+"/nothing")), unix.ENOENT)
				t.Errno("a file", t.Core.Connect(s, at(t.Path+"/"+u.name)), unix.ECONNREFUSED)
				t.Errno("no name", t.Core.Connect(s, at("")), unix.EINVAL)
				want := posix.Errno(unix.EINVAL)
				if u.typ == unix.SOCK_DGRAM {
					want = 0
				}
				t.Errno("no address", t.Core.Connect(s, posix.Sockaddr{}), want)
			}
			t.Errno("nothing", t.Core.Connect(-1, nowhere), unix.EBADF)
			t.Errno("not a socket", t.Core.Connect(t.File("f", ""), nowhere), unix.ENOTSOCK)
		}},
		{Op: posix.OpConnect, Name: "another type", Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Must("bind", t.Core.Bind(s, at(t.Path+"/s")))
			t.Errno("path", t.Core.Connect(t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), at(t.Path+"/s")), unix.EPROTOTYPE)
			_, addr := t.listener(unix.SOCK_STREAM, 1)
			t.Errno("abstract", t.Core.Connect(t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), addr), unix.ECONNREFUSED)
		}},
		{Op: posix.OpConnect, Name: "no right to write", Need: User, Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Must("bind", t.Core.Bind(s, at(t.Path+"/s")))
			t.Must("listen", t.Core.Listen(s, 1))
			t.Must("chmod", t.Core.Fchmodat(t.Dir, "s", 0o500))
			t.Errno("connect", t.Core.Connect(t.socket(unix.AF_UNIX, unix.SOCK_STREAM), at(t.Path+"/s")), unix.EACCES)
		}},
		{Op: posix.OpConnect, Name: "datagrams", Run: func(t *T) {
			a, b, c := t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), t.socket(unix.AF_UNIX, unix.SOCK_DGRAM)
			t.Must("bind", t.Core.Bind(a, at("")))
			name, err := t.Core.Getsockname(a)
			t.Must("name", err)
			t.Must("connect", t.Core.Connect(b, name))
			t.writes("text", b, "x")
			t.Equal("no source", t.receives("text", a, "x").Addr, posix.Sockaddr{})
			t.Errno("back", t.send(a, "x", posix.Sockaddr{}), unix.ENOTCONN)
			t.Must("bind", t.Core.Bind(b, at("")))
			back, err := t.Core.Getsockname(b)
			t.Must("name", err)
			t.writes("text", b, "y")
			t.Equal("source", t.receives("text", a, "y").Addr, back)
			t.Must("connect back", t.Core.Connect(a, back))
			t.Errno("a third", t.Core.Connect(c, name), unix.EPERM)
			t.Errno("a third sends", t.send(c, "z", name), unix.EPERM)
			t.writes("one to be lost", b, "lost")
			t.Must("dissolve", t.Core.Connect(a, posix.Sockaddr{}))
			t.recvErrno("lost", a, unix.EAGAIN)
			n, err := t.Core.GetsockoptInt(b, unix.SOL_SOCKET, unix.SO_ERROR)
			t.count("and told", n, err, int(unix.ECONNRESET))
		}},
		{Op: posix.OpSendmsg, Name: "not connected", Run: func(t *T) {
			for _, c := range []struct {
				typ      int
				none, to posix.Errno
			}{
				{unix.SOCK_STREAM, unix.ENOTCONN, unix.EOPNOTSUPP}, {unix.SOCK_DGRAM, unix.ENOTCONN, unix.ECONNREFUSED},
				{unix.SOCK_SEQPACKET, unix.ENOTCONN, unix.ENOTCONN},
			} {
				s := t.socket(unix.AF_UNIX, c.typ)
				t.Errno("send", t.send(s, "x", posix.Sockaddr{}), c.none)
				t.Errno("send to", t.send(s, "x", nowhere), c.to)
			}
			a, _ := t.sockets(unix.SOCK_STREAM)
			t.Errno("an address on a stream", t.send(a, "x", nowhere), unix.EISCONN)
			a, _ = t.sockets(unix.SOCK_SEQPACKET)
			t.Errno("an address on a seqpacket socket", t.send(a, "x", nowhere), 0)
			_, err := t.Core.Sendmsg(t.File("f", ""), &posix.Msg{}, 0)
			t.Errno("a file", err, unix.ENOTSOCK)
			_, err = t.Core.Sendmsg(-1, &posix.Msg{}, 0)
			t.Errno("nothing", err, unix.EBADF)
		}},
		{Op: posix.OpSendmsg, Name: "too long", Run: func(t *T) {
			a, _ := t.sockets(unix.SOCK_DGRAM)
			t.Errno("a datagram", t.send(a, strings.Repeat("x", 212992), posix.Sockaddr{}), unix.EMSGSIZE)
			a, b := t.sockets(unix.SOCK_STREAM)
			n, err := t.Core.Write(a, make([]byte, 1<<20))
			t.count("part of a stream", n, err, 219264)
			total := 0
			for {
				got, _, err := t.recv(b, 1<<16, 0)
				if err != nil {
					break
				}
				total += len(got)
			}
			t.Equal("all of it", total, n)
		}},
		{Op: posix.OpSendmsg, Name: "full queue of datagrams", Run: func(t *T) {
			a, b := t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), t.socket(unix.AF_UNIX, unix.SOCK_DGRAM)
			t.Must("bind", t.Core.Bind(a, at("")))
			name, err := t.Core.Getsockname(a)
			t.Must("name", err)
			n := 0
			for t.send(b, "x", name) == nil {
				n++
			}
			t.Errno("full", t.send(b, "x", name), unix.EAGAIN)
			t.receives("one", a, "x")
			t.Errno("room", t.send(b, "x", name), 0)
			if n < 2 || n > 1000 {
				t.Errorf("%d datagrams wait", n)
			}
		}},
		{Op: posix.OpSendmsg, Name: "descriptors", Run: func(t *T) {
			for _, u := range unixTypes {
				a, b := t.sockets(u.typ)
				r, w := t.pipe(0)
				n, err := t.Core.Sendmsg(a, &posix.Msg{Data: []byte("x"), Control: rights(w, r)}, 0)
				t.count("send", n, err, 1)
				t.Must("close", t.Core.Close(w))
				t.Must("close", t.Core.Close(r))
				got := t.descriptors(t.receives(u.name, b, "x"))
				t.Equal("descriptors", len(got), 2)
				if len(got) == 2 {
					t.writes("through it", got[0], "y")
					t.wants("through it", got[1], "y")
				}
			}
		}},
		{Op: posix.OpSendmsg, Name: "control messages that are refused", Run: func(t *T) {
			a, _ := t.sockets(unix.SOCK_STREAM)
			short := rights(a)
			binary.NativeEndian.PutUint64(short, 15)
			long := rights(a)
			binary.NativeEndian.PutUint64(long, uint64(len(long)+1))
			many := make([]posix.FD, 254)
			for i := range many {
				many[i] = a
			}
			for _, c := range []struct {
				what string
				msg  []byte
				want posix.Errno
			}{
				{"not open", rights(1 << 20), unix.EBADF}, {"negative", rights(-1), unix.EBADF}, {"length below the header", short, unix.EINVAL},
				{"length beyond the buffer", long, unix.EINVAL}, {"too many", rights(many...), unix.EINVAL},
				{"as many as there may be", rights(many[1:]...), 0}, {"unknown type", control(unix.SOL_SOCKET, 99, nil), unix.EINVAL},
				{"another level", control(99, 99, nil), 0}, {"less than a header", []byte{1, 2, 3}, 0}, {"no descriptors", rights(), 0},
				{"short credentials", control(unix.SOL_SOCKET, unix.SCM_CREDENTIALS, make([]byte, 11)), unix.EINVAL},
			} {
				_, err := t.Core.Sendmsg(a, &posix.Msg{Data: []byte("x"), Control: c.msg}, 0)
				t.Errno(c.what, err, c.want)
			}
		}},
		{Op: posix.OpSendmsg, Name: "somebody else's credentials", Need: User, Run: func(t *T) {
			a, _ := t.sockets(unix.SOCK_STREAM)
			for _, c := range [][3]uint32{{1, 0, 0}, {uint32(t.Core.Getpid()), 0, uint32(t.Core.Getgid())}} {
				_, err := t.Core.Sendmsg(a, &posix.Msg{Data: []byte("x"), Control: credentials(c)}, 0)
				t.Errno("send", err, unix.EPERM)
			}
		}},
		{Op: posix.OpSendmsg, Name: "a socket in its own queue", Run: func(t *T) {
			a, b := t.sockets(unix.SOCK_STREAM)
			r, w := t.pipe(unix.O_NONBLOCK)
			_, err := t.Core.Sendmsg(a, &posix.Msg{Data: []byte("x"), Control: rights(b, w)}, 0)
			t.Must("send", err)
			_, err = t.Core.Sendmsg(b, &posix.Msg{Data: []byte("x"), Control: rights(a)}, 0)
			t.Must("send", err)
			t.Must("close", t.Core.Close(w))
			t.Must("close", t.Core.Close(a))
			t.Must("close", t.Core.Close(b))
			t.Must("another socket is released, which makes the kernel look", t.Core.Close(t.socket(unix.AF_UNIX, unix.SOCK_STREAM)))
			fds := []posix.PollFD{{FD: r, Events: unix.POLLIN}}
			n, err := t.Core.Ppoll(fds, &posix.Timespec{Sec: 20})
			t.count("nobody can ever write to the pipe", n, err, 1)
			t.Equal("hang-up", fds[0].Revents, int16(unix.POLLHUP))
		}},
		{Op: posix.OpRecvmsg, Name: "not connected", Run: func(t *T) {
			t.recvErrno("stream", t.socket(unix.AF_UNIX, unix.SOCK_STREAM), unix.EINVAL)
			t.recvErrno("datagrams", t.socket(unix.AF_UNIX, unix.SOCK_DGRAM), unix.EAGAIN)
			t.recvErrno("seqpacket", t.socket(unix.AF_UNIX, unix.SOCK_SEQPACKET), unix.ENOTCONN)
			t.recvErrno("a file", t.File("f", ""), unix.ENOTSOCK)
			t.recvErrno("nothing", -1, unix.EBADF)
		}},
		{Op: posix.OpRecvmsg, Name: "peek and cut", Run: func(t *T) {
			a, b := t.sockets(unix.SOCK_STREAM)
			t.writes("text", a, "abc")
			t.writes("text", a, "def")
			got, _, err := t.recv(b, 10, unix.MSG_PEEK)
			t.Errno("peek", err, 0)
			t.Equal("peek", got, "abcdef")
			got, _, _ = t.recv(b, 4, 0)
			t.Equal("stream", got, "abcd")
			for _, typ := range []int{unix.SOCK_DGRAM, unix.SOCK_SEQPACKET} {
				a, b := t.sockets(typ)
				t.writes("text", a, "abc")
				t.writes("text", a, "def")
				got, m, _ := t.recv(b, 2, unix.MSG_PEEK)
				t.Equal("peek", got, "ab")
				t.Equal("cut", m.Flags, unix.MSG_TRUNC)
				n, err := t.Core.Recvmsg(b, &posix.Msg{Data: make([]byte, 1)}, unix.MSG_TRUNC)
				t.count("whole length", n, err, 3)
				got, m, _ = t.recv(b, 3, 0)
				t.Equal("next", got, "def")
				t.Equal("flags", m.Flags, 0)
			}
		}},
		{Op: posix.OpRecvmsg, Name: "descriptors end a read", Run: func(t *T) {
			a, b := t.sockets(unix.SOCK_STREAM)
			t.writes("before", a, "before")
			_, err := t.Core.Sendmsg(a, &posix.Msg{Data: []byte("with"), Control: rights(a)}, 0)
			t.Must("send", err)
			t.writes("after", a, "after")
			t.descriptors(t.receives("up to the descriptor", b, "beforewith"))
			t.receives("after", b, "after")
		}},
		{Op: posix.OpRecvmsg, Name: "no room for descriptors", Run: func(t *T) {
			a, b := t.sockets(unix.SOCK_STREAM)
			for _, c := range []struct{ room, fds, used int }{{0, 0, 0}, {15, 0, 0}, {16, 0, 0}, {20, 1, 20}, {24, 2, 24}, {32, 3, 32}} {
				_, err := t.Core.Sendmsg(a, &posix.Msg{Data: []byte("x"), Control: rights(a, a, a)}, 0)
				t.Must("send", err)
				m := posix.Msg{Data: make([]byte, 1), Control: make([]byte, c.room)}
				_, err = t.Core.Recvmsg(b, &m, unix.MSG_CMSG_CLOEXEC)
				t.Must("receive", err)
				t.Equal("used", m.ControlLen, c.used)
				want := unix.MSG_CMSG_CLOEXEC
				if c.fds < 3 {
					want |= unix.MSG_CTRUNC
				}
				t.Equal("flags", m.Flags, want)
				if m.ControlLen > 16 {
					t.Equal("descriptors", len(t.descriptors(m)), c.fds)
				}
			}
		}},
		{Op: posix.OpRecvmsg, Name: "credentials", Run: func(t *T) {
			for _, u := range unixTypes {
				a, b := t.sockets(u.typ)
				t.Must("pass", t.Core.SetsockoptInt(b, unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
				t.writes("text", a, "x")
				m := t.receives(u.name, b, "x")
				list, err := unix.ParseSocketControlMessage(m.Control[:m.ControlLen])
				t.Must("parse", err)
				if len(list) != 1 || list[0].Header.Type != unix.SCM_CREDENTIALS {
					t.Fatalf("control messages %v", list)
				}
				who, err := unix.ParseUnixCredentials(&list[0])
				t.Must("parse", err)
				t.Equal("pid", posix.PID(who.Pid), t.Core.Getpid())
				t.Equal("uid", posix.UID(who.Uid), t.Core.Getuid())
				t.Equal("gid", posix.GID(who.Gid), t.Core.Getgid())
			}
		}},
		{Op: posix.OpRecvmsg, Name: "nothing asked for", Run: func(t *T) {
			a, b := t.sockets(unix.SOCK_STREAM)
			_, _, err := t.recv(b, 0, 0)
			t.Errno("empty", err, unix.EAGAIN)
			t.writes("text", a, "x")
			_, _, err = t.recv(b, 0, 0)
			t.Errno("something there", err, 0)
			t.receives("still there", b, "x")
		}},
		{Op: posix.OpEpollWait, Name: "edges of a stream", Run: func(t *T) {
			a, b := t.sockets(unix.SOCK_STREAM)
			ep := t.watch(unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET, a)
			t.ready("writable", ep, a)
			t.ready("once", ep)
			t.writes("text", b, "x")
			t.ready("readable", ep, a)
			t.writes("text", a, "y")
			t.ready("nothing", ep)
			t.wants("text", b, "y")
			t.ready("room", ep, a)
			t.Must("close", t.Core.Close(b))
			t.ready("hang-up", ep, a)
			t.ready("once", ep)
		}},
	}
}

func credentials(ids [3]uint32) []byte {
	var b []byte
	for _, id := range ids {
		b = binary.NativeEndian.AppendUint32(b, id)
	}
	return control(unix.SOL_SOCKET, unix.SCM_CREDENTIALS, b)
}
