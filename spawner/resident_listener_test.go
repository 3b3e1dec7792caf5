package spawner

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// TestHeal: a listener that a module shuts down is back at once.
func TestHeal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.sock")
	s := newResidentTest(t, listening(planOf(), tcp("web", 0), unixSocket("x", path, 0o600)), nil).run()
	m := s.manager()
	before, web := s.socket("web")
	shut := func(name string) {
		// A copy, as a module has one.
		var fd posix.FD
		s.onLoop(func() {
			n, err := s.kernel.Fcntl(s.current.sockets[name].FD, unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				t.Error(err)
			}
			fd = posix.FD(n)
		})
		k := linux.New()
		if err := errors.Join(k.Shutdown(fd, unix.SHUT_RDWR), k.Close(fd)); err != nil {
			t.Error(err)
		}
	}
	shut("web")
	if n := await(t, m.notices, "a notice"); n.Kind != "listener.healed" || n.Listener != "web" || n.Severity != wire.Warning {
		t.Errorf("%+v", n)
	}
	if after, addr := s.socket("web"); after != before || addr != web || !connects(web) {
		t.Errorf("inode %d at %s, was %d at %s", after, addr, before, web)
	}
	shut("x")
	if n := await(t, m.notices, "a notice"); n.Kind != "listener.replaced" || n.Listener != "x" {
		t.Errorf("%+v", n)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
	// As fast as it is healed: it is put off, and healed in the end.
	for range healsAtMost - 1 {
		shut("web")
		await(t, m.notices, "a notice")
	}
	shut("web")
	start := time.Now()
	await(t, m.notices, "a notice")
	if took := time.Since(start); took < healWindow/2 {
		t.Errorf("it was healed for the %dth time after %s", healsAtMost+1, took)
	}
	if !connects(web) {
		t.Error("it does not listen")
	}
	m.kill()
	m = s.manager()
	if l := m.snapshot.Listeners[0]; l.Healed != healsAtMost+1 {
		t.Errorf("%+v", l)
	}
}

// TestHealConnected: a listening socket is made a connection, before the spawner can see that it has ceased to listen.
func TestHealConnected(t *testing.T) {
	elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	s := newResidentTest(t, listening(planOf(), tcp("web", 0)), nil).run()
	m := s.manager()
	_, web := s.socket("web")
	s.onLoop(func() {
		k, fd := linux.New(), s.current.sockets["web"].FD
		to := posix.Sockaddr{Family: unix.AF_INET, Addr: elsewhere.Addr().(*net.TCPAddr).AddrPort()}
		if err := errors.Join(k.Connect(fd, posix.Sockaddr{}), k.Connect(fd, to)); err != nil {
			t.Error(err)
		}
	})
	if n := await(t, m.notices, "a notice"); n.Kind != "listener.replaced" || n.Listener != "web" {
		t.Errorf("%+v", n)
	}
	if _, addr := s.socket("web"); addr != web || !connects(web) {
		t.Errorf("it listens at %s, and did at %s", addr, web)
	}
}

// TestHealFails: it is tried again and again, and said once.
func TestHealFails(t *testing.T) {
	s := newResidentTest(t, listening(planOf(), tcp("web", 0)), func(s *resident) {
		s.kernel = &cannotListen{Kernel: s.kernel}
	}).run()
	m := s.manager()
	k := s.kernel.(*cannotListen)
	s.onLoop(func() {
		k.failures = 3
		if err := linux.New().Shutdown(s.current.sockets["web"].FD, unix.SHUT_RDWR); err != nil {
			t.Error(err)
		}
	})
	if n := await(t, m.notices, "a notice"); n.Kind != "listener.lost" || n.Severity != wire.Error {
		t.Errorf("%+v", n)
	}
	if n := await(t, m.notices, "a notice"); n.Kind != "listener.healed" && n.Kind != "listener.replaced" {
		t.Errorf("%+v", n)
	}
	s.onLoop(func() {
		if k.failures != 0 {
			t.Errorf("%d failures are left", k.failures)
		}
	})
}

// cannotListen is a kernel on which listen fails a number of times.
type cannotListen struct {
	Kernel
	failures int
}

func (k *cannotListen) Listen(fd posix.FD, backlog int) error {
	if k.failures > 0 {
		k.failures--
		return posix.Errno(unix.EADDRINUSE)
	}
	return k.Kernel.Listen(fd, backlog)
}

// TestServices: the sockets that the manager serves on.
func TestServices(t *testing.T) {
	s := newResidentTest(t, planOf(), func(s *resident) { s.Options.Metrics = "127.0.0.1:0" }).run()
	m := s.manager()
	if len(m.services) != 2 {
		t.Fatalf("%d sockets", len(m.services))
	}
	if st, err := os.Stat(s.Options.Control); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if st, err := os.Stat(s.Runtime); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st, err)
	}
	c, err := net.Dial("unix", s.Options.Control)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	fd, _, err := m.kernel.Accept4(m.services[0], unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	_ = m.kernel.Close(fd)
	m.kill()
	if n := s.manager(); len(n.services) != 2 {
		t.Errorf("the next one gets %d", len(n.services))
	}
}
