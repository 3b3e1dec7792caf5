package linux

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func newSocket(t testing.TB, family, typ int) posix.FD {
	t.Helper()
	fd, err := New().Socket(family, typ|unix.SOCK_CLOEXEC, 0)
	return closing(t, fd, err)
}

// listener makes a listening socket and returns its address.
func listener(t testing.TB, addr posix.Sockaddr) (posix.FD, posix.Sockaddr) {
	t.Helper()
	k, fd := New(), newSocket(t, int(addr.Family), unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
	must(t, "Bind", k.Bind(fd, addr))
	must(t, "Listen", k.Listen(fd, 5))
	bound, err := k.Getsockname(fd)
	must(t, "Getsockname", err)
	return fd, bound
}

func TestSocket(t *testing.T) {
	k := New()
	for _, tt := range []struct {
		name                  string
		family, typ, protocol int
		want                  posix.Errno
	}{
		{"tcp", unix.AF_INET, unix.SOCK_STREAM, 0, 0},
		{"udp over v6", unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_UDP, 0},
		{"unix seqpacket", unix.AF_UNIX, unix.SOCK_SEQPACKET | unix.SOCK_NONBLOCK, 0, 0},
		{"unknown family", 200, unix.SOCK_STREAM, 0, unix.EAFNOSUPPORT},
		{"unknown type", unix.AF_INET, 15, 0, unix.EINVAL},
		{"udp over a stream", unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_UDP, unix.EPROTONOSUPPORT},
	} {
		fd, err := k.Socket(tt.family, tt.typ|unix.SOCK_CLOEXEC, tt.protocol)
		check(t, tt.name, err, tt.want)
		if err == nil {
			check(t, tt.name, k.Close(fd), 0)
		} else if fd != -1 {
			t.Errorf("%s: descriptor %d with an error, want -1", tt.name, fd)
		}
	}
	a, b, err := k.Socketpair(unix.AF_INET, unix.SOCK_STREAM, 0)
	check(t, "a pair over the network", err, unix.EOPNOTSUPP)
	if a != -1 || b != -1 {
		t.Errorf("Socketpair returned %d and %d with an error, want -1", a, b)
	}
}

func TestConnections(t *testing.T) {
	for _, tt := range []struct {
		name  string
		where posix.Sockaddr
	}{
		{"v4", inet4("127.0.0.1:0")},
		{"v6", inet6("[::1]:0")},
		{"unix", local(filepath.Join(t.TempDir(), "socket"))},
		{"abstract", local(fmt.Sprintf("@bulkhead-test-%d", New().Getpid()))},
		{"autobind", local("")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := New()
			server, addr := listener(t, tt.where)
			if tt.name == "autobind" {
				if len(addr.Path) != 6 || addr.Path[0] != '@' {
					t.Errorf("autobind gave %q", addr.Path)
				}
			} else if addr.Family != tt.where.Family || addr.Addr.Addr() != tt.where.Addr.Addr() || addr.Path != tt.where.Path {
				t.Errorf("bound to %+v, asked for %+v", addr, tt.where)
			}
			_, _, err := k.Accept4(server, 0)
			check(t, "Accept4 with nobody there", err, unix.EAGAIN)

			client := newSocket(t, int(addr.Family), unix.SOCK_STREAM)
			check(t, "Connect", k.Connect(client, addr), 0)
			name, err := k.Getsockname(client)
			must(t, "Getsockname", err)
			conn, peer, err := k.Accept4(server, unix.SOCK_CLOEXEC)
			closing(t, conn, err)
			if peer != name {
				t.Errorf("peer %+v, the client is %+v", peer, name)
			}
			check(t, "Connect again", k.Connect(client, addr), unix.EISCONN)

			n, err := k.Write(client, []byte("hello"))
			if n != 5 || err != nil {
				t.Fatalf("Write: %d, %v", n, err)
			}
			buf := make([]byte, 16)
			n, err = k.Read(conn, buf)
			if string(buf[:n]) != "hello" || err != nil {
				t.Errorf("Read: %q, %v", buf[:n], err)
			}
			check(t, "Shutdown", k.Shutdown(client, unix.SHUT_WR), 0)
			n, err = k.Read(conn, buf)
			if n != 0 || err != nil {
				t.Errorf("Read after the shutdown: %d, %v", n, err)
			}
		})
	}
}

func TestSocketErrors(t *testing.T) {
	k := New()
	server, addr := listener(t, inet4("127.0.0.1:0"))
	other := newSocket(t, unix.AF_INET, unix.SOCK_STREAM)
	check(t, "Bind to a taken port", k.Bind(other, addr), unix.EADDRINUSE)
	check(t, "Bind to a foreign address", k.Bind(other, inet4("192.0.2.1:0")), unix.EADDRNOTAVAIL)
	check(t, "Bind of a v6 address", k.Bind(other, posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort("[::1]:0")}), unix.EINVAL)
	check(t, "Bind again", k.Bind(server, inet4("127.0.0.1:0")), unix.EINVAL)
	check(t, "Bind of no socket", k.Bind(tempDir(t), addr), unix.EBADF)
	check(t, "Listen of no socket", k.Listen(-1, 1), unix.EBADF)
	check(t, "Listen of a datagram socket", k.Listen(newSocket(t, unix.AF_INET, unix.SOCK_DGRAM), 1), unix.EOPNOTSUPP)
	check(t, "Shutdown of an unconnected socket", k.Shutdown(other, unix.SHUT_RDWR), unix.ENOTCONN)
	fd, peer, err := k.Accept4(other, 0)
	check(t, "Accept4 without listening", err, unix.EINVAL)
	if fd != -1 || peer != (posix.Sockaddr{}) {
		t.Errorf("Accept4 returned %d, %+v with an error", fd, peer)
	}
	_, err = k.Getsockname(tempFile(t, tempDir(t), "file", ""))
	check(t, "Getsockname of a file", err, unix.ENOTSOCK)

	stream := newSocket(t, unix.AF_UNIX, unix.SOCK_STREAM)
	check(t, "Connect to no socket", k.Connect(stream, local("/dev/null")), unix.ECONNREFUSED)
	check(t, "Connect to nothing", k.Connect(stream, local(t.TempDir()+"/none")), unix.ENOENT)
	check(t, "Bind below nothing", k.Bind(stream, local(t.TempDir()+"/none/socket")), unix.ENOENT)
	tcp, err := k.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	closing(t, tcp, err)
	must(t, "Bind", k.Bind(other, inet4("127.0.0.1:0")))
	port, err := k.Getsockname(other)
	must(t, "Getsockname", err)
	check(t, "Connect to a port that nobody listens on", k.Connect(tcp, port), unix.ECONNREFUSED)
}

