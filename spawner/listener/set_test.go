package listener

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func TestOpenAll(t *testing.T) {
	leak.Check(t)
	k, dir := linux.New(), shortDir(t)
	set, err := OpenAll(k, []policy.Listener{unixAt(dir + "/s"), tcp("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	fds := set.FDs()
	if len(fds) != 2 || fds["api"] != set["api"].FD || fds["web"] != set["web"].FD {
		t.Errorf("descriptors %v", fds)
	}
	talk(t, fds["api"], "unix", dir+"/s")
	talk(t, fds["web"], "tcp", set["web"].Addr.String())
	if err := set.Close(k); err != nil || len(set) != 0 {
		t.Errorf("%d are left, %v", len(set), err)
	}
	if err := set.Close(k); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("%q were left behind", got)
	}
}

// When one cannot be opened none stays open, and the message begins with its place in the policy.
func TestOpenAllOrNone(t *testing.T) {
	leak.Check(t)
	dir := shortDir(t)
	bad := unixAt(dir + "/none/s")
	bad.Name, bad.Pos = "bad", policy.Pos{File: "web.yaml", Line: 4, Col: 3}
	set, err := OpenAll(linux.New(), []policy.Listener{tcp("127.0.0.1:0"), unixAt(dir + "/s"), bad})
	if !errors.Is(err, unix.ENOENT) || set != nil || !strings.HasPrefix(err.Error(), "web.yaml:4:3: listener bad: listen on unix:") {
		t.Errorf("%v, %v", set, err)
	}
	if _, err := os.Lstat(dir + "/s"); !os.IsNotExist(err) {
		t.Errorf("the other listener is still there (%v)", err)
	}
}

func TestCloseReports(t *testing.T) {
	s := opened(t, tcp("127.0.0.1:0"))
	if err := unix.Close(int(s.FD)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(linux.New()); !errors.Is(err, unix.EBADF) || !strings.HasPrefix(err.Error(), "close the listener on 127.0.0.1:0: ") {
		t.Errorf("got %v", err)
	}
}
