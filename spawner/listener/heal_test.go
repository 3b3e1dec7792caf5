package listener

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// holder returns the descriptor of another holder of the socket: what a module inherits is the same open file.
func holder(t testing.TB, s *Socket) int {
	t.Helper()
	fd, err := unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, unix.Close(fd)) })
	return fd
}

// disconnect is connect(2) to AF_UNSPEC.
func disconnect(fd int) error { return linux.New().Connect(posix.FD(fd), posix.Sockaddr{}) }

func bindV4(fd int, port uint16) error {
	return linux.New().Bind(posix.FD(fd), posix.Sockaddr{Family: unix.AF_INET, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)})
}

// freeTCP returns an address with a port that is free.
func freeTCP(t testing.TB, host string) string {
	t.Helper()
	s := opened(t, tcp(host+":0"))
	addr := s.Addr.String()
	must(t, s.Close(linux.New()))
	return addr
}

func TestHealTCP(t *testing.T) {
	elsewhere := opened(t, tcp("127.0.0.1:0"))
	for _, c := range []struct {
		name  string
		spoil func(fd int) error
		// replaced: with a port of the policy's, and with one that the kernel chose.
		replaced, replacedZero bool
	}{
		{"shut down", func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RDWR) }, false, false},
		{"shut down for reading", func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) }, false, false},
		{"disconnected", disconnect, false, false},
		{"disconnected and SO_REUSEADDR off", func(fd int) error {
			return errors.Join(disconnect(fd), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0))
		}, false, false},
		{"connected", func(fd int) error {
			return errors.Join(disconnect(fd), linux.New().Connect(posix.FD(fd), posix.Sockaddr{Family: unix.AF_INET, Addr: elsewhere.Addr}))
		}, true, true},
		{"listening somewhere", func(fd int) error { // at the old port where it kept that
			return errors.Join(disconnect(fd), unix.Listen(fd, 1))
		}, false, true},
		{"bound to another port", func(fd int) error {
			err := errors.Join(disconnect(fd), bindV4(fd, 0))
			if errors.Is(err, unix.EINVAL) {
				return nil // it kept the port, and cannot be bound again
			}
			return err
		}, false, true},
	} {
		for _, host := range []string{"127.0.0.1", "[::1]", "0.0.0.0"} {
			if host != "127.0.0.1" && c.replacedZero {
				continue // what they do is for IPv4, and one address
			}
			for _, zero := range []bool{false, true} {
				t.Run(c.name+" "+host+" port 0 "+strconv.FormatBool(zero), func(t *testing.T) {
					if host == "[::1]" {
						needIPv6(t)
					}
					leak.Check(t)
					k := linux.New()
					at, replaced := freeTCP(t, host), c.replaced
					if zero {
						at, replaced = host+":0", c.replacedZero
					}
					s := opened(t, tcp(at))
					addr, fd := s.Addr, s.FD
					other := holder(t, s)
					if s.Down(k) {
						t.Fatal("it is down from the start")
					}
					must(t, c.spoil(other))
					healthy := c.name == "listening somewhere" && !zero
					if s.Down(k) == healthy {
						t.Errorf("down %t", !healthy)
					}
					got, err := s.Heal(k)
					if err != nil || got != replaced || (s.FD != fd) != replaced {
						t.Fatalf("replaced %t (descriptor %d, then %d), %v; want %t", got, fd, s.FD, err, replaced)
					}
					if s.Down(k) || s.Addr != addr || s.Identity != IdentityOf(tcp(at)) {
						t.Errorf("down %t at %s with identity %s, want %s", s.Down(k), s.Addr, s.Identity, addr)
					}
					checkFlags(t, s.FD)
					dial := "127.0.0.1:" + strconv.Itoa(int(addr.Port()))
					if host == "[::1]" {
						dial = addr.String()
					}
					talk(t, s.FD, "tcp", dial)
					if !replaced {
						talk(t, posix.FD(other), "tcp", dial) // the other holder has the same socket
					}
					if _, limit, err := s.Queue(k); err != nil || healthy == (limit == 16) {
						t.Errorf("a queue of %d, %v", limit, err)
					}
				})
			}
		}
	}
}

// TestHealHealthy changes nothing.
func TestHealHealthy(t *testing.T) {
	k := linux.New()
	for _, l := range []policy.Listener{tcp("127.0.0.1:0"), unixAt(shortDir(t) + "/s"), udp("127.0.0.1:0")} {
		s := opened(t, l)
		fd := s.FD
		if replaced, err := s.Heal(k); replaced || err != nil || s.FD != fd {
			t.Errorf("%s: replaced %t, %v", s.Identity, replaced, err)
		}
	}
}

