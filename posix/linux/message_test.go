package linux

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func pair(t testing.TB, typ int) (a, b posix.FD) {
	t.Helper()
	a, b, err := New().Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
	closing(t, a, err)
	closing(t, b, err)
	return a, b
}

func TestMessages(t *testing.T) {
	k := New()
	a, b := pair(t, unix.SOCK_SEQPACKET)
	for _, tt := range []struct {
		name, send string
		room       int
		want       string
		flags      int
	}{
		{"fits", "hello", 16, "hello", 0},
		{"empty", "", 16, "", 0},
		{"cut short", "hello", 2, "he", unix.MSG_TRUNC},
	} {
		n, err := k.Sendmsg(a, &posix.Msg{Data: []byte(tt.send)}, unix.MSG_NOSIGNAL)
		if n != len(tt.send) || err != nil {
			t.Errorf("%s: sent %d, %v", tt.name, n, err)
		}
		m := posix.Msg{Data: make([]byte, tt.room), ControlLen: 99, Flags: 99}
		n, err = k.Recvmsg(b, &m, 0)
		if err != nil || string(m.Data[:n]) != tt.want || m.Flags != tt.flags || m.ControlLen != 0 {
			t.Errorf("%s: received %q, flags %#x, control %d, %v", tt.name, m.Data[:n], m.Flags, m.ControlLen, err)
		}
	}
	_, err := k.Recvmsg(b, &posix.Msg{Data: make([]byte, 1)}, unix.MSG_DONTWAIT)
	check(t, "nothing there", err, unix.EAGAIN)
	must(t, "Shutdown", k.Shutdown(b, unix.SHUT_RDWR))
	_, err = k.Sendmsg(a, &posix.Msg{Data: []byte("x")}, unix.MSG_NOSIGNAL)
	check(t, "nobody there", err, unix.EPIPE)
	_, err = k.Sendmsg(-1, &posix.Msg{}, 0)
	check(t, "no socket", err, unix.EBADF)
}

func TestMessageAddresses(t *testing.T) {
	k := New()
	for _, where := range []posix.Sockaddr{inet4("127.0.0.1:0"), inet6("[::1]:0"), local("")} {
		from, to := newSocket(t, int(where.Family), unix.SOCK_DGRAM), newSocket(t, int(where.Family), unix.SOCK_DGRAM)
		var addrs [2]posix.Sockaddr
		for i, fd := range []posix.FD{from, to} {
			must(t, "Bind", k.Bind(fd, where))
			var err error
			addrs[i], err = k.Getsockname(fd)
			must(t, "Getsockname", err)
		}
		n, err := k.Sendmsg(from, &posix.Msg{Data: []byte("hi"), Addr: addrs[1]}, 0)
		if n != 2 || err != nil {
			t.Fatalf("Sendmsg to %v: %d, %v", addrs[1], n, err)
		}
		m := posix.Msg{Data: make([]byte, 8)}
		n, err = k.Recvmsg(to, &m, 0)
		if string(m.Data[:n]) != "hi" || m.Addr != addrs[0] || err != nil {
			t.Errorf("received %q from %v, %v, want hi from %v", m.Data[:n], m.Addr, err, addrs[0])
		}
		_, err = k.Sendmsg(from, &posix.Msg{Data: []byte("hi")}, 0)
		want := posix.Errno(unix.EDESTADDRREQ)
		if where.Family == unix.AF_UNIX {
			want = unix.ENOTCONN
		}
		check(t, "to nobody", err, want)
	}
}

func TestDescriptorPassing(t *testing.T) {
	k := New()
	a, b := pair(t, unix.SOCK_STREAM)
	file := tempFile(t, tempDir(t), "file", "inside")
	_, err := k.Sendmsg(a, &posix.Msg{Data: []byte("!"), Control: unix.UnixRights(int(file))}, 0)
	must(t, "Sendmsg", err)
	m := posix.Msg{Data: make([]byte, 8), Control: make([]byte, 64)}
	n, err := k.Recvmsg(b, &m, unix.MSG_CMSG_CLOEXEC)
	if n != 1 || err != nil || m.ControlLen != unix.CmsgSpace(4) || m.Flags&unix.MSG_CTRUNC != 0 {
		t.Fatalf("Recvmsg: %d, %v, control %d, flags %#x", n, err, m.ControlLen, m.Flags)
	}
	messages, err := unix.ParseSocketControlMessage(m.Control[:m.ControlLen])
	must(t, "parse control messages", err)
	fds, err := unix.ParseUnixRights(&messages[0])
	must(t, "parse rights", err)
	got := closing(t, posix.FD(fds[0]), nil)
	flags, err := k.Fcntl(got, unix.F_GETFD, 0)
	if flags != unix.FD_CLOEXEC || err != nil {
		t.Errorf("descriptor flags %d, %v, want FD_CLOEXEC", flags, err)
	}
	buf := make([]byte, 8)
	if n, err := k.Pread(got, buf, 0); string(buf[:n]) != "inside" || err != nil {
		t.Errorf("the descriptor reads %q, %v", buf[:n], err)
	}

	// Without room for it a descriptor is dropped, and the flags say so.
	_, err = k.Sendmsg(a, &posix.Msg{Data: []byte("!"), Control: unix.UnixRights(int(file))}, 0)
	must(t, "Sendmsg", err)
	m = posix.Msg{Data: make([]byte, 8)}
	_, err = k.Recvmsg(b, &m, 0)
	if err != nil || m.Flags&unix.MSG_CTRUNC == 0 || m.ControlLen != 0 {
		t.Errorf("Recvmsg without room: %v, flags %#x, control %d", err, m.Flags, m.ControlLen)
	}
	_, err = k.Sendmsg(a, &posix.Msg{Data: []byte("!"), Control: unix.UnixRights(-1)}, 0)
	check(t, "pass nothing", err, unix.EBADF)
}
