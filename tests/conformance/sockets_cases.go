package conformance

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// socket makes a socket that does not wait.
func (t *T) socket(family, typ int) posix.FD {
	t.Helper()
	return t.FD(t.Core.Socket(family, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0))
}

// sockets makes two connected unix sockets that do not wait.
func (t *T) sockets(typ int) (a, b posix.FD) {
	t.Helper()
	return t.Pair(t.Core.Socketpair(unix.AF_UNIX, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0))
}

// listener makes a listening unix socket with an abstract name that the kernel chose.
func (t *T) listener(typ, backlog int) (posix.FD, posix.Sockaddr) {
	t.Helper()
	fd := t.socket(unix.AF_UNIX, typ)
	t.Must("bind", t.Core.Bind(fd, posix.Sockaddr{Family: unix.AF_UNIX}))
	t.Must("listen", t.Core.Listen(fd, backlog))
	addr, err := t.Core.Getsockname(fd)
	t.Must("name", err)
	return fd, addr
}

func (t *T) recv(fd posix.FD, size, flags int) (string, posix.Msg, error) {
	t.Helper()
	m := posix.Msg{Data: make([]byte, size), Control: make([]byte, 256)}
	n, err := t.Core.Recvmsg(fd, &m, flags)
	return string(m.Data[:min(n, size)]), m, err
}

// receives reports a message that is not want.
func (t *T) receives(what string, fd posix.FD, want string) posix.Msg {
	t.Helper()
	got, m, err := t.recv(fd, len(want)+100, 0)
	if err != nil || got != want {
		t.Errorf("%s: received %q, %v, want %q", what, got, err, want)
	}
	return m
}

func (t *T) recvErrno(what string, fd posix.FD, want posix.Errno) {
	t.Helper()
	_, _, err := t.recv(fd, 10, unix.MSG_DONTWAIT)
	t.Errno(what, err, want)
}

func (t *T) send(fd posix.FD, text string, to posix.Sockaddr) error {
	_, err := t.Core.Sendmsg(fd, &posix.Msg{Data: []byte(text), Addr: to}, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	return err
}

// rights is a control message with descriptors.
func rights(fds ...posix.FD) []byte {
	data := []byte{}
	for _, fd := range fds {
		data = binary.NativeEndian.AppendUint32(data, uint32(fd))
	}
	return control(unix.SOL_SOCKET, unix.SCM_RIGHTS, data)
}

func control(level, typ int, data []byte) []byte {
	b := make([]byte, unix.CmsgSpace(len(data)))
	binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(len(data))))
	binary.NativeEndian.PutUint32(b[8:], uint32(level))
	binary.NativeEndian.PutUint32(b[12:], uint32(typ))
	copy(b[unix.CmsgLen(0):], data)
	return b
}

// descriptors returns those that came with a message, closing them at the end.
func (t *T) descriptors(m posix.Msg) []posix.FD {
	t.Helper()
	list, err := unix.ParseSocketControlMessage(m.Control[:m.ControlLen])
	t.Must("parse control messages", err)
	var fds []posix.FD
	for _, c := range list {
		if c.Header.Type == unix.SCM_RIGHTS {
			for b := c.Data; len(b) >= 4; b = b[4:] {
				fds = append(fds, t.FD(posix.FD(int32(binary.NativeEndian.Uint32(b))), nil))
			}
		}
	}
	return fds
}

var unixTypes = []struct {
	name string
	typ  int
}{{"stream", unix.SOCK_STREAM}, {"datagram", unix.SOCK_DGRAM}, {"seqpacket", unix.SOCK_SEQPACKET}}

var nowhere = posix.Sockaddr{Family: unix.AF_UNIX, Path: "@bulkhead-conformance-nobody"}

