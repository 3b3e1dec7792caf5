package spawner

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/linger"
)

// TestManagerThatCannotBeTold: one that has shut its end down for reading, and goes on to ask, does not have answers pile up for it.
func TestManagerThatCannotBeTold(t *testing.T) {
	s := newResidentTest(t, planOf(), nil).run()
	m := s.manager()
	if err := m.kernel.Shutdown(m.fd, unix.SHUT_RD); err != nil {
		t.Fatal(err)
	}
	for range 3 * maxUnanswered {
		m.send(wire.Frame{Kind: wire.KindForget, ID: 1, Body: wire.EncodeID(wire.InstanceID(1))})
	}
	next := s.manager()
	if next.snapshot.ManagerStarts != 2 {
		t.Errorf("manager %d", next.snapshot.ManagerStarts)
	}
	want := "has more than 1024 requests open and does not take the answers"
	if n := await(t, next.notices, "why there is another manager"); !strings.Contains(n.Text, want) {
		t.Errorf("%q, want %q", n.Text, want)
	}
}

// TestManagerSendsWhatCannotBeClosed: the loop does not wait for it.
func TestManagerSendsWhatCannotBeClosed(t *testing.T) {
	s := newResidentTest(t, planOf(), nil).run()
	m := s.manager()
	held, goOn := make(chan struct{}), make(chan struct{})
	s.poller.post(func() { close(held); <-goOn })
	<-held
	linger.Leave(t, m.fd, wire.Frame{Kind: wire.KindStats, ID: 1}.Encode())
	linger.Quick(t, func() {
		close(goOn)
		next := s.manager()
		if n := await(t, next.notices, "why there is another manager"); !strings.Contains(n.Text, "descriptors came along") {
			t.Errorf("%q", n.Text)
		}
		for _, fd := range next.must(wire.KindStats, nil).fds {
			_ = next.kernel.Close(fd)
		}
	})
}

// TestModuleLeavesWhatCannotBeClosed in the socket for its notifications, and in connections that nobody has accepted.
func TestModuleLeavesWhatCannotBeClosed(t *testing.T) {
	k := linux.New()
	dir := t.TempDir()
	for _, typ := range []int{unix.SOCK_DGRAM, unix.SOCK_STREAM} {
		at := posix.Sockaddr{Family: unix.AF_UNIX, Path: filepath.Join(dir, fmt.Sprint(typ))}
		ours, err := k.Socket(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = k.Bind(ours, at)
		i := &instance{pipes: [2]posix.FD{-1, -1}, notify: ours, control: -1}
		if typ == unix.SOCK_STREAM {
			i.notify, i.control = -1, ours
			err = errors.Join(err, k.Listen(ours, 1))
		}
		theirs, e := k.Socket(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
		if err := errors.Join(err, e, k.Connect(theirs, at)); err != nil {
			t.Fatal(err)
		}
		linger.Leave(t, theirs, []byte("READY=1"))
		if err := k.Close(theirs); err != nil {
			t.Fatal(err)
		}
		linger.Quick(t, func() {
			if err := i.close(k); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestChannelIsClosedWithWhatCannotBe: nor for what it has not read yet.
func TestChannelIsClosedWithWhatCannotBe(t *testing.T) {
	k := linux.New()
	ours, theirs, err := k.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	linger.Leave(t, theirs, []byte("x"))
	linger.Quick(t, func() {
		if err := errors.Join(k.Close(theirs), newChannel(k, ours).close()); err != nil {
			t.Error(err)
		}
	})
}

// TestManagerShutsServicesDown: the next one can serve all the same.
func TestManagerShutsServicesDown(t *testing.T) {
	s := newResidentTest(t, planOf(), func(s *resident) { s.Options.Metrics = "127.0.0.1:0" }).run()
	m := s.manager()
	for _, fd := range m.services {
		if err := m.kernel.Shutdown(fd, unix.SHUT_RDWR); err != nil {
			t.Fatal(err)
		}
	}
	m.kill()
	m = s.manager()
	for n, fd := range m.services {
		at, err := m.kernel.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		network, address := "unix", s.Options.Control
		if n == 1 {
			network, address = "tcp", at.Addr.String()
		}
		c, err := net.Dial(network, address)
		if err != nil {
			t.Errorf("%s: %v", network, err)
			continue
		}
		_ = c.Close()
		accepted, _, err := m.kernel.Accept4(fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err != nil {
			t.Errorf("%s: accept: %v", network, err)
			continue
		}
		_ = m.kernel.Close(accepted)
	}
}

// TestListenOnceMore: a generation that could not listen as a whole can be asked to again.
func TestListenOnceMore(t *testing.T) {
	s := newResidentTest(t, planOf(), func(s *resident) {
		s.kernel = &flaky{Kernel: s.kernel, op: "Listen", errno: posix.Errno(unix.EADDRINUSE), after: 2} // the control socket and the first one
	}).run()
	m := s.manager()
	s.compiles(listening(planOf(), tcp("first", 0), unixSocket("second", filepath.Join(s.dir, "run", "second.sock"), 0o600)))
	g := m.prepare().Generation
	if a := m.do(wire.KindListen, wire.EncodeID(g)); a.Code != wire.Failed || !strings.Contains(a.Text, "second") {
		t.Fatalf("%+v", a)
	}
	m.must(wire.KindListen, wire.EncodeID(g))
	m.must(wire.KindCommit, wire.EncodeID(g))
}

// TestDirectoryBehindALinkOfSomebodyElse: who can have the link lead elsewhere is talked to instead of us.
func TestDirectoryBehindALinkOfSomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skipf("giving a link away needs root (lchown(2)), and this is user %d: the run as root has it", os.Geteuid())
	}
	for _, owner := range []int{0, 65534} {
		s := newResidentTest(t, planOf(), func(s *resident) {
			link := filepath.Join(s.t.TempDir(), "link")
			if err := errors.Join(os.Symlink(s.t.TempDir(), link), os.Lchown(link, owner, owner)); err != nil {
				t.Fatal(err)
			}
			s.Options.Control = filepath.Join(link, "control.sock")
		}).run()
		if owner == 0 {
			s.manager().must(wire.KindFinish, []byte{0})
		}
		_, err := s.wait()
		if refused := err != nil && strings.Contains(err.Error(), "symbolic link that belongs to user 65534"); refused != (owner != 0) {
			t.Errorf("of user %d: %v", owner, err)
		}
	}
}
