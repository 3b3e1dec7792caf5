package conformance

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func itoa(n int) string { return strconv.Itoa(n) }

// selfFD is the path by which a descriptor is opened again.
func selfFD(fd posix.FD) string { return "/proc/self/fd/" + itoa(int(fd)) }

func resolve(r uint64) posix.OpenHow {
	return posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: r}
}

func resolveCases() []Case {
	return []Case{
		{Op: posix.OpOpenat2, Name: "RESOLVE_BENEATH", Run: func(t *T) {
			how := resolve(unix.RESOLVE_BENEATH)
			t.Mkdir("d")
			t.File("f", "")
			t.symlink("..", "d/up")
			t.symlink("../..", "d/out")
			t.symlink("/", "root")
			t.symlink("f", "l")
			t.tries("up and down", "d/../f", how, 0)
			t.tries("out", "..", how, unix.EXDEV)
			t.tries("out and in", "../x", how, unix.EXDEV)
			t.tries("absolute", "/", how, unix.EXDEV)
			t.tries("absolute, below", t.Path+"/f", how, unix.EXDEV)
			t.tries("a link up", "d/up/f", how, 0)
			t.tries("a link out", "d/out", how, unix.EXDEV)
			t.tries("an absolute link", "root", how, unix.EXDEV)
			t.tries("a link", "l", how, 0)
			t.tries("nothing", "x", how, unix.ENOENT)
		}},
		{Op: posix.OpOpenat2, Name: "RESOLVE_IN_ROOT", Run: func(t *T) {
			how := resolve(unix.RESOLVE_IN_ROOT)
			t.Mkdir("d")
			t.File("f", "")
			t.symlink("/f", "d/abs")
			t.symlink("../../../f", "d/up")
			t.tries("out", "../../f", how, 0)
			t.tries("absolute", "/f", how, 0)
			t.tries("an absolute link", "d/abs", how, 0)
			t.tries("a link up", "d/up", how, 0)
			t.tries("nothing", "/proc", how, unix.ENOENT)
			f := t.File("g", "")
			_, err := t.Core.Openat2(f, "/g", how)
			t.Errno("a file as the root", err, unix.ENOTDIR)
			_, err = t.Core.Openat2(-1, "/g", how)
			t.Errno("-1 as the root", err, unix.EBADF)
		}},
		{Op: posix.OpOpenat2, Name: "RESOLVE_NO_SYMLINKS", Run: func(t *T) {
			how := resolve(unix.RESOLVE_NO_SYMLINKS)
			t.Mkdir("d")
			t.symlink("d", "l")
			t.tries("a directory", "d", how, 0)
			t.tries("a link", "l", how, unix.ELOOP)
			t.tries("through a link", "l/x", how, unix.ELOOP)
			t.tries("the link itself", "l", posix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW, Resolve: unix.RESOLVE_NO_SYMLINKS}, 0)
			t.tries("the link itself, for reading", "l", posix.OpenHow{Flags: unix.O_NOFOLLOW, Resolve: unix.RESOLVE_NO_SYMLINKS}, unix.ELOOP)
		}},
		{Op: posix.OpOpenat2, Name: "RESOLVE_NO_MAGICLINKS", Run: func(t *T) {
			fd := t.File("f", "text")
			t.symlink("f", "l")
			t.tries("an ordinary link", "l", resolve(unix.RESOLVE_NO_MAGICLINKS), 0)
			t.tries("a magic link", selfFD(fd), resolve(unix.RESOLVE_NO_MAGICLINKS), unix.ELOOP)
			t.tries("a magic link, allowed", selfFD(fd), rdonly(), 0)
			t.tries("a magic link itself", selfFD(fd), posix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW, Resolve: unix.RESOLVE_NO_MAGICLINKS}, 0)
		}},
		{Op: posix.OpOpenat2, Name: "RESOLVE_NO_XDEV", Run: func(t *T) {
			fd := t.File("f", "text")
			how := resolve(unix.RESOLVE_NO_XDEV)
			t.tries("a file", "f", how, 0)
			t.Must("symlinkat", t.Core.Symlinkat(t.Path, t.Dir, "absolute"))
			t.tries("an absolute link, also to the same mount", "absolute", how, unix.EXDEV)
			t.tries("from a path to another mount", selfFD(fd), how, unix.EXDEV)
			root, err := t.Core.Openat2(posix.AtFDCWD, "/", rdonly())
			t.FD(root, err)
			_, err = t.Core.Openat2(root, "proc/self", how)
			t.Errno("down into /proc", err, unix.EXDEV)
			proc, err := t.Core.Openat2(posix.AtFDCWD, "/proc", rdonly())
			t.FD(proc, err)
			_, err = t.Core.Openat2(proc, "..", how)
			t.Errno("up out of /proc", err, unix.EXDEV)
		}},
		{Op: posix.OpOpenat2, Name: "by way of /proc/self/fd", Run: func(t *T) {
			fd := t.File("f", "text")
			t.Must("unlink", t.Core.Unlinkat(t.Dir, "f", 0))
			again, err := t.Core.Openat2(posix.AtFDCWD, selfFD(fd), rdonly())
			t.FD(again, err)
			b := make([]byte, 8)
			n, err := t.Core.Read(again, b)
			t.Must("read", err)
			t.Equal("content of a file without a name", string(b[:n]), "text")
			t.tries("no descriptor", "/proc/self/fd/99999", rdonly(), unix.ENOENT)
			sub := t.Mkdir("d")
			t.File("d/x", "")
			t.tries("below a directory", selfFD(sub)+"/x", rdonly(), 0)
			t.tries("below a file", selfFD(fd)+"/x", rdonly(), unix.ENOTDIR)
		}},
		{Op: posix.OpOpenat2, Name: "devices", Run: func(t *T) {
			open := func(path string) posix.FD {
				return t.FD(t.Core.Openat2(posix.AtFDCWD, path, flags(unix.O_RDWR)))
			}
			b := []byte("xyz")
			n, err := t.Core.Read(open("/dev/null"), b)
			t.Equal("read from null", n, 0)
			t.Errno("read from null", err, 0)
			n, err = t.Core.Write(open("/dev/null"), b)
			t.Equal("written to null", n, 3)
			t.Errno("write to null", err, 0)
			n, err = t.Core.Read(open("/dev/zero"), b)
			t.Equal("read from zero", n, 3)
			t.Errno("read from zero", err, 0)
			t.Equal("zeros", string(b), "\x00\x00\x00")
			full := open("/dev/full")
			_, err = t.Core.Write(full, b)
			t.Errno("write to full", err, unix.ENOSPC)
			n, err = t.Core.Read(full, b)
			t.Equal("read from full", n, 3)
			t.Errno("read from full", err, 0)
			n, err = t.Core.Read(open("/dev/urandom"), b)
			t.Equal("read from urandom", n, 3)
			t.Errno("read from urandom", err, 0)
			at, err := t.Core.Lseek(open("/dev/zero"), 77, unix.SEEK_SET)
			t.Equal("offset in zero", at, int64(0))
			t.Errno("lseek in zero", err, 0)
			at, err = t.Core.Lseek(open("/dev/null"), 77, unix.SEEK_SET)
			t.Equal("offset in null", at, int64(0))
			t.Errno("lseek in null", err, 0)
			t.Errno("fsync of null", t.Core.Fsync(open("/dev/null")), unix.EINVAL)
			t.Errno("ftruncate of null", t.Core.Ftruncate(open("/dev/null"), 0), unix.EINVAL)
		}},
	}
}