func TestBindPrivilegedPort(t *testing.T) {
	k := New()
	fd := newSocket(t, unix.AF_INET, unix.SOCK_STREAM)
	err := k.Bind(fd, inet4("127.0.0.1:1"))
	want := posix.Errno(0)
	if !capable(t, unix.CAP_NET_BIND_SERVICE) && firstUnprivilegedPort(t) > 1 {
		want = unix.EACCES
	}
	check(t, "Bind to port 1", err, want)
}

func firstUnprivilegedPort(t *testing.T) (port int) {
	t.Helper()
	k := New()
	fd, err := k.Openat2(posix.AtFDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", posix.OpenHow{Flags: unix.O_CLOEXEC})
	closing(t, fd, err)
	buf := make([]byte, 16)
	n, err := k.Read(fd, buf)
	must(t, "Read", err)
	if _, err := fmt.Sscan(string(buf[:n]), &port); err != nil {
		t.Fatal(err)
	}
	return port
}

// The loopback interface has index 1 in every network namespace.
func TestZones(t *testing.T) {
	k := New()
	for _, tt := range []struct {
		zone string
		want posix.Errno
	}{{"1", 0}, {"lo", 0}, {"nosuch0", unix.ENODEV}, {"a-name-that-is-much-too-long", unix.ENODEV}} {
		fd := newSocket(t, unix.AF_INET6, unix.SOCK_DGRAM)
		addr := posix.Sockaddr{Family: unix.AF_INET6, Addr: netip.AddrPortFrom(netip.MustParseAddr("fe80::1%"+tt.zone), 9)}
		scope, errno := scopeOf(fd, addr)
		if errno != tt.want || errno == 0 && scope != 1 {
			t.Errorf("zone %s: index %d, %v, want 1, %v", tt.zone, scope, errno, tt.want)
		}
		if tt.want != 0 {
			check(t, "Bind in zone "+tt.zone, k.Bind(fd, addr), tt.want)
			_, err := k.Sendmsg(fd, &posix.Msg{Addr: addr}, 0)
			check(t, "Sendmsg in zone "+tt.zone, err, tt.want)
		}
	}
}

func TestSocketOptions(t *testing.T) {
	k := New()
	fd := newSocket(t, unix.AF_INET, unix.SOCK_STREAM)
	for _, value := range []int{1, 0} {
		check(t, "SetsockoptInt", k.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, value), 0)
		got, err := k.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		if got != value || err != nil {
			t.Errorf("SO_KEEPALIVE is %d, %v, want %d", got, err, value)
		}
	}
	typ, err := k.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if typ != unix.SOCK_STREAM || err != nil {
		t.Errorf("SO_TYPE: %d, %v", typ, err)
	}
	check(t, "set an unknown option", k.SetsockoptInt(fd, unix.SOL_SOCKET, 9999, 1), unix.ENOPROTOOPT)
	got, err := k.GetsockoptInt(fd, unix.SOL_SOCKET, 9999)
	check(t, "get an unknown option", err, unix.ENOPROTOOPT)
	if got != 0 {
		t.Errorf("GetsockoptInt returned %d with an error", got)
	}
	check(t, "set an option of nothing", k.SetsockoptInt(-1, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1), unix.EBADF)
}

func TestGetsockoptUcred(t *testing.T) {
	k := New()
	a, b, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	closing(t, a, err)
	closing(t, b, err)
	got, err := k.GetsockoptUcred(a)
	if want := (posix.Ucred{PID: k.Getpid(), UID: k.Geteuid(), GID: k.Getegid()}); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	_, err = k.GetsockoptUcred(tempFile(t, tempDir(t), "file", ""))
	check(t, "of a file", err, unix.ENOTSOCK)
}

// On a listening socket TCP_INFO tells how many connections wait, and how many may.
func TestGetsockoptTCPInfo(t *testing.T) {
	k := New()
	server, addr := listener(t, inet4("127.0.0.1:0"))
	for waiting := range uint32(3) {
		var info posix.TCPInfo
		check(t, "GetsockoptTCPInfo", k.GetsockoptTCPInfo(server, &info), 0)
		const listening = 10 // TCP_LISTEN
		if info.State != listening || info.Unacked != waiting || info.Sacked != 5 {
			t.Errorf("%+v, want state %d, %d of 5", info, listening, waiting)
		}
		must(t, "Connect", k.Connect(newSocket(t, unix.AF_INET, unix.SOCK_STREAM), addr))
	}
	var info posix.TCPInfo
	check(t, "of a unix socket", k.GetsockoptTCPInfo(newSocket(t, unix.AF_UNIX, unix.SOCK_STREAM), &info), unix.EOPNOTSUPP)
	check(t, "of nothing", k.GetsockoptTCPInfo(-1, &info), unix.EBADF)
}