// TestHealPortTaken: the port is somebody else's by now.
func TestHealPortTaken(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	s := opened(t, tcp("127.0.0.1:0"))
	other := holder(t, s)
	must(t, disconnect(other))
	thief := opened(t, tcp(s.Addr.String()))
	if replaced, err := s.Heal(k); replaced || !errors.Is(err, posix.Errno(unix.EADDRINUSE)) || !strings.HasPrefix(err.Error(), "heal the listener on 127.0.0.1:0: ") {
		t.Errorf("replaced %t, %v", replaced, err)
	}
	must(t, thief.Close(k))
	if replaced, err := s.Heal(k); replaced || err != nil || s.Down(k) {
		t.Errorf("once the port is free: replaced %t, %v", replaced, err)
	}
}

func TestHealUnix(t *testing.T) {
	for name, how := range map[string]int{"both": unix.SHUT_RDWR, "reading": unix.SHUT_RD} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			k := linux.New()
			path := shortDir(t) + "/s"
			l := unixAt(path)
			l.Mode.V = 0o640
			s := opened(t, l)
			fd := s.FD
			if s.Down(k) {
				t.Fatal("it is down from the start")
			}
			must(t, unix.Shutdown(holder(t, s), how))
			if !s.Down(k) {
				t.Fatal("it is not down")
			}
			if err := dialed("unix", path); !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("a client: %v", err)
			}
			replaced, err := s.Heal(k)
			if err != nil || !replaced || s.Down(k) {
				t.Fatalf("replaced %t, down %t, %v", replaced, s.Down(k), err)
			}
			if s.FD == fd {
				t.Error("the descriptor of the old socket is still in use")
			}
			if st, err := os.Lstat(path); err != nil || st.Mode() != os.ModeSocket|0o640 {
				t.Errorf("%v, %v", st, err)
			}
			talk(t, s.FD, "unix", path)
			if addr, err := k.Getsockname(s.FD); err != nil || addr.Path != path {
				t.Errorf("it is bound to %q, %v", addr.Path, err)
			}
			if got := names(t, shortOf(path)); len(got) != 1 {
				t.Errorf("the directory holds %q", got)
			}
			must(t, s.Close(k))
			if got := names(t, shortOf(path)); len(got) != 0 {
				t.Errorf("%q were left behind", got)
			}
		})
	}
}

// TestHealUnixPathTaken: another server listens at the path by now; it is left alone.
func TestHealUnixPathTaken(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	path := shortDir(t) + "/s"
	s := opened(t, unixAt(path))
	must(t, unix.Shutdown(holder(t, s), unix.SHUT_RDWR))
	must(t, os.Remove(path))
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if replaced, err := s.Heal(k); replaced || !errors.Is(err, posix.Errno(unix.EADDRINUSE)) {
		t.Errorf("replaced %t, %v", replaced, err)
	}
	if err := dialed("unix", path); err != nil {
		t.Error(err)
	}
}

func TestHealUDP(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	s := opened(t, udp("127.0.0.1:0"))
	if err := unix.Shutdown(holder(t, s), unix.SHUT_RDWR); !errors.Is(err, unix.ENOTCONN) { // and yet it is done
		t.Fatal(err)
	}
	if !s.Down(k) {
		t.Error("it is not down")
	}
	if replaced, err := s.Heal(k); replaced || err == nil || !strings.Contains(err.Error(), "stop the modules that have it") {
		t.Errorf("replaced %t, %v", replaced, err)
	}
}

func TestQueue(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	s := opened(t, tcp("127.0.0.1:0"))
	for want := range uint32(3) {
		if length, limit, err := s.Queue(k); length != want || limit != 16 || err != nil {
			t.Errorf("%d of %d wait, %v; want %d of 16", length, limit, err, want)
		}
		c, err := net.Dial("tcp", s.Addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	must(t, unix.Shutdown(holder(t, s), unix.SHUT_RDWR))
	if _, _, err := s.Queue(k); !errors.Is(err, errNotListening) {
		t.Errorf("%v", err)
	}
	if _, _, err := opened(t, unixAt(shortDir(t)+"/s")).Queue(k); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a unix socket: %v", err)
	}
}
