package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

var _ posix.Core = (*Kernel)(nil)

// TestMain fails the run when the tests leave descriptors open.
func TestMain(m *testing.M) {
	r, w, err := os.Pipe() // the runtime's poller opens its own descriptors with the first pipe
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a pipe:", err)
		os.Exit(1)
	}
	_, _ = r.Close(), w.Close()
	before := descriptors()
	code := m.Run()
	for fd, target := range descriptors() {
		if before[fd] != target && code == 0 {
			fmt.Fprintf(os.Stderr, "leaked descriptor %s: %s\n", fd, target)
			code = 1
		}
	}
	os.Exit(code)
}

// descriptors returns what the open descriptors stand for, without the one that lists them.
func descriptors() map[string]string {
	open := map[string]string{}
	names, _ := filepath.Glob("/proc/self/fd/*")
	for _, name := range names {
		if target, err := os.Readlink(name); err == nil {
			open[filepath.Base(name)] = target
		}
	}
	return open
}

// check compares an error with an errno, 0 for nil. The error must be the bare errno: what wraps it is not equal.
func check(t *testing.T, what string, err error, want posix.Errno) {
	t.Helper()
	if want == 0 {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	if err != error(want) {
		t.Errorf("%s: got %v (%T), want the bare errno %s", what, err, err, unix.ErrnoName(want))
	}
}

// must ends the test when a step that it builds on failed.
func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// closing closes fd when the test is over.
func closing(t testing.TB, fd posix.FD, err error) posix.FD {
	t.Helper()
	must(t, "make a descriptor", err)
	t.Cleanup(func() { must(t, "close", New().Close(fd)) })
	return fd
}

// tempDir opens a new directory.
func tempDir(t testing.TB) posix.FD {
	t.Helper()
	fd, err := New().Openat2(posix.AtFDCWD, t.TempDir(), posix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC})
	return closing(t, fd, err)
}

// tempFile makes a file in dir and opens it for reading and writing.
func tempFile(t testing.TB, dir posix.FD, name, text string) posix.FD {
	t.Helper()
	k := New()
	fd, err := k.Openat2(dir, name, posix.OpenHow{Flags: unix.O_RDWR | unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC, Mode: 0o600})
	closing(t, fd, err)
	n, err := k.Write(fd, []byte(text))
	must(t, "write", err)
	if n != len(text) {
		t.Fatalf("wrote %d bytes of %d", n, len(text))
	}
	return fd
}

// capable tells whether the process has a capability.
func capable(t testing.TB, capability int) bool {
	t.Helper()
	var sets posix.CapSets
	must(t, "Capget", New().Capget(&sets))
	return sets.Effective&(1<<capability) != 0
}

func TestNewIsNamed(t *testing.T) {
	if got := posix.Describe(New()); got != "linux" {
		t.Errorf("named %q, want linux", got)
	}
}