func socketsCases() []Case {
	return []Case{
		{Op: posix.OpSocket, Name: "families and types", Run: func(t *T) {
			for _, c := range []struct {
				family, typ, protocol int
				want                  posix.Errno
			}{
				{unix.AF_UNIX, unix.SOCK_STREAM, 0, 0}, {unix.AF_UNIX, unix.SOCK_DGRAM, 1, 0}, {unix.AF_UNIX, unix.SOCK_RAW, 0, 0},
				{unix.AF_UNIX, unix.SOCK_STREAM, 2, unix.EPROTONOSUPPORT}, {unix.AF_UNIX, unix.SOCK_RDM, 0, unix.ESOCKTNOSUPPORT},
				{unix.AF_UNIX, 11, 0, unix.EINVAL}, {unix.AF_UNIX, 0, 0, unix.ESOCKTNOSUPPORT}, {unix.AF_UNIX, -1, 0, unix.EINVAL},
				{unix.AF_UNIX, unix.SOCK_STREAM | 0x10, 0, unix.EINVAL}, {unix.AF_UNIX, unix.SOCK_STREAM | 0x100, 0, unix.EINVAL},
				{99, unix.SOCK_STREAM, 0, unix.EAFNOSUPPORT}, {-1, unix.SOCK_STREAM, 0, unix.EAFNOSUPPORT}, {0, unix.SOCK_STREAM, 0, unix.EAFNOSUPPORT},
				{45, unix.SOCK_STREAM, 0, unix.EAFNOSUPPORT},
				{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, 0}, {unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP, 0},
				{unix.AF_INET6, unix.SOCK_STREAM, 0, 0}, {unix.AF_INET6, unix.SOCK_DGRAM, 0, 0},
				{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_UDP, unix.EPROTONOSUPPORT},
				{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_TCP, unix.EPROTONOSUPPORT},
				{unix.AF_INET, unix.SOCK_SEQPACKET, 0, unix.ESOCKTNOSUPPORT}, {unix.AF_INET, unix.SOCK_STREAM, -1, unix.EINVAL},
				{unix.AF_INET, unix.SOCK_STREAM, 263, unix.EINVAL}, {unix.AF_INET, 0, 0, unix.ESOCKTNOSUPPORT},
				{unix.AF_INET, unix.SOCK_RDM, 0, unix.ESOCKTNOSUPPORT},
			} {
				fd, err := t.Core.Socket(c.family, c.typ, c.protocol)
				t.Errno("socket", err, c.want)
				if err == nil {
					t.FD(fd, nil)
				} else if fd != -1 {
					t.Errorf("socket failed with descriptor %d", fd)
				}
			}
		}},
		{Op: posix.OpSocket, Name: "raw", Need: User, Run: func(t *T) {
			_, err := t.Core.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
			t.Errno("without the capability", err, unix.EPERM)
		}},
		{Op: posix.OpSocket, Name: "is a socket", Run: func(t *T) {
			fd := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			var st posix.Stat
			t.Must("stat", t.Core.Fstat(fd, &st))
			t.Equal("mode", st.Mode, uint32(unix.S_IFSOCK|0o777))
			_, err := t.Core.Lseek(fd, 0, unix.SEEK_CUR)
			t.Errno("seek", err, unix.ESPIPE)
			n, err := t.Core.Fcntl(fd, unix.F_GETFL, 0)
			t.count("flags", n, err, unix.O_RDWR|unix.O_NONBLOCK)
		}},
		{Op: posix.OpSocketpair, Name: "families", Run: func(t *T) {
			for _, c := range []struct {
				family, typ int
				want        posix.Errno
			}{
				{unix.AF_INET, unix.SOCK_STREAM, unix.EOPNOTSUPP}, {unix.AF_INET6, unix.SOCK_DGRAM, unix.EOPNOTSUPP},
				{99, unix.SOCK_STREAM, unix.EAFNOSUPPORT}, {unix.AF_UNIX, unix.SOCK_STREAM | 0x100, unix.EINVAL},
				{unix.AF_UNIX, unix.SOCK_RDM, unix.ESOCKTNOSUPPORT},
			} {
				a, b, err := t.Core.Socketpair(c.family, c.typ, 0)
				t.Errno("socketpair", err, c.want)
				t.Equal("first", a, posix.FD(-1))
				t.Equal("second", b, posix.FD(-1))
			}
		}},
		{Op: posix.OpSocketpair, Name: "both directions", Run: func(t *T) {
			for _, u := range unixTypes {
				a, b := t.sockets(u.typ)
				t.writes(u.name, a, "there")
				t.writes(u.name, b, "back")
				t.wants(u.name, b, "there")
				t.wants(u.name, a, "back")
			}
		}},
		{Op: posix.OpSocketpair, Name: "has no names", Run: func(t *T) {
			a, _ := t.sockets(unix.SOCK_STREAM)
			name, err := t.Core.Getsockname(a)
			t.Errno("name", err, 0)
			t.Equal("name", name, posix.Sockaddr{Family: unix.AF_UNIX})
			name, err = t.Core.Getpeername(a)
			t.Errno("peer", err, 0)
			t.Equal("peer", name, posix.Sockaddr{Family: unix.AF_UNIX})
		}},
		{Op: posix.OpSocketpair, Name: "end of a stream", Run: func(t *T) {
			for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
				a, b := t.sockets(typ)
				t.writes("text", b, "last")
				t.Must("close", t.Core.Close(b))
				t.Equal("poll", t.polled(a, allEvents), int16(0x2355))
				t.wants("text", a, "last")
				t.wants("end", a, "")
				t.Errno("send", t.send(a, "x", posix.Sockaddr{}), unix.EPIPE)
			}
		}},
		{Op: posix.OpSocketpair, Name: "closed with unread bytes", Run: func(t *T) {
			for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
				a, b := t.sockets(typ)
				t.writes("text", a, "lost")
				t.Must("close", t.Core.Close(b))
				t.Equal("poll", t.polled(a, allEvents), int16(0x235d))
				t.recvErrno("first", a, unix.ECONNRESET)
				t.wants("second", a, "")
			}
		}},
		{Op: posix.OpSocketpair, Name: "datagrams to nobody", Run: func(t *T) {
			a, b := t.sockets(unix.SOCK_DGRAM)
			t.Must("close", t.Core.Close(b))
			t.Equal("poll", t.polled(a, allEvents), int16(0x304))
			t.recvErrno("receive", a, unix.EAGAIN)
			t.Errno("first", t.send(a, "x", posix.Sockaddr{}), unix.ECONNREFUSED)
			t.Errno("second", t.send(a, "x", posix.Sockaddr{}), unix.ENOTCONN)
		}},
		{Op: posix.OpSocketpair, Name: "fills up", Run: func(t *T) {
			for _, c := range []struct{ typ, size, want int }{
				{unix.SOCK_STREAM, 1, 278}, {unix.SOCK_STREAM, 193, 167}, {unix.SOCK_STREAM, 1024, 93}, {unix.SOCK_STREAM, 3777, 44},
				{unix.SOCK_STREAM, 8000, 24}, {unix.SOCK_DGRAM, 1, 278}, {unix.SOCK_DGRAM, 3777, 26}, {unix.SOCK_DGRAM, 20000, 11},
				{unix.SOCK_SEQPACKET, 100000, 3},
			} {
				a, _ := t.sockets(c.typ)
				b := make([]byte, c.size)
				n := 0
				for {
					if _, err := t.Core.Write(a, b); err != nil {
						t.Errno("full", err, unix.EAGAIN)
						break
					}
					n++
				}
				t.Equal("messages", n, c.want)
				t.Equal("poll", t.polled(a, allEvents), int16(0))
			}
		}},
		{Op: posix.OpShutdown, Name: "directions", Run: func(t *T) {
			a, b := t.sockets(unix.SOCK_STREAM)
			t.Must("write", t.Core.Shutdown(a, unix.SHUT_WR))
			t.Errno("send", t.send(a, "x", posix.Sockaddr{}), unix.EPIPE)
			t.wants("end", b, "")
			t.Equal("poll a", t.polled(a, allEvents), int16(0x304))
			t.Equal("poll b", t.polled(b, allEvents), int16(0x2345))
			t.writes("the other way", b, "x")
			t.wants("the other way", a, "x")
			t.Must("read", t.Core.Shutdown(a, unix.SHUT_RD))
			t.Errno("send", t.send(b, "x", posix.Sockaddr{}), unix.EPIPE)
			t.Equal("poll b", t.polled(b, allEvents), int16(0x2355))
		}},
		{Op: posix.OpShutdown, Name: "nonsense", Run: func(t *T) {
			a, _ := t.sockets(unix.SOCK_STREAM)
			r, _ := t.pipe(0)
			t.Errno("how", t.Core.Shutdown(a, 3), unix.EINVAL)
			t.Errno("negative", t.Core.Shutdown(a, -1), unix.EINVAL)
			t.Errno("a pipe", t.Core.Shutdown(r, 0), unix.ENOTSOCK)
			t.Errno("nothing", t.Core.Shutdown(-1, 9), unix.EBADF)
		}},
		{Op: posix.OpShutdown, Name: "not connected", Run: func(t *T) {
			s := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Equal("poll", t.polled(s, allEvents), int16(0x314))
			t.Errno("shutdown", t.Core.Shutdown(s, unix.SHUT_RDWR), 0)
			t.Equal("poll", t.polled(s, allEvents), int16(0x2355))
		}},
		{Op: posix.OpGetsockname, Name: "not a socket", Run: func(t *T) {
			_, err := t.Core.Getsockname(t.File("f", ""))
			t.Errno("a file", err, unix.ENOTSOCK)
			_, err = t.Core.Getsockname(-1)
			t.Errno("nothing", err, unix.EBADF)
		}},
		{Op: posix.OpGetsockname, Name: "unnamed", Run: func(t *T) {
			name, err := t.Core.Getsockname(t.socket(unix.AF_UNIX, unix.SOCK_DGRAM))
			t.Errno("name", err, 0)
			t.Equal("name", name, posix.Sockaddr{Family: unix.AF_UNIX})
		}},
		{Op: posix.OpGetsockname, Name: "of a connection is the listener's", Run: func(t *T) {
			l, addr := t.listener(unix.SOCK_STREAM, 1)
			c := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Must("connect", t.Core.Connect(c, addr))
			s, peer, err := t.Core.Accept4(l, 0)
			t.FD(s, err)
			t.Equal("peer", peer, posix.Sockaddr{Family: unix.AF_UNIX})
			name, err := t.Core.Getsockname(s)
			t.Errno("name", err, 0)
			t.Equal("name", name, addr)
		}},
		{Op: posix.OpGetpeername, Name: "not connected", Run: func(t *T) {
			_, err := t.Core.Getpeername(t.socket(unix.AF_UNIX, unix.SOCK_STREAM))
			t.Errno("peer", err, unix.ENOTCONN)
		}},
		{Op: posix.OpGetpeername, Name: "not a socket", Run: func(t *T) {
			_, err := t.Core.Getpeername(t.File("f", ""))
			t.Errno("a file", err, unix.ENOTSOCK)
			_, err = t.Core.Getpeername(-1)
			t.Errno("nothing", err, unix.EBADF)
		}},
		{Op: posix.OpGetpeername, Name: "connected", Run: func(t *T) {
			_, addr := t.listener(unix.SOCK_STREAM, 1)
			c := t.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			t.Must("connect", t.Core.Connect(c, addr))
			name, err := t.Core.Getpeername(c)
			t.Errno("peer", err, 0)
			t.Equal("peer", name, addr)
		}},
	}
}
