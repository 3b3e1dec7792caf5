package conformance

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// dirent is one entry of a directory.
type dirent struct {
	ino  uint64
	kind byte
	name string
}

// dirents takes entries out of a buffer.
func dirents(b []byte) []dirent {
	var list []dirent
	for len(b) > 19 {
		size := int(binary.NativeEndian.Uint16(b[16:]))
		name := b[19:size]
		list = append(list, dirent{binary.NativeEndian.Uint64(b), b[18], string(name[:slices.Index(name, 0)])})
		b = b[size:]
	}
	return list
}

// names returns the names in a directory from its offset on, sorted.
func (t *T) names(fd posix.FD) []string {
	t.Helper()
	var list []string
	buf := make([]byte, 4096)
	for {
		n, err := t.Core.Getdents(fd, buf)
		t.Must("getdents", err)
		if n == 0 {
			slices.Sort(list)
			return list
		}
		for _, e := range dirents(buf[:n]) {
			list = append(list, e.name)
		}
	}
}

func directoryCases() []Case {
	return []Case{
		{Op: posix.OpGetdents, Name: "what is made after the end is not seen", Run: func(t *T) {
			t.File("a", "")
			fd := t.Open(".", unix.O_RDONLY|unix.O_DIRECTORY)
			read := func(size int) int {
				n, err := t.Core.Getdents(fd, make([]byte, size))
				t.Errno("getdents", err, 0)
				return n
			}
			t.Equal("all", read(4096) > 0, true)
			t.File("b", "")
			t.Equal("more", read(4096), 0)
			t.Equal("into nothing", read(0), 0)
			_, err := t.Core.Lseek(fd, 0, unix.SEEK_SET)
			t.Errno("lseek", err, 0)
			t.Equal("again", read(4096) > 0, true)
		}},
		{Op: posix.OpGetdents, Name: "what is made while it is read is not seen", Run: func(t *T) {
			t.File("a", "")
			t.File("b", "")
			fd := t.Open(".", unix.O_RDONLY|unix.O_DIRECTORY)
			var got []string
			for i := range 6 {
				buf := make([]byte, 24) // one entry
				n, err := t.Core.Getdents(fd, buf)
				t.Errno("getdents", err, 0)
				if n == 24 {
					got = append(got, strings.TrimRight(string(buf[19:]), "\x00"))
				}
				t.File(fmt.Sprint(i), "")
			}
			slices.Sort(got)
			t.Equal("entries", strings.Join(got, " "), ". .. 0 a b")
		}},
		{Op: posix.OpGetdents, Name: "all kinds", Run: func(t *T) {
			t.File("file", "")
			t.Mkdir("dir")
			t.symlink("x", "link")
			buf := make([]byte, 4096)
			n, err := t.Core.Getdents(t.Dir, buf)
			t.Errno("getdents", err, 0)
			kinds := map[string]byte{}
			for _, e := range dirents(buf[:n]) {
				kinds[e.name] = e.kind
				if e.name != ".." {
					var st posix.Stat
					t.Must("stat", t.Core.Fstatat(t.Dir, e.name, &st, unix.AT_SYMLINK_NOFOLLOW))
					t.Equal("inode of "+e.name, e.ino, st.Ino)
				}
			}
			t.Equal("entries", len(kinds), 5)
			t.Equal("file", kinds["file"], byte(unix.DT_REG))
			t.Equal("dir", kinds["dir"], byte(unix.DT_DIR))
			t.Equal("link", kinds["link"], byte(unix.DT_LNK))
			t.Equal(".", kinds["."], byte(unix.DT_DIR))
			t.Equal("..", kinds[".."], byte(unix.DT_DIR))
		}},
		{Op: posix.OpGetdents, Name: "piece by piece", Run: func(t *T) {
			for i := range 50 {
				t.Must("mkdir", t.Core.Mkdirat(t.Dir, "d"+itoa(i), 0o700))
			}
			fd := t.Open(".", unix.O_RDONLY)
			seen := map[string]int{}
			buf := make([]byte, 64)
			for {
				n, err := t.Core.Getdents(fd, buf)
				t.Must("getdents", err)
				if n == 0 {
					break
				}
				for _, e := range dirents(buf[:n]) {
					seen[e.name]++
					if e.name != "." && e.name != ".." {
						t.Must("rmdir while reading", t.Core.Unlinkat(t.Dir, e.name, unix.AT_REMOVEDIR))
					}
				}
			}
			t.Equal("entries", len(seen), 52)
			for name, times := range seen {
				if times != 1 {
					t.Errorf("%s was there %d times", name, times)
				}
			}
		}},
		{Op: posix.OpGetdents, Name: "hostile arguments", Run: func(t *T) {
			fd := t.File("f", "")
			buf := make([]byte, 256)
			_, err := t.Core.Getdents(fd, buf)
			t.Errno("a file", err, unix.ENOTDIR)
			_, err = t.Core.Getdents(-1, buf)
			t.Errno("not open", err, unix.EBADF)
			_, err = t.Core.Getdents(t.Open(".", unix.O_RDONLY), buf[:10])
			t.Errno("a small buffer", err, unix.EINVAL)
			_, err = t.Core.Getdents(t.Open(".", unix.O_RDONLY), nil)
			t.Errno("no buffer", err, unix.EINVAL)
			d := t.Mkdir("d")
			t.Must("rmdir", t.Core.Unlinkat(t.Dir, "d", unix.AT_REMOVEDIR))
			_, err = t.Core.Getdents(d, buf)
			t.Errno("a directory that is gone", err, unix.ENOENT)
		}},
	}
}

