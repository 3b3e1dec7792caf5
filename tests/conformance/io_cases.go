package conformance

import (
	"math"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// offsetless makes one of each that takes any lseek(2) and stays at 0.
func (t *T) offsetless() map[string]posix.FD {
	t.Helper()
	signals := posix.Sigbit(unix.SIGUSR1)
	return map[string]posix.FD{
		"eventfd":  t.FD(t.Core.Eventfd2(1, unix.EFD_NONBLOCK)),
		"timerfd":  t.FD(t.Core.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK)),
		"signalfd": t.FD(t.Core.Signalfd4(-1, signals, unix.SFD_NONBLOCK)),
		"epoll":    t.FD(t.Core.EpollCreate1(0)),
	}
}

func ioCases() []Case {
	return []Case{
		{Op: posix.OpRead, Name: "a file to its end", Run: func(t *T) {
			fd := t.File("f", "text")
			b := make([]byte, 3)
			for _, want := range []string{"tex", "t", "", ""} {
				n, err := t.Core.Read(fd, b)
				t.Errno("read", err, 0)
				t.Equal("read", string(b[:n]), want)
			}
			n, err := t.Core.Read(fd, nil)
			t.Equal("nothing wanted", n, 0)
			t.Errno("nothing wanted", err, 0)
		}},
		{Op: posix.OpRead, Name: "what cannot be read", Run: func(t *T) {
			b := make([]byte, 3)
			t.File("f", "text")
			_, err := t.Core.Read(t.Open("f", unix.O_WRONLY), b)
			t.Errno("open for writing", err, unix.EBADF)
			_, err = t.Core.Read(t.Mkdir("d"), b)
			t.Errno("a directory", err, unix.EISDIR)
			_, err = t.Core.Read(t.Open("d", unix.O_RDONLY), nil)
			t.Errno("a directory, nothing wanted", err, unix.EISDIR)
			for _, fd := range []posix.FD{-1, posix.AtFDCWD, 99999, math.MaxInt32, math.MinInt32} {
				_, err = t.Core.Read(fd, b)
				t.Errno("not open", err, unix.EBADF)
			}
		}},
		{Op: posix.OpRead, Name: "holes are zero", Run: func(t *T) {
			fd := t.File("f", "")
			_, err := t.Core.Pwrite(fd, []byte("end"), 10000)
			t.Must("pwrite", err)
			b := make([]byte, 16384)
			n, err := t.Core.Read(fd, b)
			t.Must("read", err)
			t.Equal("length", n, 10003)
			t.Equal("end", string(b[10000:n]), "end")
			for i := range 10000 {
				if b[i] != 0 {
					t.Fatalf("byte %d is %d", i, b[i])
				}
			}
		}},
		{Op: posix.OpWrite, Name: "at the offset", Run: func(t *T) {
			fd := t.File("f", "0123456789")
			at, err := t.Core.Lseek(fd, 4, unix.SEEK_SET)
			t.Must("lseek", err)
			t.Equal("offset", at, int64(4))
			n, err := t.Core.Write(fd, []byte("xy"))
			t.Equal("written", n, 2)
			t.Errno("write", err, 0)
			t.Equal("content", t.Content("f"), "0123xy6789")
			n, err = t.Core.Write(fd, nil)
			t.Equal("nothing written", n, 0)
			t.Errno("write nothing", err, 0)
		}},
		{Op: posix.OpWrite, Name: "O_APPEND", Run: func(t *T) {
			t.File("f", "text")
			a, b := t.Open("f", unix.O_WRONLY|unix.O_APPEND), t.Open("f", unix.O_WRONLY|unix.O_APPEND)
			for _, fd := range []posix.FD{a, b, a} {
				_, err := t.Core.Write(fd, []byte("+"))
				t.Must("write", err)
			}
			t.Equal("content", t.Content("f"), "text+++")
			at, err := t.Core.Lseek(b, 0, unix.SEEK_CUR)
			t.Must("lseek", err)
			t.Equal("offset", at, int64(6))
		}},
		{Op: posix.OpWrite, Name: "what cannot be written", Run: func(t *T) {
			t.File("f", "text")
			fd := t.Open("f", unix.O_RDONLY)
			_, err := t.Core.Write(fd, []byte("x"))
			t.Errno("open for reading", err, unix.EBADF)
			_, err = t.Core.Write(fd, nil)
			t.Errno("open for reading, nothing to write", err, unix.EBADF)
			_, err = t.Core.Write(t.Mkdir("d"), []byte("x"))
			t.Errno("a directory", err, unix.EBADF)
			_, err = t.Core.Write(-1, []byte("x"))
			t.Errno("not open", err, unix.EBADF)
		}},
		{Op: posix.OpWrite, Name: "set-user bits go", Need: User, Run: func(t *T) {
			fd := t.File("f", "text")
			t.chmod("f", 0o6755)
			_, err := t.Core.Write(fd, []byte("x"))
			t.Must("write", err)
			t.Equal("mode", t.stat("f").Mode, uint32(unix.S_IFREG|0o755))
		}},
		{Op: posix.OpWrite, Name: "set-user bits stay for root", Need: Root, Run: func(t *T) {
			fd := t.File("f", "text")
			t.chmod("f", 0o6755)
			_, err := t.Core.Write(fd, []byte("x"))
			t.Must("write", err)
			t.Equal("mode", t.stat("f").Mode, uint32(unix.S_IFREG|0o6755))
		}},
		{Op: posix.OpPread, Name: "leaves the offset", Run: func(t *T) {
			fd := t.File("f", "0123456789")
			b := make([]byte, 4)
			n, err := t.Core.Pread(fd, b, 7)
			t.Errno("pread", err, 0)
			t.Equal("read", string(b[:n]), "789")
			at, err := t.Core.Lseek(fd, 0, unix.SEEK_CUR)
			t.Errno("lseek", err, 0)
			t.Equal("offset", at, int64(0))
			n, err = t.Core.Pread(fd, b, 100)
			t.Errno("behind the end", err, 0)
			t.Equal("behind the end", n, 0)
		}},
		{Op: posix.OpPread, Name: "hostile arguments", Run: func(t *T) {
			fd, b := t.File("f", "text"), make([]byte, 4)
			_, err := t.Core.Pread(fd, b, -1)
			t.Errno("a negative offset", err, unix.EINVAL)
			_, err = t.Core.Pread(-1, b, -1)
			t.Errno("not open, a negative offset", err, unix.EINVAL)
			_, err = t.Core.Pread(-1, b, 0)
			t.Errno("not open", err, unix.EBADF)
			_, err = t.Core.Pread(fd, b, math.MaxInt64)
			t.Errno("the largest offset", err, unix.EINVAL)
			n, err := t.Core.Pread(fd, b, math.MaxInt64-4)
			t.Errno("nearly the largest offset", err, 0)
			t.Equal("nearly the largest offset", n, 0)
			_, err = t.Core.Pread(t.Open("f", unix.O_WRONLY), b, 0)
			t.Errno("open for writing", err, unix.EBADF)
			_, err = t.Core.Pread(t.Mkdir("d"), b, 0)
			t.Errno("a directory", err, unix.EISDIR)
		}},
		{Op: posix.OpPread, Name: "of a pipe", Run: func(t *T) {
			r, w, err := t.Core.Pipe2(unix.O_CLOEXEC)
			t.Pair(r, w, err)
			_, err = t.Core.Pread(r, make([]byte, 1), 0)
			t.Errno("pread", err, unix.ESPIPE)
			_, err = t.Core.Pread(w, make([]byte, 1), 0)
			t.Errno("pread of the end for writing", err, unix.ESPIPE)
			_, err = t.Core.Pwrite(w, make([]byte, 1), 0)
			t.Errno("pwrite", err, unix.ESPIPE)
			_, err = t.Core.Lseek(r, 0, unix.SEEK_SET)
			t.Errno("lseek", err, unix.ESPIPE)
			_, err = t.Core.Lseek(r, 0, 9)
			t.Errno("lseek from nowhere", err, unix.EINVAL)
		}},
		{Op: posix.OpPwrite, Name: "leaves the offset", Run: func(t *T) {
			fd := t.File("f", "0123456789")
			n, err := t.Core.Pwrite(fd, []byte("xy"), 3)
			t.Equal("written", n, 2)
			t.Errno("pwrite", err, 0)
			b := make([]byte, 20)
			n, err = t.Core.Read(fd, b)
			t.Errno("read", err, 0)
			t.Equal("read", string(b[:n]), "012xy56789")
		}},
		{Op: posix.OpPwrite, Name: "appends with O_APPEND", Run: func(t *T) {
			t.File("f", "0123")
			_, err := t.Core.Pwrite(t.Open("f", unix.O_WRONLY|unix.O_APPEND), []byte("xy"), 0)
			t.Errno("pwrite", err, 0)
			t.Equal("content", t.Content("f"), "0123xy")
		}},
		{Op: posix.OpPwrite, Name: "hostile arguments", Run: func(t *T) {
			fd, b := t.File("f", "text"), []byte("abcd")
			_, err := t.Core.Pwrite(fd, b, -1)
			t.Errno("a negative offset", err, unix.EINVAL)
			_, err = t.Core.Pwrite(-1, b, 0)
			t.Errno("not open", err, unix.EBADF)
			_, err = t.Core.Pwrite(fd, b, math.MaxInt64)
			t.Errno("the largest offset", err, unix.EINVAL)
			n, err := t.Core.Pwrite(fd, b, math.MaxInt64-4)
			t.Errno("nearly the largest offset", err, 0)
			t.Equal("nearly the largest offset", n, 4)
			t.Must("truncate", t.Core.Ftruncate(fd, 0))
			_, err = t.Core.Pwrite(t.Open("f", unix.O_RDONLY), b, 0)
			t.Errno("open for reading", err, unix.EBADF)
			_, err = t.Core.Pwrite(t.Mkdir("d"), b, 0)
			t.Errno("a directory", err, unix.EBADF)
			n, err = t.Core.Pwrite(fd, b, 1<<40)
			t.Errno("far away", err, 0)
			t.Equal("far away", n, 4)
			t.Equal("size", t.stat("f").Size, int64(1<<40+4))
		}},
		{Op: posix.OpPwrite, Name: "nothing behind the end", Run: func(t *T) {
			fd := t.File("f", "text")
			n, err := t.Core.Pwrite(fd, nil, 100)
			t.Errno("pwrite", err, 0)
			t.Equal("written", n, 0)
			t.Equal("size", t.stat("f").Size, int64(4))
		}},
		{Op: posix.OpLseek, Name: "from everywhere", Run: func(t *T) {
			fd := t.File("f", "0123456789")
			for _, c := range []struct {
				off    int64
				whence int
				want   int64
				errno  posix.Errno
			}{
				{3, unix.SEEK_SET, 3, 0}, {4, unix.SEEK_CUR, 7, 0}, {-7, unix.SEEK_CUR, 0, 0}, {-1, unix.SEEK_CUR, 0, unix.EINVAL},
				{0, unix.SEEK_END, 10, 0}, {-11, unix.SEEK_END, 0, unix.EINVAL}, {5, unix.SEEK_END, 15, 0}, {-1, unix.SEEK_SET, 0, unix.EINVAL},
				{0, unix.SEEK_CUR, 15, 0}, {0, 5, 0, unix.EINVAL}, {0, -1, 0, unix.EINVAL}, {math.MaxInt64, unix.SEEK_SET, math.MaxInt64, 0},
				{1, unix.SEEK_CUR, 0, unix.EINVAL}, {math.MinInt64, unix.SEEK_SET, 0, unix.EINVAL}, {math.MaxInt64, unix.SEEK_END, 0, unix.EINVAL},
			} {
				at, err := t.Core.Lseek(fd, c.off, c.whence)
				t.Errno("lseek", err, c.errno)
				t.Equal("offset", at, c.want)
			}
		}},
		{Op: posix.OpLseek, Name: "what has no offset and does not mind", Run: func(t *T) {
			for what, fd := range t.offsetless() {
				for whence := range unix.SEEK_HOLE + 1 {
					at, err := t.Core.Lseek(fd, 100, whence)
					t.Errno(what, err, 0)
					t.Equal(what, at, int64(0))
				}
				_, err := t.Core.Lseek(fd, 0, unix.SEEK_HOLE+1)
				t.Errno(what+", an unknown whence", err, unix.EINVAL)
				_, err = t.Core.Pread(fd, make([]byte, 8), 0)
				t.Errno("pread from "+what, err, unix.ESPIPE)
			}
		}},
		{Op: posix.OpLseek, Name: "shared by copies", Run: func(t *T) {
			fd := t.File("f", "0123456789")
			other, err := t.Core.Fcntl(fd, unix.F_DUPFD_CLOEXEC, 0)
			copied := t.FD(posix.FD(other), err)
			_, err = t.Core.Lseek(fd, 5, unix.SEEK_SET)
			t.Must("lseek", err)
			b := make([]byte, 2)
			_, err = t.Core.Read(copied, b)
			t.Must("read", err)
			t.Equal("read", string(b), "56")
			at, err := t.Core.Lseek(fd, 0, unix.SEEK_CUR)
			t.Must("lseek", err)
			t.Equal("offset", at, int64(7))
		}},
		{Op: posix.OpLseek, Name: "data and holes", Run: func(t *T) {
			fd := t.File("f", "x")
			_, err := t.Core.Pwrite(fd, []byte("y"), 1<<20)
			t.Must("pwrite", err)
			for _, c := range []struct {
				what   string
				off    int64
				whence int
				want   int64
				errno  posix.Errno
			}{
				{"data at once", 0, unix.SEEK_DATA, 0, 0}, {"the hole", 0, unix.SEEK_HOLE, 4096, 0},
				{"data behind the hole", 5000, unix.SEEK_DATA, 1 << 20, 0}, {"within the hole", 5000, unix.SEEK_HOLE, 5000, 0},
				{"the end is a hole", 1 << 20, unix.SEEK_HOLE, 1<<20 + 1, 0}, {"behind the end", 1<<20 + 1, unix.SEEK_DATA, 0, unix.ENXIO},
				{"a hole behind the end", 1<<20 + 1, unix.SEEK_HOLE, 0, unix.ENXIO}, {"negative", -1, unix.SEEK_DATA, 0, unix.ENXIO},
			} {
				at, err := t.Core.Lseek(fd, c.off, c.whence)
				t.Errno(c.what, err, c.errno)
				t.Equal(c.what, at, c.want)
			}
		}},
		{Op: posix.OpLseek, Name: "a directory to its beginning", Run: func(t *T) {
			t.File("f", "")
			fd := t.Open(".", unix.O_RDONLY)
			first := t.names(fd)
			t.Equal("the end", len(t.names(fd)), 0)
			_, err := t.Core.Lseek(fd, 0, unix.SEEK_SET)
			t.Errno("lseek", err, 0)
			t.Equal("again", len(t.names(fd)), len(first))
			_, err = t.Core.Lseek(fd, -1, unix.SEEK_SET)
			t.Errno("negative", err, unix.EINVAL)
			_, err = t.Core.Lseek(fd, 0, unix.SEEK_END)
			t.Errno("the end", err, unix.EINVAL)
		}},
		{Op: posix.OpFtruncate, Name: "shorter and longer", Run: func(t *T) {
			fd := t.File("f", "0123456789")
			t.Errno("shorter", t.Core.Ftruncate(fd, 4), 0)
			t.Equal("content", t.Content("f"), "0123")
			t.Errno("longer", t.Core.Ftruncate(fd, 6), 0)
			t.Equal("content", t.Content("f"), "0123\x00\x00")
			t.Errno("empty", t.Core.Ftruncate(fd, 0), 0)
			t.Equal("content", t.Content("f"), "")
			t.Errno("the largest", t.Core.Ftruncate(fd, math.MaxInt64), 0)
			t.Equal("size", t.stat("f").Size, int64(math.MaxInt64))
		}},
		{Op: posix.OpFtruncate, Name: "hostile arguments", Run: func(t *T) {
			fd := t.File("f", "0123456789")
			t.Errno("negative", t.Core.Ftruncate(fd, -1), unix.EINVAL)
			t.Errno("not open, negative", t.Core.Ftruncate(-1, -1), unix.EINVAL)
			t.Errno("not open", t.Core.Ftruncate(-1, 0), unix.EBADF)
			t.Errno("open for reading", t.Core.Ftruncate(t.Open("f", unix.O_RDONLY), 0), unix.EINVAL)
			t.Errno("a directory", t.Core.Ftruncate(t.Mkdir("d"), 0), unix.EINVAL)
		}},
		{Op: posix.OpFtruncate, Name: "a pipe", Run: func(t *T) {
			r, w, err := t.Core.Pipe2(unix.O_CLOEXEC)
			t.Pair(r, w, err)
			t.Errno("its end for reading", t.Core.Ftruncate(r, 0), unix.EINVAL)
			t.Errno("its end for writing", t.Core.Ftruncate(w, 0), unix.EINVAL)
		}},
		{Op: posix.OpFsync, Name: "files and directories", Run: func(t *T) {
			t.Errno("a file", t.Core.Fsync(t.File("f", "x")), 0)
			t.Errno("a directory", t.Core.Fsync(t.Mkdir("d")), 0)
			t.Errno("open for reading", t.Core.Fsync(t.Open("f", unix.O_RDONLY)), 0)
		}},
		{Op: posix.OpFsync, Name: "not open", Run: func(t *T) {
			t.Errno("-1", t.Core.Fsync(-1), unix.EBADF)
			fd := t.File("f", "x")
			t.Must("close", t.Core.Close(fd))
			t.Errno("closed", t.Core.Fsync(fd), unix.EBADF)
		}},
		{Op: posix.OpFsync, Name: "a pipe", Run: func(t *T) {
			r, w, err := t.Core.Pipe2(unix.O_CLOEXEC)
			t.Pair(r, w, err)
			t.Errno("its end for reading", t.Core.Fsync(r), unix.EINVAL)
			t.Errno("its end for writing", t.Core.Fsync(w), unix.EINVAL)
		}},
		{Op: posix.OpClose, Name: "twice", Run: func(t *T) {
			fd := t.File("f", "x")
			t.Errno("close", t.Core.Close(fd), 0)
			t.Errno("again", t.Core.Close(fd), unix.EBADF)
		}},
		{Op: posix.OpClose, Name: "not open", Run: func(t *T) {
			for _, fd := range []posix.FD{-1, posix.AtFDCWD, 99999, math.MaxInt32, math.MinInt32} {
				t.Errno("close", t.Core.Close(fd), unix.EBADF)
			}
		}},
		{Op: posix.OpClose, Name: "the number is used again, a copy stays open", Run: func(t *T) {
			fd := t.File("f", "text")
			other, err := t.Core.Fcntl(fd, unix.F_DUPFD_CLOEXEC, int(fd)+1)
			copied := t.FD(posix.FD(other), err)
			t.Must("close", t.Core.Close(fd))
			t.Equal("the lowest number", t.Open("f", unix.O_RDONLY), fd)
			n, err := t.Core.Read(copied, make([]byte, 9))
			t.Errno("read of the copy", err, 0)
			t.Equal("read of the copy", n, 4)
		}},
	}
}
