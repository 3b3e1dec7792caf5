package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func descriptorCases() []Case {
	return []Case{
		{Op: posix.OpFcntl, Name: "F_DUPFD_CLOEXEC", Run: func(t *T) {
			fd := t.File("f", "")
			for _, cmd := range []int{unix.F_DUPFD_CLOEXEC, unix.F_DUPFD} {
				n, err := t.Core.Fcntl(fd, cmd, 500)
				t.FD(posix.FD(n), err)
				t.Equal("number", n >= 500, true)
				got, err := t.Core.Fcntl(posix.FD(n), unix.F_GETFD, 0)
				t.Errno("F_GETFD", err, 0)
				t.Equal("close-on-exec", got == unix.FD_CLOEXEC, cmd == unix.F_DUPFD_CLOEXEC)
			}
			_, err := t.Core.Fcntl(fd, unix.F_DUPFD_CLOEXEC, -1)
			t.Errno("negative", err, unix.EINVAL)
			_, err = t.Core.Fcntl(fd, unix.F_DUPFD_CLOEXEC, 1<<30)
			t.Errno("large", err, unix.EINVAL)
			_, err = t.Core.Fcntl(-1, unix.F_DUPFD_CLOEXEC, -1)
			t.Errno("not open", err, unix.EBADF)
		}},
		{Op: posix.OpFcntl, Name: "F_SETFD", Run: func(t *T) {
			fd := t.File("f", "")
			for _, arg := range []int{0, 1, 2, 3} {
				_, err := t.Core.Fcntl(fd, unix.F_SETFD, arg)
				t.Errno("F_SETFD", err, 0)
				got, err := t.Core.Fcntl(fd, unix.F_GETFD, 0)
				t.Errno("F_GETFD", err, 0)
				t.Equal("F_GETFD", got, arg&1)
			}
		}},
		{Op: posix.OpFcntl, Name: "F_SETFL", Run: func(t *T) {
			t.File("f", "")
			fd := t.Open("f", unix.O_WRONLY)
			get := func() int {
				n, err := t.Core.Fcntl(fd, unix.F_GETFL, 0)
				t.Errno("F_GETFL", err, 0)
				return n &^ 0o500000 // O_LARGEFILE, which differs between architectures
			}
			t.Equal("flags", get(), unix.O_WRONLY)
			_, err := t.Core.Fcntl(fd, unix.F_SETFL, unix.O_RDWR|unix.O_APPEND|unix.O_NONBLOCK|unix.O_CREAT|unix.O_SYNC)
			t.Errno("F_SETFL", err, 0)
			t.Equal("flags", get(), unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK)
			_, err = t.Core.Fcntl(fd, unix.F_SETFL, 0)
			t.Errno("F_SETFL", err, 0)
			t.Equal("flags", get(), unix.O_WRONLY)
		}},
		{Op: posix.OpFcntl, Name: "hostile arguments", Run: func(t *T) {
			fd := t.File("f", "")
			_, err := t.Core.Fcntl(fd, 9999, 0)
			t.Errno("an unknown command", err, unix.EINVAL)
			_, err = t.Core.Fcntl(-1, 9999, 0)
			t.Errno("an unknown command, not open", err, unix.EBADF)
			_, err = t.Core.Fcntl(fd, unix.F_GETPIPE_SZ, 0)
			t.Errno("a file's pipe", err, unix.EBADF)
			_, err = t.Core.Fcntl(fd, unix.F_SETPIPE_SZ, 4096)
			t.Errno("a file's pipe, set", err, unix.EBADF)
			_, err = t.Core.Fcntl(t.Open("f", unix.O_PATH), 9999, 0)
			t.Errno("an unknown command for O_PATH", err, unix.EBADF)
		}},
		{Op: posix.OpFcntl, Name: "seals of a file on a tmpfs", Run: func(t *T) {
			fd := t.File("f", "")
			n, err := t.Core.Fcntl(fd, unix.F_GET_SEALS, 0)
			t.Errno("F_GET_SEALS", err, 0)
			t.Equal("seals", n, unix.F_SEAL_SEAL)
			_, err = t.Core.Fcntl(fd, unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
			t.Errno("F_ADD_SEALS", err, unix.EPERM)
			r, w, err := t.Core.Pipe2(unix.O_CLOEXEC)
			t.Pair(r, w, err)
			_, err = t.Core.Fcntl(w, unix.F_GET_SEALS, 0)
			t.Errno("of a pipe", err, unix.EINVAL)
			_, err = t.Core.Fcntl(w, unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
			t.Errno("add to a pipe", err, unix.EINVAL)
		}},
		{Op: posix.OpDup3, Name: "onto itself", Run: func(t *T) {
			fd := t.File("x", "text")
			t.Errno("dup3", t.Core.Dup3(fd, fd, 0), unix.EINVAL)
			t.Errno("not open", t.Core.Dup3(-1, -1, 0), unix.EINVAL)
		}},
		{Op: posix.OpDup3, Name: "over another", Run: func(t *T) {
			a, b := t.File("a", "A"), t.File("b", "B")
			t.Errno("dup3", t.Core.Dup3(a, b, unix.O_CLOEXEC), 0)
			buf := make([]byte, 2)
			n, err := t.Core.Read(b, buf)
			t.Errno("read", err, 0)
			t.Equal("read", string(buf[:n]), "A")
			got, err := t.Core.Fcntl(b, unix.F_GETFD, 0)
			t.Errno("F_GETFD", err, 0)
			t.Equal("close-on-exec", got, unix.FD_CLOEXEC)
			t.Errno("without flags", t.Core.Dup3(a, b, 0), 0)
			got, err = t.Core.Fcntl(b, unix.F_GETFD, 0)
			t.Errno("F_GETFD", err, 0)
			t.Equal("close-on-exec", got, 0)
		}},
		{Op: posix.OpDup3, Name: "hostile arguments", Run: func(t *T) {
			fd := t.File("x", "text")
			t.Errno("an unknown flag", t.Core.Dup3(fd, 600, unix.O_NONBLOCK), unix.EINVAL)
			t.Errno("an unknown flag, not open", t.Core.Dup3(-1, 600, unix.O_NONBLOCK), unix.EINVAL)
			t.Errno("not open", t.Core.Dup3(-1, 600, 0), unix.EBADF)
			t.Errno("onto a negative number", t.Core.Dup3(fd, -1, 0), unix.EBADF)
			t.Errno("onto a large number", t.Core.Dup3(fd, 1<<30, 0), unix.EBADF)
			t.Errno("O_PATH", t.Core.Dup3(t.Open("x", unix.O_PATH), t.FD(t.Core.Openat2(t.Dir, "x", rdonly())), 0), 0)
		}},
	}
}
