package posix_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
)

func TestErrorText(t *testing.T) {
	for _, tt := range []struct {
		err  posix.Error
		want string
	}{
		{posix.Error{Op: posix.OpOpenat2, FD: posix.AtFDCWD, Path: "/etc/x", Errno: syscall.ENOENT}, "openat2 /etc/x: no such file or directory"},
		{posix.Error{Op: posix.OpRead, FD: 7, Errno: syscall.EBADF}, "read fd 7: bad file descriptor"},
		{posix.Error{Op: posix.OpRead, FD: 0, Errno: syscall.EIO}, "read fd 0: input/output error"},
		{posix.Error{Op: posix.OpSocket, FD: posix.NoFD, Errno: syscall.EMFILE}, "socket: too many open files"},
		{posix.Error{Op: posix.OpBind, FD: 3, Path: "[::]:80", Errno: syscall.EACCES}, "bind [::]:80: permission denied"},
		{posix.Error{FD: posix.NoFD, Errno: syscall.EACCES}, "op(0): permission denied"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestErrorIs(t *testing.T) {
	for _, tt := range []struct {
		errno  posix.Errno
		target error
		want   bool
	}{
		{syscall.ENOENT, fs.ErrNotExist, true},
		{syscall.ENOENT, syscall.ENOENT, true},
		{syscall.ENOENT, fs.ErrExist, false},
		{syscall.EEXIST, fs.ErrExist, true},
		{syscall.EPERM, fs.ErrPermission, true},
		{syscall.EACCES, fs.ErrPermission, true},
		{syscall.ENOSYS, errors.ErrUnsupported, true},
		{syscall.EAGAIN, os.ErrNotExist, false},
	} {
		err := error(&posix.Error{Op: posix.OpFstat, FD: 1, Errno: tt.errno})
		if got := errors.Is(err, tt.target); got != tt.want {
			t.Errorf("errors.Is(%v, %v) = %v, want %v", err, tt.target, got, tt.want)
		}
	}
}

func ExampleError() {
	var err error = &posix.Error{Op: posix.OpOpenat2, FD: posix.AtFDCWD, Path: "/etc/x", Errno: syscall.ENOENT}
	var failed *posix.Error
	if errors.As(err, &failed) && errors.Is(err, fs.ErrNotExist) {
		fmt.Println(failed.Op, failed.Path)
	}
	fmt.Println(err)
	// Output:
	// openat2 /etc/x
	// openat2 /etc/x: no such file or directory
}

// A message that says what was attempted takes only what the kernel said. Words that are not the kernel's are kept.
func TestAnswer(t *testing.T) {
	ours := fmt.Errorf("denied: %w", &posix.Error{Op: posix.OpClose, FD: 3, Errno: syscall.EPERM})
	for _, tt := range []struct{ err, want error }{
		{&posix.Error{Op: posix.OpFstat, FD: 1, Errno: syscall.EBADF}, syscall.EBADF},
		{syscall.EBADF, syscall.EBADF},
		{ours, ours},
		{io.ErrShortWrite, io.ErrShortWrite},
		{nil, nil},
	} {
		if got := posix.Answer(tt.err); got != tt.want {
			t.Errorf("Answer(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestFromTo(t *testing.T) {
	for want, got := range map[string]string{
		"a -> b":       posix.FromTo(3, "a", 4, "b"),
		"fd 3 -> /mnt": posix.FromTo(3, "", posix.AtFDCWD, "/mnt"),
		"a -> fd 4":    posix.FromTo(3, "a", 4, ""),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
