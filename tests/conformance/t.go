package conformance

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// T is what a case works with.
type T struct {
	// Core is the implementation, as the process that the case may use.
	Core posix.Core
	// Dir is an empty directory on a tmpfs, which the process owns; Path is where it is.
	Dir  posix.FD
	Path string

	reporter
	helper   string
	children []*Child
	cleanups []func()
}

// reporter is the part of testing.TB that cases use.
type reporter interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// Must ends the case when err is not nil. what says what was attempted.
func (t *T) Must(what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Errno reports an answer that is not want; 0 wants success.
func (t *T) Errno(what string, err error, want posix.Errno) {
	t.Helper()
	switch {
	case err == nil && want != 0:
		t.Errorf("%s: no error, want %s", what, name(want))
	case err != nil && (want == 0 || !errors.Is(err, want)):
		t.Errorf("%s: %s, want %s", what, describe(err), name(want))
	}
}

// Equal reports a value that is not want.
func (t *T) Equal(what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func describe(err error) string {
	if errno, ok := err.(posix.Errno); ok {
		return name(errno)
	}
	return err.Error()
}

func name(errno posix.Errno) string {
	if errno == 0 {
		return "no error"
	}
	if n := unix.ErrnoName(errno); n != "" {
		return n
	}
	return fmt.Sprintf("errno %d", int(errno))
}

// Cleanup calls f when the case is over, the last first.
func (t *T) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

// FD takes a descriptor that a call has made, with its error, and closes it when the case is over. It may be closed before.
func (t *T) FD(fd posix.FD, err error) posix.FD {
	t.Helper()
	t.Must("make a descriptor", err)
	t.Cleanup(func() { _ = t.Core.Close(fd) })
	return fd
}

// Pair is FD for two.
func (t *T) Pair(a, b posix.FD, err error) (posix.FD, posix.FD) {
	t.Helper()
	return t.FD(a, err), t.FD(b, err)
}

// Open opens a name in Dir, closing it at the end. O_CLOEXEC is added; files that O_CREAT makes have mode 0644.
func (t *T) Open(name string, flags int) posix.FD {
	t.Helper()
	how := posix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC)}
	if flags&(unix.O_CREAT|unix.O_TMPFILE&^unix.O_DIRECTORY) != 0 {
		how.Mode = 0o644
	}
	fd, err := t.Core.Openat2(t.Dir, name, how)
	if err != nil {
		t.Fatalf("open %s: %s", name, describe(err))
	}
	return t.FD(fd, nil)
}

// File makes a file in Dir with a content, and returns it open for reading and writing, at its beginning.
func (t *T) File(name, content string) posix.FD {
	t.Helper()
	fd := t.Open(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
	if content != "" {
		n, err := t.Core.Pwrite(fd, []byte(content), 0)
		if n != len(content) || err != nil {
			t.Fatalf("write %s: %d, %v", name, n, err)
		}
	}
	return fd
}

// Mkdir makes a directory in Dir and returns it open.
func (t *T) Mkdir(name string) posix.FD {
	t.Helper()
	t.Must("mkdir "+name, t.Core.Mkdirat(t.Dir, name, 0o755))
	return t.Open(name, unix.O_RDONLY|unix.O_DIRECTORY)
}

// Content returns what is in a file of Dir.
func (t *T) Content(name string) string {
	t.Helper()
	fd := t.Open(name, unix.O_RDONLY)
	buf := make([]byte, 1<<16)
	n, err := t.Core.Pread(fd, buf, 0)
	t.Must("read "+name, err)
	return string(buf[:n])
}

// finish ends what the case left: children, then what is to be cleaned up.
func (t *T) finish() {
	for _, c := range t.children {
		c.end()
	}
	for len(t.cleanups) > 0 {
		last := len(t.cleanups) - 1
		f := t.cleanups[last]
		t.cleanups = t.cleanups[:last]
		f()
	}
}
