package control

import (
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/linger"
)

// TestDescriptorsEndAConnection: a module that sends some is hung up on, at once, and holds nobody up who has to close them.
func TestDescriptorsEndAConnection(t *testing.T) {
	k := linux.New()
	s, err := NewServer(k, mine())
	must(t, err)
	defer func() { must(t, s.Close(t.Context())) }()
	fd, path := listen(t)
	var clients []posix.FD
	for range closers + 2 {
		c, err := k.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(t, err)
		defer func() { _ = k.Close(c) }()
		must(t, k.Connect(c, posix.Sockaddr{Family: unix.AF_UNIX, Path: path}))
		linger.Leave(t, c, []byte("GET /v1/self HTTP/1.1\r\nHost: supervisor\r\n\r\n"))
		clients = append(clients, c)
	}
	linger.Quick(t, func() {
		add(t, s, Listener{FD: fd, Handler: Self(&fakeManager{status: twoModules()}, 9), Access: Anybody})
		for _, c := range clients {
			if n, err := k.Read(c, make([]byte, 100)); err == nil && n > 0 || err != nil && !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, io.EOF) {
				t.Errorf("it answers with %d bytes, %v", n, err)
			}
		}
		if got := askAs(t, 0, path); len(got) == 0 {
			t.Error("others are not served")
		}
	})
}