func lockCases() []Case {
	return []Case{
		{Op: posix.OpFlock, Name: "shared and exclusive", Run: func(t *T) {
			a := t.File("f", "")
			b := t.Open("f", unix.O_RDONLY)
			try := func(what string, fd posix.FD, how int, want posix.Errno) {
				t.Errno(what, t.Core.Flock(fd, how|unix.LOCK_NB), want)
			}
			try("shared", a, unix.LOCK_SH, 0)
			try("another shared", b, unix.LOCK_SH, 0)
			try("exclusive with another shared", b, unix.LOCK_EX, unix.EAGAIN)
			try("the lock was lost in the attempt", a, unix.LOCK_EX, 0)
			try("shared with an exclusive", b, unix.LOCK_SH, unix.EAGAIN)
			try("again", a, unix.LOCK_EX, 0)
			try("back", a, unix.LOCK_UN, 0)
			try("back again", a, unix.LOCK_UN, 0)
			try("free", b, unix.LOCK_EX, 0)
		}},
		{Op: posix.OpFlock, Name: "belongs to all copies", Run: func(t *T) {
			a := t.File("f", "")
			b := t.Open("f", unix.O_RDONLY)
			n, err := t.Core.Fcntl(a, unix.F_DUPFD_CLOEXEC, 0)
			copied := t.FD(posix.FD(n), err)
			t.Errno("lock", t.Core.Flock(a, unix.LOCK_EX), 0)
			t.Must("close", t.Core.Close(a))
			t.Errno("held by the copy", t.Core.Flock(b, unix.LOCK_EX|unix.LOCK_NB), unix.EAGAIN)
			t.Errno("the copy's own", t.Core.Flock(copied, unix.LOCK_EX|unix.LOCK_NB), 0)
			t.Must("close", t.Core.Close(copied))
			t.Errno("free", t.Core.Flock(b, unix.LOCK_EX|unix.LOCK_NB), 0)
		}},
		{Op: posix.OpFlock, Name: "hostile arguments", Run: func(t *T) {
			fd := t.File("f", "")
			t.Errno("nothing wanted", t.Core.Flock(fd, 0), unix.EINVAL)
			t.Errno("both", t.Core.Flock(fd, unix.LOCK_SH|unix.LOCK_EX), unix.EINVAL)
			t.Errno("only not to wait", t.Core.Flock(fd, unix.LOCK_NB), unix.EINVAL)
			t.Errno("not open", t.Core.Flock(-1, unix.LOCK_SH), unix.EBADF)
			t.Errno("not open, nothing wanted", t.Core.Flock(-1, 0), unix.EINVAL)
			t.Errno("a directory", t.Core.Flock(t.Dir, unix.LOCK_EX|unix.LOCK_NB), 0)
			r, w, err := t.Core.Pipe2(unix.O_CLOEXEC)
			t.Pair(r, w, err)
			t.Errno("a pipe", t.Core.Flock(r, unix.LOCK_EX|unix.LOCK_NB), 0)
			t.Errno("its other end", t.Core.Flock(w, unix.LOCK_EX|unix.LOCK_NB), unix.EAGAIN)
		}},
	}
}
