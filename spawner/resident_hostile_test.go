package spawner

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/aside/asidetest"
	"github.com/bulkhead/bulkhead/spawner/wire"
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
	asidetest.Leave(t, m.fd, wire.Frame{Kind: wire.KindStats, ID: 1}.Encode())
	asidetest.Quick(t, func() {
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
		asidetest.Leave(t, theirs, []byte("READY=1"))
		if err := k.Close(theirs); err != nil {
			t.Fatal(err)
		}
		asidetest.Quick(t, func() {
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
	asidetest.Leave(t, theirs, []byte("x"))
	asidetest.Quick(t, func() {
		if err := errors.Join(k.Close(theirs), newChannel(k, ours).close()); err != nil {
			t.Error(err)
		}
	})
}
