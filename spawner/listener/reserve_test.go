package listener

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// udp is a listener of a policy for datagrams.
func udp(addr string) policy.Listener {
	return policy.Listener{Name: "dns", Network: "udp", Addr: netip.MustParseAddrPort(addr)}
}

// reserved reserves a listener that is given up when the test ends, unless the test closes it.
func reserved(t testing.TB, l policy.Listener) *Socket {
	t.Helper()
	s, err := Reserve(linux.New(), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.FD >= 0 {
			must(t, s.Close(linux.New()))
		}
	})
	return s
}

// dialed tells whether a client gets a connection.
func dialed(network, addr string) error {
	c, err := net.DialTimeout(network, addr, 5*time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}

func TestReserveTCP(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	s := reserved(t, tcp("127.0.0.1:0"))
	addr := s.Addr.String()
	if s.Addr.Port() == 0 {
		t.Fatal("the port is not known")
	}
	if err := dialed("tcp", addr); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a client of a reserved port: %v", err)
	}
	if s.Down(k) { // although poll(2) reports POLLHUP
		t.Error("a socket that does not listen yet is down")
	}
	must(t, s.Listen(k))
	talk(t, s.FD, "tcp", addr)
	must(t, s.Close(k))
	given := reserved(t, tcp(addr))
	must(t, given.Close(k))
	opened(t, tcp(addr)) // the port of a reservation that was given up is free
}

func TestReserveRefused(t *testing.T) {
	leak.Check(t)
	taken := opened(t, tcp("127.0.0.1:0"))
	if s, err := Reserve(linux.New(), tcp(taken.Addr.String())); !errors.Is(err, posix.Errno(unix.EADDRINUSE)) || !strings.Contains(err.Error(), "ss -ltnp") {
		t.Errorf("%v, %v", s, err)
	}
}

// TestListenTooLate: somebody else bound the port too, and listens first.
func TestListenTooLate(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	s := reserved(t, tcp("127.0.0.1:0"))
	other := reserved(t, tcp(s.Addr.String()))
	must(t, other.Listen(k))
	if err := s.Listen(k); !errors.Is(err, posix.Errno(unix.EADDRINUSE)) || !strings.HasPrefix(err.Error(), "listen on 127.0.0.1:0: listen: address already in use") {
		t.Errorf("%v", err)
	}
}

func TestReserveUDP(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	s := reserved(t, udp("127.0.0.1:0"))
	for range 10 { // somebody else may have the same number of TCP
		other, err := Open(k, tcp(s.Addr.String()))
		if err == nil {
			must(t, other.Close(k))
			break
		}
		s = reserved(t, udp("127.0.0.1:0"))
	}
	l := udp(s.Addr.String())
	if id := IdentityOf(l); id.String() != "udp:"+s.Addr.String() || id == IdentityOf(tcp(s.Addr.String())) {
		t.Errorf("identity %s", id)
	}
	if got := refused(t, k, l, unix.EADDRINUSE); !strings.Contains(got, fmt.Sprintf("another process has UDP port %d; find it with `ss -lunp", s.Addr.Port())) {
		t.Error(got)
	}
	opened(t, tcp(s.Addr.String())) // the same number is another port
	checkFlags(t, s.FD)
	c, err := net.Dial("udp", s.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	must(t, s.Listen(k))
	buf := make([]byte, 16)
	if n, err := unix.Read(int(s.FD), buf); err != nil || string(buf[:n]) != "ping" {
		t.Errorf("read %q, %v", buf[:max(n, 0)], err)
	}
	if s.Down(k) {
		t.Error("it is down")
	}
	if _, _, err := s.Queue(k); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a queue of datagrams: %v", err)
	}
}

// TestReserveUnix: what stands at a path is not touched by a reservation that is given up.
func TestReserveUnix(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	for _, dead := range []bool{false, true} {
		t.Run(fmt.Sprintf("dead %t", dead), func(t *testing.T) {
			path := shortDir(t) + "/s"
			var before os.FileInfo
			if dead {
				abandon(t, path)
				before, _ = os.Lstat(path)
			}
			s := reserved(t, unixAt(path))
			if err := dialed("unix", path); !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("a client of a reserved path: %v", err)
			}
			must(t, s.Close(k))
			after, err := os.Lstat(path)
			if dead && (err != nil || !os.SameFile(before, after)) || !dead && !os.IsNotExist(err) {
				t.Errorf("before %v, after %v (%v)", before, after, err)
			}
			s = reserved(t, unixAt(path))
			must(t, s.Listen(k))
			talk(t, s.FD, "unix", path)
			if addr, err := k.Getsockname(s.FD); err != nil || addr.Path != path {
				t.Errorf("it is bound to %q, %v", addr.Path, err)
			}
			if got := names(t, shortOf(path)); len(got) != 1 {
				t.Errorf("the directory holds %q", got)
			}
		})
	}
}

// TestReserveUnixFails: errors leave what was at the path there.
func TestReserveUnixFails(t *testing.T) {
	for name, k := range map[string]*failing{
		"socket": {socket: unix.EMFILE}, "bind": {bind: unix.EACCES}, "open": {openSocket: unix.EMFILE}, "owner": {chown: unix.EPERM}, "listen": {listen: unix.ENOBUFS},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			k.Kernel = linux.New()
			path := shortDir(t) + "/s"
			abandon(t, path)
			before, _ := os.Lstat(path)
			l := unixAt(path)
			l.Group.V = "1"
			if name != "owner" && os.Geteuid() != 0 {
				l.Group.V = ""
			}
			// The question whether somebody listens needs a socket, too: only that of the listener fails.
			if name == "socket" {
				k.socket = 0
				k.afterConnect = func() { k.socket = unix.EMFILE }
			}
			if s, err := Open(k, l); err == nil {
				_ = s.Close(k)
				t.Fatal("it was opened")
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("before %v, after %v (%v)", before, after, err)
			}
			if got := names(t, shortOf(path)); len(got) != 1 {
				t.Errorf("the directory holds %q", got)
			}
		})
	}
}

// TestReserveGivesWay: somebody put something at the path while the reservation was given up.
func TestReserveGivesWay(t *testing.T) {
	path := shortDir(t) + "/s"
	abandon(t, path)
	s := reserved(t, unixAt(path))
	must(t, os.Remove(path))
	must(t, os.WriteFile(path, []byte("theirs"), 0o600))
	must(t, s.Close(linux.New()))
	if text, err := os.ReadFile(path); err != nil || string(text) != "theirs" {
		t.Errorf("%q, %v", text, err)
	}
	if got := names(t, shortOf(path)); len(got) != 1 {
		t.Errorf("the directory holds %q", got)
	}
}
