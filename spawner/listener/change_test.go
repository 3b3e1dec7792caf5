package listener

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func backlogNow(t testing.TB, s *Socket) uint32 {
	t.Helper()
	_, limit, err := s.Queue(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	return limit
}

func TestChangeBacklog(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	s := opened(t, tcp("127.0.0.1:0"))
	fd := s.FD
	l := tcp("127.0.0.1:0")
	if undo, changed, err := s.Change(k, l); err != nil || changed != nil || undo() != nil {
		t.Errorf("nothing to change: %q, %v", changed, err)
	}
	l.Backlog.V = 5
	undo, changed, err := s.Change(k, l)
	if err != nil || !slices.Equal(changed, []string{"backlog 16 to 5"}) {
		t.Fatalf("%q, %v", changed, err)
	}
	if got := backlogNow(t, s); got != 5 || s.Backlog != 5 || s.FD != fd {
		t.Errorf("the queue holds %d, Backlog %d", got, s.Backlog)
	}
	must(t, undo())
	if got := backlogNow(t, s); got != 16 || s.Backlog != 16 {
		t.Errorf("after undo the queue holds %d, Backlog %d", got, s.Backlog)
	}
	l.Backlog.V = 7
	if _, _, err := s.Change(k, l); err != nil {
		t.Fatal(err)
	}
	must(t, unix.Shutdown(holder(t, s), unix.SHUT_RDWR))
	if _, err := s.Heal(k); err != nil {
		t.Fatal(err)
	}
	if got := backlogNow(t, s); got != 7 {
		t.Errorf("after healing the queue holds %d, want 7", got)
	}
}

func TestChangeUDP(t *testing.T) {
	s := opened(t, udp("127.0.0.1:0"))
	if _, changed, err := s.Change(linux.New(), udp("127.0.0.1:0")); changed != nil || err != nil {
		t.Errorf("%q, %v", changed, err)
	}
}

func TestChangeOfAnotherSocket(t *testing.T) {
	s := opened(t, tcp("127.0.0.1:0"))
	if undo, _, err := s.Change(linux.New(), tcp("127.0.0.1:1")); err == nil || undo != nil || !strings.Contains(err.Error(), "another socket") {
		t.Errorf("%v", err)
	}
}

// statOf returns what a unix socket looks like.
func statOf(t testing.TB, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Lstat(path, &st))
	return st
}

func TestChangeUnix(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	path := shortDir(t) + "/s"
	s := opened(t, unixAt(path))
	before := statOf(t, path)
	l := unixAt(path)
	l.Mode.V, l.Backlog.V = 0o660, 3
	want := []string{"mode 0600 to 0660", "backlog 511 to 3"}
	if os.Geteuid() == 0 {
		l.User.V, l.Group.V = "4242", "4343"
		want = []string{"mode 0600 to 0660", "owner 0:0 to 4242:4343", "backlog 511 to 3"}
	}
	undo, changed, err := s.Change(k, l)
	if err != nil || !slices.Equal(changed, want) {
		t.Fatalf("%q, %v", changed, err)
	}
	now := statOf(t, path)
	if now.Mode&0o7777 != 0o660 || now.Ino != before.Ino || os.Geteuid() == 0 && (now.Uid != 4242 || now.Gid != 4343) {
		t.Errorf("mode %o, owner %d:%d", now.Mode, now.Uid, now.Gid)
	}
	talk(t, s.FD, "unix", path)
	must(t, undo())
	if again := statOf(t, path); again.Mode != before.Mode || again.Uid != before.Uid || again.Gid != before.Gid || s.Backlog != 511 {
		t.Errorf("after undo mode %o, owner %d:%d, backlog %d", again.Mode, again.Uid, again.Gid, s.Backlog)
	}
	if os.Geteuid() != 0 {
		return // only root gives sockets away
	}
	if _, _, err := s.Change(k, l); err != nil {
		t.Fatal(err)
	}
	_, changed, err = s.Change(k, unixAt(path)) // a policy without user and group
	if err != nil || !slices.Contains(changed, "owner 4242:4343 to 0:0") {
		t.Errorf("%q, %v", changed, err)
	}
}

// TestChangeUnixFails: after an error everything is as it was.
func TestChangeUnixFails(t *testing.T) {
	for name, f := range map[string]*failing{"owner": {chown: unix.EPERM}, "backlog": {listen: unix.EINVAL}} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			f.Kernel = linux.New()
			path := shortDir(t) + "/s"
			s := opened(t, unixAt(path))
			before := statOf(t, path)
			l := unixAt(path)
			l.Mode.V, l.Backlog.V = 0o466, 3
			if name == "owner" {
				l.User.V = "4242"
			}
			undo, changed, err := s.Change(f, l)
			if err == nil || undo != nil || changed != nil || !strings.HasPrefix(err.Error(), "change the listener on unix:"+path+": ") {
				t.Fatalf("%q, %v", changed, err)
			}
			if now := statOf(t, path); now.Mode != before.Mode || now.Uid != before.Uid || s.Backlog != 511 || s.listener.Mode.V != 0o600 {
				t.Errorf("mode %o, owner %d, backlog %d", now.Mode, now.Uid, s.Backlog)
			}
		})
	}
}

// TestChangeUnixReplaced: what somebody put at the path keeps its mode.
func TestChangeUnixReplaced(t *testing.T) {
	leak.Check(t)
	path := shortDir(t) + "/s"
	s := opened(t, unixAt(path))
	must(t, os.Remove(path))
	must(t, os.WriteFile(path, nil, 0o600))
	l := unixAt(path)
	l.Mode.V = 0o666
	if _, _, err := s.Change(linux.New(), l); !errors.Is(err, errReplaced) {
		t.Errorf("%v", err)
	}
	if st := statOf(t, path); st.Mode&0o7777 != 0o600 {
		t.Errorf("mode %o", st.Mode)
	}
	must(t, os.Remove(path))
	if _, _, err := s.Change(linux.New(), l); !errors.Is(err, posix.Errno(unix.ENOENT)) {
		t.Errorf("%v", err)
	}
}
