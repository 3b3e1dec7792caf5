package spawner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// peek is a kernel that looks at files of the runtime directory before they are removed.
type peek struct {
	Kernel
	see func(dir posix.FD, name string)
}

func (k *peek) Unlinkat(dir posix.FD, name string, flags int) error {
	if dir >= 0 && flags == 0 {
		k.see(dir, name)
	}
	return k.Kernel.Unlinkat(dir, name, flags)
}

// TestInstanceSockets: a module that notifies and asks about itself has sockets, which wait for the manager.
func TestInstanceSockets(t *testing.T) {
	needNamespaces(t)
	a := quiet(t, "a")
	for _, name := range []string{program.NotifySocket, program.ControlSocket} {
		a.Program.Prepare = append(a.Program.Prepare, program.Prepare{Kind: program.Socket, Path: name})
	}
	said := make(chan error, 8)
	s := newResidentTest(t, planOf(a), func(s *resident) {
		s.kernel = &peek{s.kernel, func(dir posix.FD, name string) {
			if name != "notify-1" && name != "control-1" {
				return
			}
			k := linux.New()
			typ := unix.SOCK_DGRAM
			if strings.HasPrefix(name, "control") {
				typ = unix.SOCK_STREAM
			}
			fd, err := k.Socket(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				said <- err
				return
			}
			err = k.Connect(fd, posix.Sockaddr{Family: unix.AF_UNIX, Path: fmt.Sprintf("/proc/self/fd/%d/%s", dir, name)})
			if errors.Is(err, unix.ENOENT) {
				_ = k.Close(fd)
				return // before it is made
			}
			if err == nil && typ == unix.SOCK_DGRAM {
				_, err = k.Write(fd, []byte("READY=1"))
			}
			said <- errors.Join(err, k.Close(fd))
		}}
	}).run()
	m := s.manager()
	i := m.start(1, "a", 0)
	if !i.Notify || !i.Control || len(m.attached[i.ID]) != 4 {
		t.Fatalf("%+v with %d descriptors", i, len(m.attached[i.ID]))
	}
	for range 2 {
		if err := await(t, said, "a connection"); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.Runtime, "*")); len(left) > 0 {
		t.Errorf("in the runtime directory: %q", left)
	}
	m.kill() // what was said waits for the next one
	m = s.manager()
	fds := m.attached[i.ID]
	msg := posix.Msg{Data: make([]byte, 100), Control: make([]byte, posix.CredentialsSpace)}
	n, err := m.kernel.Recvmsg(fds[2], &msg, unix.MSG_DONTWAIT)
	if err != nil || string(msg.Data[:n]) != "READY=1" {
		t.Errorf("%q, %v", msg.Data[:max(n, 0)], err)
	}
	if who, ok := posix.ParseCredentials(msg.Control[:msg.ControlLen]); !ok || int(who.PID) != os.Getpid() {
		t.Errorf("credentials %+v, %v", who, ok)
	}
	c, _, err := m.kernel.Accept4(fds[3], unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	_ = m.kernel.Close(c)
}
