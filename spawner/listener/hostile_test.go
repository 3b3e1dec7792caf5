package listener

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/tests/linger"
)

// TestCloseWithWhatClientsLeft: a client that nobody has accepted can have sent a descriptor that takes as long to close as it likes.
func TestCloseWithWhatClientsLeft(t *testing.T) {
	k := linux.New()
	l := policy.Listener{Name: "app", Network: "unix", Path: filepath.Join(t.TempDir(), "app.sock")}
	l.Mode.V = 0o666
	s, err := Open(k, l)
	if err != nil {
		t.Fatal(err)
	}
	client, err := k.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Connect(client, posix.Sockaddr{Family: unix.AF_UNIX, Path: l.Path}); err != nil {
		t.Fatal(err)
	}
	linger.Leave(t, client, []byte("x"))
	if err := k.Close(client); err != nil {
		t.Fatal(err)
	}
	linger.Quick(t, func() {
		if err := s.Close(k); err != nil {
			t.Error(err)
		}
	})
}
