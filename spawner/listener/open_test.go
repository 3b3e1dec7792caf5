package listener

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func asErrno(err error, errno *posix.Errno) bool { return errors.As(err, errno) }

// needIPv6 skips a test on a host whose kernel has no IPv6 loopback address.
func needIPv6(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile("/proc/net/if_inet6")
	if err != nil || !strings.Contains(string(text), "00000000000000000000000000000001 ") {
		t.Skipf("no interface has the address ::1 (/proc/net/if_inet6: %d bytes, %v)", len(text), err)
	}
}

func TestTCP(t *testing.T) {
	for _, c := range []struct{ name, addr, dial string }{
		{"IPv4", "127.0.0.1:0", "127.0.0.1"},
		{"every IPv4 address", "0.0.0.0:0", "127.0.0.1"},
		{"IPv6", "[::1]:0", "::1"},
		{"every IPv6 address", "[::]:0", "::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v6 := strings.HasPrefix(c.addr, "[")
			if v6 {
				needIPv6(t)
			}
			leak.Check(t)
			s := opened(t, tcp(c.addr))
			if s.Addr.Port() == 0 || s.Addr.Addr() != netip.MustParseAddrPort(c.addr).Addr() {
				t.Errorf("it listens on %s", s.Addr)
			}
			talk(t, s.FD, "tcp", netip.AddrPortFrom(netip.MustParseAddr(c.dial), s.Addr.Port()).String())

			k := linux.New()
			for _, o := range []struct {
				name          string
				level, option int
				want          int
			}{
				{"SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
				{"SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 0},
				{"SO_ACCEPTCONN", unix.SOL_SOCKET, unix.SO_ACCEPTCONN, 1},
				{"SO_PROTOCOL (not MPTCP)", unix.SOL_SOCKET, unix.SO_PROTOCOL, unix.IPPROTO_TCP},
			} {
				if got, err := k.GetsockoptInt(s.FD, o.level, o.option); err != nil || got != o.want {
					t.Errorf("%s is %d (%v), want %d", o.name, got, err, o.want)
				}
			}
			if v6 {
				if got, err := k.GetsockoptInt(s.FD, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY); err != nil || got != 1 {
					t.Errorf("IPV6_V6ONLY is %d (%v)", got, err)
				}
			}
			var info posix.TCPInfo
			if err := k.GetsockoptTCPInfo(s.FD, &info); err != nil || info.Sacked != 16 {
				t.Errorf("the accept queue holds %d (%v), want 16", info.Sacked, err)
			}
			checkFlags(t, s.FD)
		})
	}
}

// checkFlags checks that a descriptor is closed by exec, and blocks.
func checkFlags(t testing.TB, fd posix.FD) {
	t.Helper()
	k := linux.New()
	if n, err := k.Fcntl(fd, unix.F_GETFD, 0); err != nil || n&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v: it survives an exec", n, err)
	}
	if n, err := k.Fcntl(fd, unix.F_GETFL, 0); err != nil || n&unix.O_NONBLOCK != 0 {
		t.Errorf("file flags %#x, %v: it does not block", n, err)
	}
}

// [::] and 0.0.0.0 share a port: neither takes the other's connections.
func TestBothFamiliesOnOnePort(t *testing.T) {
	needIPv6(t)
	six := opened(t, tcp("[::]:0"))
	four := opened(t, tcp(fmt.Sprintf("0.0.0.0:%d", six.Addr.Port())))
	talk(t, four.FD, "tcp4", fmt.Sprintf("127.0.0.1:%d", six.Addr.Port()))
	talk(t, six.FD, "tcp6", fmt.Sprintf("[::1]:%d", six.Addr.Port()))
}

// A port can be opened again at once although a connection of the old socket is in TIME-WAIT.
func TestReopenAfterConnections(t *testing.T) {
	s := opened(t, tcp("127.0.0.1:0"))
	addr := s.Addr.String()
	talk(t, s.FD, "tcp", addr) // the server's end closes first, so TIME-WAIT is here
	if err := s.Close(linux.New()); err != nil {
		t.Fatal(err)
	}
	opened(t, tcp(addr))
}

func TestDefaultBacklog(t *testing.T) {
	l := tcp("127.0.0.1:0")
	l.Backlog.V = 0
	s := opened(t, l)
	somaxconn := 0
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if _, scanErr := fmt.Sscan(string(text), &somaxconn); err != nil || scanErr != nil {
		t.Fatal(err, scanErr)
	}
	var info posix.TCPInfo
	if err := linux.New().GetsockoptTCPInfo(s.FD, &info); err != nil || int(info.Sacked) != min(511, somaxconn) {
		t.Errorf("the accept queue holds %d (%v), want %d", info.Sacked, err, min(511, somaxconn))
	}
}

func TestPortInUse(t *testing.T) {
	leak.Check(t)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	port := other.Addr().(*net.TCPAddr).Port
	for _, addr := range []string{"127.0.0.1", "0.0.0.0"} {
		got := refused(t, linux.New(), tcp(fmt.Sprintf("%s:%d", addr, port)), unix.EADDRINUSE)
		want := fmt.Sprintf("listen on %s:%d: bind: address already in use: another process listens on port %d; find it with `ss -ltnp sport = :%d`", addr, port, port, port)
		if !strings.HasPrefix(got, want) {
			t.Errorf("got  %s\nwant %s…", got, want)
		}
	}
}

func TestNoSuchAddress(t *testing.T) {
	got := refused(t, linux.New(), tcp("203.0.113.7:8080"), unix.EADDRNOTAVAIL) // TEST-NET-3: RFC 5737
	if !strings.Contains(got, "no interface of this host has the address 203.0.113.7") {
		t.Error(got)
	}
}

func TestPrivilegedPort(t *testing.T) {
	const says = "ports below 1024 are for root; run the supervisor as root, choose a higher port, or allow it for everybody: " +
		"sysctl net.ipv4.ip_unprivileged_port_start=80"
	if got := refused(t, &failing{Kernel: linux.New(), bind: unix.EACCES}, tcp("127.0.0.1:80"), unix.EACCES); !strings.Contains(got, says) {
		t.Error(got)
	}
	if os.Geteuid() == 0 {
		return // the kernel would not refuse (CAP_NET_BIND_SERVICE)
	}
	start := 0
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if _, scanErr := fmt.Sscan(string(text), &start); err != nil || scanErr != nil {
		t.Fatal(err, scanErr)
	}
	if start > 80 {
		if got := refused(t, linux.New(), tcp("127.0.0.1:80"), unix.EACCES); !strings.Contains(got, says) {
			t.Error(got)
		}
	}
}

func TestAdvice(t *testing.T) {
	path := shortDir(t) + "/s"
	for _, c := range []struct {
		name string
		k    failing
		at   string
		is   posix.Errno
		says string
	}{
		{"no IPv6", failing{socket: unix.EAFNOSUPPORT}, "[::1]:8080", unix.EAFNOSUPPORT, "make a socket: address family not supported by protocol: IPv6 is switched off"},
		{"too many files", failing{socket: unix.EMFILE}, "127.0.0.1:8080", unix.EMFILE, "raise the limit of open files"},
		{"too many files, unix", failing{socket: unix.ENFILE}, path, unix.ENFILE, "raise the limit of open files"},
		{"forbidden by others", failing{bind: unix.EPERM}, "127.0.0.1:8080", unix.EPERM, "a security module or a BPF program"},
		{"a port that starts higher", failing{bind: unix.EACCES}, "127.0.0.1:8080", unix.EACCES, "net.ipv4.ip_unprivileged_port_start"},
		{"somebody listens between", failing{listen: unix.EADDRINUSE}, "127.0.0.1:0", unix.EADDRINUSE, "listen: address already in use: another process"},
		{"read-only", failing{bind: unix.EROFS}, path, unix.EROFS, "mounted read-only"},
		{"no write permission", failing{bind: unix.EACCES}, path, unix.EACCES, "may not write to"},
		{"without advice", failing{bind: unix.ENOMEM}, "127.0.0.1:8080", unix.ENOMEM, "bind: cannot allocate memory"},
		{"too many files once it is bound", failing{openSocket: unix.EMFILE}, path, unix.EMFILE, "open the new socket: too many open files: raise"},
		{"a unix socket that cannot listen", failing{listen: unix.ENOBUFS}, path, unix.ENOBUFS, "listen: no buffer space"},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			c.k.Kernel = linux.New()
			l := unixAt(c.at)
			if c.at != path {
				l = tcp(c.at)
			}
			if got := refused(t, &c.k, l, c.is); !strings.Contains(got, c.says) || !strings.HasPrefix(got, "listen on "+IdentityOf(l).String()+": ") {
				t.Errorf("%q does not say %q", got, c.says)
			}
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("%s was left behind (%v)", path, err)
			}
		})
	}
}

func ExampleOpen() {
	_, err := Open(linux.New(), unixAt("/nonexistent/api.sock"))
	fmt.Println(err)
	// Output: listen on unix:/nonexistent/api.sock: open the directory /nonexistent/: no such file or directory: create the directory /nonexistent
}
