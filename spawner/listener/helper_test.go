package listener

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// failing is the running kernel, but some calls fail.
type failing struct {
	*linux.Kernel
	socket, bind, listen, chown posix.Errno
	openSocket                  posix.Errno // of what Bind made
	beforeBind, afterBind       func()
	afterConnect                func()
}

func (f *failing) Connect(fd posix.FD, addr posix.Sockaddr) error {
	err := f.Kernel.Connect(fd, addr)
	if f.afterConnect != nil {
		f.afterConnect()
	}
	return err
}

func (f *failing) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	if f.openSocket != 0 && how.Flags&unix.O_NOFOLLOW != 0 {
		return -1, f.openSocket
	}
	return f.Kernel.Openat2(dir, path, how)
}

func (f *failing) Socket(family, typ, protocol int) (posix.FD, error) {
	if f.socket != 0 {
		return -1, f.socket
	}
	return f.Kernel.Socket(family, typ, protocol)
}

func (f *failing) Bind(fd posix.FD, addr posix.Sockaddr) error {
	if f.bind != 0 {
		return f.bind
	}
	if f.beforeBind != nil {
		f.beforeBind()
	}
	err := f.Kernel.Bind(fd, addr)
	if f.afterBind != nil {
		f.afterBind()
	}
	return err
}

func (f *failing) Listen(fd posix.FD, backlog int) error {
	if f.listen != 0 {
		return f.listen
	}
	return f.Kernel.Listen(fd, backlog)
}

func (f *failing) Fchownat(c posix.Chown) error {
	if f.chown != 0 {
		return f.chown
	}
	return f.Kernel.Fchownat(c)
}

// tcp is a listener of a policy at an address.
func tcp(addr string) policy.Listener {
	return policy.Listener{Name: "web", Network: "tcp", Addr: netip.MustParseAddrPort(addr), Backlog: policy.Value[int]{V: 16}}
}

// unixAt is a listener of a policy at a path, with the defaults of the language.
func unixAt(path string) policy.Listener {
	return policy.Listener{Name: "api", Network: "unix", Path: path, Backlog: policy.Value[int]{V: 511}, Mode: policy.Value[uint32]{V: 0o600}}
}

// opened opens a listener that is closed when the test ends.
func opened(t testing.TB, l policy.Listener) *Socket {
	t.Helper()
	s, err := Open(linux.New(), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.FD >= 0 {
			if err := s.Close(linux.New()); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// refused opens a listener that cannot be opened, and returns the message.
func refused(t testing.TB, k Kernel, l policy.Listener, errno posix.Errno) string {
	t.Helper()
	s, err := Open(k, l)
	if err == nil {
		_ = s.Close(k)
		t.Fatalf("%s was opened", s.Identity)
	}
	var found posix.Errno
	if !asErrno(err, &found) || found != errno {
		t.Errorf("%v is not %v", err, errno)
	}
	return err.Error()
}

// talk connects to a socket, has it accepted by the holder of fd, and sends a byte through.
func talk(t testing.TB, fd posix.FD, network, addr string) {
	t.Helper()
	client, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	conn, _, err := linux.New().Accept4(fd, unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(int(conn)) }()
	if _, err := unix.Write(int(conn), []byte("x")); err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if n, err := client.Read(b[:]); n != 1 || b[0] != 'x' {
		t.Fatalf("read %q, %v", b[:n], err)
	}
}

// shortDir returns a directory whose path leaves room for a name in an address.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := filepath.Glob(dir + "/.*")
	if err != nil {
		t.Fatal(err)
	}
	return append(found, hidden...)
}
