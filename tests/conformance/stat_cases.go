package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func statCases() []Case {
	return []Case{
		{Op: posix.OpFstat, Name: "a file", Run: func(t *T) {
			var st posix.Stat
			t.Errno("fstat", t.Core.Fstat(t.File("f", "text"), &st), 0)
			t.Equal("mode", st.Mode, uint32(unix.S_IFREG|0o644))
			t.Equal("size", st.Size, int64(4))
			t.Equal("links", st.Nlink, uint64(1))
			t.Equal("user", st.UID, t.Core.Geteuid())
			t.Equal("group", st.GID, t.Core.Getegid())
			t.Equal("device", st.Rdev, uint64(0))
			t.Equal("the same by name", t.stat("f"), st)
		}},
		{Op: posix.OpFstat, Name: "a directory", Run: func(t *T) {
			d := t.Mkdir("d")
			var st posix.Stat
			check := func(links uint64, size int64) {
				t.Errno("fstat", t.Core.Fstat(d, &st), 0)
				t.Equal("links", st.Nlink, links)
				t.Equal("size", st.Size, size)
			}
			check(2, 40)
			t.File("d/f", "text")
			check(2, 60)
			t.Mkdir("d/sub")
			check(3, 80)
			t.Must("unlink", t.Core.Unlinkat(d, "f", 0))
			t.Must("rmdir", t.Core.Unlinkat(d, "sub", unix.AT_REMOVEDIR))
			check(2, 40)
			t.Must("rmdir", t.Core.Unlinkat(t.Dir, "d", unix.AT_REMOVEDIR))
			t.Errno("fstat", t.Core.Fstat(d, &st), 0)
			t.Equal("links of a removed one", st.Nlink, uint64(0))
		}},
		{Op: posix.OpFstat, Name: "not open", Run: func(t *T) {
			var st posix.Stat
			t.Errno("-1", t.Core.Fstat(-1, &st), unix.EBADF)
			t.Errno("the current directory", t.Core.Fstat(posix.AtFDCWD, &st), unix.EBADF)
		}},
		{Op: posix.OpFstat, Name: "times", Run: func(t *T) {
			fd := t.File("f", "")
			var before, after posix.Stat
			t.Must("fstat", t.Core.Fstat(fd, &before))
			t.Must("chmod", t.Core.Fchmodat(t.Dir, "f", 0o600))
			t.Must("fstat", t.Core.Fstat(fd, &after))
			t.Equal("chmod leaves when it was modified", after.Mtime, before.Mtime)
			t.Must("set", t.Core.Utimensat(posix.Utimes{Dir: t.Dir, Path: "f", Atime: posix.Timespec{Sec: 5}, Mtime: posix.Timespec{Sec: 7, Nsec: 9}}))
			_, err := t.Core.Write(fd, []byte("x"))
			t.Must("write", err)
			t.Must("fstat", t.Core.Fstat(fd, &after))
			t.Equal("write sets when it was modified", after.Mtime.Sec > 7, true)
			t.Equal("write leaves when it was accessed", after.Atime, posix.Timespec{Sec: 5})
			_, err = t.Core.Pread(fd, make([]byte, 1), 0)
			t.Must("read", err)
			t.Must("fstat", t.Core.Fstat(fd, &after))
			t.Equal("read sets when it was accessed", after.Atime.Sec > 5, true)
		}},
		{Op: posix.OpFstatat, Name: "links", Run: func(t *T) {
			t.File("f", "text")
			t.symlink("f", "l")
			t.symlink("x", "broken")
			var st posix.Stat
			t.Errno("followed", t.Core.Fstatat(t.Dir, "l", &st, 0), 0)
			t.Equal("size of the file", st.Size, int64(4))
			t.Errno("broken", t.Core.Fstatat(t.Dir, "broken", &st, 0), unix.ENOENT)
			st = t.stat("l")
			t.Equal("mode of the link", st.Mode, uint32(unix.S_IFLNK|0o777))
			t.Equal("size of the link", st.Size, int64(1))
			t.Errno("with a slash", t.Core.Fstatat(t.Dir, "l/", &st, unix.AT_SYMLINK_NOFOLLOW), unix.ENOTDIR)
		}},
		{Op: posix.OpFstatat, Name: "hostile arguments", Run: func(t *T) {
			var st posix.Stat
			fd := t.File("f", "text")
			t.Errno("no path", t.Core.Fstatat(t.Dir, "", &st, 0), unix.ENOENT)
			t.Errno("an unknown flag", t.Core.Fstatat(t.Dir, "f", &st, 1<<20), unix.EINVAL)
			t.Errno("an unknown flag and no path", t.Core.Fstatat(t.Dir, "", &st, 1<<20), unix.EINVAL)
			t.Errno("a zero byte", t.Core.Fstatat(t.Dir, "f\x00", &st, 0), unix.EINVAL)
			t.Errno("not open", t.Core.Fstatat(-1, "f", &st, 0), unix.EBADF)
			t.Errno("not open, absolute", t.Core.Fstatat(-1, t.Path, &st, 0), 0)
			t.Errno("a file", t.Core.Fstatat(fd, "f", &st, 0), unix.ENOTDIR)
			t.Errno("a long name", t.Core.Fstatat(t.Dir, long+"x", &st, 0), unix.ENAMETOOLONG)
		}},
		{Op: posix.OpFstatat, Name: "an empty path", Run: func(t *T) {
			var st posix.Stat
			t.Errno("of a file", t.Core.Fstatat(t.File("f", "text"), "", &st, unix.AT_EMPTY_PATH), 0)
			t.Equal("size", st.Size, int64(4))
			t.Errno("of the current directory", t.Core.Fstatat(posix.AtFDCWD, "", &st, unix.AT_EMPTY_PATH), 0)
			t.Equal("a directory", st.Mode&unix.S_IFMT, uint32(unix.S_IFDIR))
			t.Errno("of nothing", t.Core.Fstatat(-1, "", &st, unix.AT_EMPTY_PATH), unix.EBADF)
			r, w, err := t.Core.Pipe2(unix.O_CLOEXEC)
			t.Pair(r, w, err)
			t.Errno("of a pipe", t.Core.Fstatat(r, "", &st, unix.AT_EMPTY_PATH), 0)
			t.Equal("a pipe", st.Mode&unix.S_IFMT, uint32(unix.S_IFIFO))
			t.Errno("a name in a pipe", t.Core.Fstatat(r, "x", &st, 0), unix.ENOTDIR)
		}},
		{Op: posix.OpReadlinkat, Name: "a target", Run: func(t *T) {
			t.symlink("some/where", "l")
			b := make([]byte, 64)
			n, err := t.Core.Readlinkat(t.Dir, "l", b)
			t.Errno("readlinkat", err, 0)
			t.Equal("target", string(b[:n]), "some/where")
			n, err = t.Core.Readlinkat(t.Dir, "l", b[:4])
			t.Errno("cut short", err, 0)
			t.Equal("cut short", string(b[:n]), "some")
			n, err = t.Core.Readlinkat(t.Open("l", unix.O_PATH|unix.O_NOFOLLOW), "", b)
			t.Errno("of a descriptor", err, 0)
			t.Equal("of a descriptor", string(b[:n]), "some/where")
		}},
		{Op: posix.OpReadlinkat, Name: "what is no link", Run: func(t *T) {
			fd, b := t.File("f", ""), make([]byte, 64)
			_, err := t.Core.Readlinkat(t.Dir, "f", b)
			t.Errno("a file", err, unix.EINVAL)
			_, err = t.Core.Readlinkat(t.Dir, ".", b)
			t.Errno("a directory", err, unix.EINVAL)
			_, err = t.Core.Readlinkat(fd, "", b)
			t.Errno("a descriptor of a file", err, unix.ENOENT)
			_, err = t.Core.Readlinkat(t.Dir, "x", b)
			t.Errno("nothing", err, unix.ENOENT)
		}},
		{Op: posix.OpReadlinkat, Name: "hostile arguments", Run: func(t *T) {
			t.symlink("f", "l")
			_, err := t.Core.Readlinkat(t.Dir, "l", nil)
			t.Errno("no buffer", err, unix.EINVAL)
			_, err = t.Core.Readlinkat(-1, "x", nil)
			t.Errno("no buffer, not open", err, unix.EINVAL)
			b := make([]byte, 8)
			_, err = t.Core.Readlinkat(-1, "l", b)
			t.Errno("not open", err, unix.EBADF)
			_, err = t.Core.Readlinkat(-1, "", b)
			t.Errno("not open, no path", err, unix.EBADF)
			_, err = t.Core.Readlinkat(t.Dir, "l/", b)
			t.Errno("a link to nothing with a slash", err, unix.ENOENT)
		}},
		{Op: posix.OpReadlinkat, Name: "of /proc/self/fd", Run: func(t *T) {
			fd, b := t.File("f", ""), make([]byte, 512)
			read := func(fd posix.FD) string {
				n, err := t.Core.Readlinkat(posix.AtFDCWD, selfFD(fd), b)
				t.Errno("readlinkat", err, 0)
				return string(b[:n])
			}
			t.Equal("path", read(fd), t.Path+"/f")
			t.Must("rename", t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: "f", NewDir: t.Dir, NewPath: "g"}))
			t.Equal("renamed", read(fd), t.Path+"/g")
			t.Must("unlink", t.Core.Unlinkat(t.Dir, "g", 0))
			t.Equal("removed", read(fd), t.Path+"/g (deleted)")
			m, err := t.Core.MemfdCreate("name", unix.MFD_CLOEXEC)
			t.FD(m, err)
			t.Equal("a memfd", read(m), "/memfd:name (deleted)")
			r, w, err := t.Core.Pipe2(unix.O_CLOEXEC)
			t.Pair(r, w, err)
			var st posix.Stat
			t.Must("fstat", t.Core.Fstat(r, &st))
			t.Equal("a pipe", read(r), "pipe:["+itoa(int(st.Ino))+"]")
		}},
		{Op: posix.OpFaccessat2, Name: "permissions", Need: User, Run: func(t *T) {
			t.File("f", "")
			t.chmod("f", 0o500)
			for mode, want := range map[int]posix.Errno{unix.F_OK: 0, unix.R_OK: 0, unix.X_OK: 0, unix.W_OK: unix.EACCES, unix.R_OK | unix.W_OK: unix.EACCES} {
				t.Errno("access "+itoa(mode), t.Core.Faccessat2(t.Dir, "f", mode, 0), want)
			}
		}},
		{Op: posix.OpFaccessat2, Name: "permissions of root", Need: Root, Run: func(t *T) {
			t.File("f", "")
			t.chmod("f", 0)
			t.Errno("read and write", t.Core.Faccessat2(t.Dir, "f", unix.R_OK|unix.W_OK, 0), 0)
			t.Errno("execute", t.Core.Faccessat2(t.Dir, "f", unix.X_OK, 0), unix.EACCES)
			t.chmod("f", 0o001)
			t.Errno("execute what others may", t.Core.Faccessat2(t.Dir, "f", unix.X_OK, unix.AT_EACCESS), 0)
			d := t.Mkdir("d")
			t.chmod("d", 0)
			t.Errno("a directory", t.Core.Faccessat2(d, "", unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EMPTY_PATH), 0)
		}},
		{Op: posix.OpFaccessat2, Name: "hostile arguments", Run: func(t *T) {
			t.Errno("an unknown mode", t.Core.Faccessat2(t.Dir, "x", 8, 0), unix.EINVAL)
			t.Errno("an unknown flag", t.Core.Faccessat2(t.Dir, "x", 0, 1<<20), unix.EINVAL)
			t.Errno("nothing", t.Core.Faccessat2(t.Dir, "x", 0, 0), unix.ENOENT)
			t.Errno("no path", t.Core.Faccessat2(t.Dir, "", 0, 0), unix.ENOENT)
			t.Errno("not open", t.Core.Faccessat2(-1, "x", 0, 0), unix.EBADF)
			t.Errno("below a file", t.Core.Faccessat2(t.File("f", ""), "x", 0, 0), unix.ENOTDIR)
			t.symlink("loop", "loop")
			t.Errno("a loop", t.Core.Faccessat2(t.Dir, "loop", 0, 0), unix.ELOOP)
			t.Errno("a link", t.Core.Faccessat2(t.Dir, "loop", unix.R_OK, unix.AT_SYMLINK_NOFOLLOW), 0)
		}},
		{Op: posix.OpFstatfs, Name: "a tmpfs", Run: func(t *T) {
			var st posix.Statfs
			t.Errno("fstatfs", t.Core.Fstatfs(t.Dir, &st), 0)
			t.Equal("type", st.Type, uint64(unix.TMPFS_MAGIC))
			t.Equal("block size", st.Bsize, int64(4096))
			t.Equal("length of names", st.Namelen, int64(255))
			t.Equal("flags", st.Flags&(unix.ST_RDONLY|0x20), int64(0x20))
		}},
		{Op: posix.OpFstatfs, Name: "others", Run: func(t *T) {
			var st posix.Statfs
			proc, err := t.Core.Openat2(posix.AtFDCWD, "/proc", rdonly())
			t.Errno("proc", t.Core.Fstatfs(t.FD(proc, err), &st), 0)
			t.Equal("proc", st.Type, uint64(unix.PROC_SUPER_MAGIC))
			r, w, err := t.Core.Pipe2(unix.O_CLOEXEC)
			t.Pair(r, w, err)
			t.Errno("a pipe", t.Core.Fstatfs(r, &st), 0)
			t.Equal("a pipe", st.Type, uint64(0x50495045))
			m, err := t.Core.MemfdCreate("x", unix.MFD_CLOEXEC)
			t.Errno("a memfd", t.Core.Fstatfs(t.FD(m, err), &st), 0)
			t.Equal("a memfd", st.Type, uint64(unix.TMPFS_MAGIC))
		}},
		{Op: posix.OpFstatfs, Name: "not open", Run: func(t *T) {
			var st posix.Statfs
			t.Errno("-1", t.Core.Fstatfs(-1, &st), unix.EBADF)
			t.Errno("the current directory", t.Core.Fstatfs(posix.AtFDCWD, &st), unix.EBADF)
		}},
	}
}
