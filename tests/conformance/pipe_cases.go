package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// pipe makes a pipe with flags, closed at the end.
func (t *T) pipe(flags int) (r, w posix.FD) {
	t.Helper()
	return t.Pair(t.Core.Pipe2(flags | unix.O_CLOEXEC))
}

// wants reports a read whose result is not a text.
func (t *T) wants(what string, fd posix.FD, text string) {
	t.Helper()
	b := make([]byte, len(text)+100)
	n, err := t.Core.Read(fd, b)
	if err != nil || string(b[:n]) != text {
		t.Errorf("%s: read %q, %v, want %q", what, b[:n], err, text)
	}
}

// writes writes a text whole.
func (t *T) writes(what string, fd posix.FD, text string) {
	t.Helper()
	n, err := t.Core.Write(fd, []byte(text))
	if err != nil || n != len(text) {
		t.Errorf("%s: write of %d bytes: %d, %v", what, len(text), n, err)
	}
}

func (t *T) count(what string, n int, err error, want int) {
	t.Helper()
	if err != nil || n != want {
		t.Errorf("%s: %d, %v, want %d", what, n, err, want)
	}
}

func pipeCases() []Case {
	return []Case{
		{Op: posix.OpPipe2, Name: "carries bytes and ends", Run: func(t *T) {
			r, w := t.pipe(0)
			t.writes("first", w, "one")
			t.writes("second", w, "two")
			t.wants("both", r, "onetwo")
			t.Must("close", t.Core.Close(w))
			t.wants("end", r, "")
		}},
		{Op: posix.OpPipe2, Name: "unknown flags", Run: func(t *T) {
			for _, flags := range []int{unix.O_CREAT, unix.O_APPEND, unix.O_WRONLY, unix.O_SYNC, -1} {
				r, w, err := t.Core.Pipe2(flags)
				t.Errno("pipe2", err, unix.EINVAL)
				t.Equal("reader", r, posix.FD(-1))
				t.Equal("writer", w, posix.FD(-1))
			}
		}},
		{Op: posix.OpPipe2, Name: "packets", Run: func(t *T) {
			r, w := t.pipe(unix.O_DIRECT | unix.O_NONBLOCK)
			t.writes("first", w, "one")
			t.writes("second", w, "second")
			t.wants("first", r, "one")
			b := make([]byte, 3)
			n, err := t.Core.Read(r, b)
			t.count("part of the second", n, err, 3)
			_, err = t.Core.Read(r, b)
			t.Errno("the rest is lost", err, unix.EAGAIN)
		}},
		{Op: posix.OpPipe2, Name: "wrong ends", Run: func(t *T) {
			r, w := t.pipe(0)
			_, err := t.Core.Read(w, make([]byte, 1))
			t.Errno("read the writing end", err, unix.EBADF)
			_, err = t.Core.Read(w, nil)
			t.Errno("read nothing of the writing end", err, unix.EBADF)
			_, err = t.Core.Write(r, []byte("x"))
			t.Errno("write the reading end", err, unix.EBADF)
		}},
		{Op: posix.OpPipe2, Name: "full and empty", Run: func(t *T) {
			r, w := t.pipe(unix.O_NONBLOCK)
			b := make([]byte, 100_000)
			_, err := t.Core.Read(r, b)
			t.Errno("empty", err, unix.EAGAIN)
			n, err := t.Core.Write(w, b)
			t.count("more than fits", n, err, 65536)
			_, err = t.Core.Write(w, b[:1])
			t.Errno("full", err, unix.EAGAIN)
			n, err = t.Core.Read(r, b[:4096])
			t.count("a page", n, err, 4096)
			n, err = t.Core.Write(w, b[:4095])
			t.count("less than a page", n, err, 4095)
			_, err = t.Core.Write(w, b[:2])
			t.Errno("two bytes where one would fit", err, unix.EAGAIN)
			n, err = t.Core.Write(w, b[:1])
			t.count("the last byte", n, err, 1)
		}},
		{Op: posix.OpPipe2, Name: "small writes share pages", Run: func(t *T) {
			_, w := t.pipe(unix.O_NONBLOCK)
			b := make([]byte, 1000)
			total := 0
			for {
				n, err := t.Core.Write(w, b)
				if err != nil {
					t.Errno("full", err, unix.EAGAIN)
					break
				}
				total += n
			}
			t.Equal("what fits", total, 64000)
		}},
		{Op: posix.OpPipe2, Name: "no reader", Alone: true, Run: func(t *T) {
			r, w := t.pipe(0)
			t.Must("close", t.Core.Close(r))
			n, err := t.Core.Write(w, nil)
			t.count("nothing", n, err, 0)
			_, err = t.Core.Write(w, []byte("x"))
			t.Errno("something", err, unix.EPIPE)
		}},
		{Op: posix.OpPipe2, Name: "size", Run: func(t *T) {
			r, w := t.pipe(unix.O_NONBLOCK)
			for _, c := range []struct{ ask, get int }{{0, 4096}, {1, 4096}, {5000, 8192}, {65536, 65536}, {1 << 20, 1 << 20}, {4096, 4096}} {
				n, err := t.Core.Fcntl(w, unix.F_SETPIPE_SZ, c.ask)
				t.count("set", n, err, c.get)
				n, err = t.Core.Fcntl(r, unix.F_GETPIPE_SZ, 0)
				t.count("get", n, err, c.get)
			}
			n, err := t.Core.Write(w, make([]byte, 5000))
			t.count("write", n, err, 4096)
			_, err = t.Core.Fcntl(w, unix.F_SETPIPE_SZ, -1)
			t.Errno("negative", err, unix.EINVAL)
			_, err = t.Core.Fcntl(t.File("f", ""), unix.F_GETPIPE_SZ, 0)
			t.Errno("of a file", err, unix.EBADF)
			_, err = t.Core.Fcntl(w, unix.F_SETPIPE_SZ, 8192)
			t.Errno("grow", err, 0)
			n, err = t.Core.Write(w, make([]byte, 5000))
			t.count("write", n, err, 4096)
			_, err = t.Core.Fcntl(w, unix.F_SETPIPE_SZ, 4096)
			t.Errno("shrink below what waits", err, unix.EBUSY)
		}},
		{Op: posix.OpPipe2, Name: "too large", Need: User, Run: func(t *T) {
			_, w := t.pipe(0)
			_, err := t.Core.Fcntl(w, unix.F_SETPIPE_SZ, 1<<21)
			t.Errno("set", err, unix.EPERM)
		}},
		{Op: posix.OpPipe2, Name: "is a FIFO without offset", Run: func(t *T) {
			r, w := t.pipe(0)
			var a, b posix.Stat
			t.Must("stat", t.Core.Fstat(r, &a))
			t.Must("stat", t.Core.Fstat(w, &b))
			t.Equal("mode", a.Mode, uint32(unix.S_IFIFO|0o600))
			t.Equal("inode", a.Ino, b.Ino)
			t.Equal("links", a.Nlink, uint64(1))
			t.Equal("owner", a.UID, t.Core.Geteuid())
			_, err := t.Core.Lseek(r, 0, unix.SEEK_SET)
			t.Errno("seek", err, unix.ESPIPE)
			_, err = t.Core.Pread(r, make([]byte, 1), 0)
			t.Errno("pread", err, unix.ESPIPE)
		}},
		{Op: posix.OpTee, Name: "copies", Run: func(t *T) {
			r, w := t.pipe(0)
			r2, w2 := t.pipe(0)
			t.writes("text", w, "hello")
			n, err := t.Core.Tee(r, w2, 3, 0)
			t.count("three bytes", n, err, 3)
			n, err = t.Core.Tee(r, w2, 100, 0)
			t.count("all", n, err, 5)
			t.wants("copy", r2, "helhello")
			t.wants("original", r, "hello")
		}},
		{Op: posix.OpTee, Name: "nothing to copy", Run: func(t *T) {
			r, w := t.pipe(0)
			_, w2 := t.pipe(0)
			_, err := t.Core.Tee(r, w2, 3, unix.SPLICE_F_NONBLOCK)
			t.Errno("empty", err, unix.EAGAIN)
			t.Must("close", t.Core.Close(w))
			n, err := t.Core.Tee(r, w2, 3, 0)
			t.count("ended", n, err, 0)
		}},
		{Op: posix.OpTee, Name: "order of checks", Run: func(t *T) {
			r, w := t.pipe(0)
			f := t.File("f", "x")
			for _, c := range []struct {
				what        string
				in, out     posix.FD
				size, flags int
				want        posix.Errno
			}{
				{"unknown flags", -1, -1, 0, 16, unix.EINVAL},
				{"no bytes", -1, -1, 0, 0, 0},
				{"no descriptor", -1, w, 1, 0, unix.EBADF},
				{"no target", r, -1, 1, 0, unix.EBADF},
				{"wrong ends", w, r, 1, 0, unix.EBADF},
				{"the same pipe", r, w, 1, unix.SPLICE_F_NONBLOCK, unix.EINVAL},
				{"a file", f, w, 1, 0, unix.EINVAL},
				{"to a file", r, f, 1, 0, unix.EINVAL},
			} {
				_, err := t.Core.Tee(c.in, c.out, c.size, c.flags)
				t.Errno(c.what, err, c.want)
			}
		}},
		{Op: posix.OpTee, Name: "full target", Run: func(t *T) {
			r, w := t.pipe(0)
			r2, w2 := t.pipe(unix.O_NONBLOCK)
			t.writes("text", w, "hello")
			_, err := t.Core.Write(w2, make([]byte, 1<<16))
			t.Must("fill", err)
			_, err = t.Core.Tee(r, w2, 3, 0)
			t.Errno("full", err, unix.EAGAIN)
			t.Must("close", t.Core.Close(r2))
			_, err = t.Core.Tee(r, w2, 3, 0)
			t.Errno("no reader", err, unix.EPIPE)
		}},
	}
}
