package conformance

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func filesCases() []Case {
	return slices.Concat(
		openCases(), resolveCases(), ioCases(), statCases(), nameCases(), renameCases(), linkCases(), attributeCases(), descriptorCases(), directoryCases(), lockCases(),
	)
}

// tries opens name in Dir and wants errno; a descriptor is closed again.
func (t *T) tries(what, name string, how posix.OpenHow, want posix.Errno) {
	t.Helper()
	fd, err := t.Core.Openat2(t.Dir, name, how)
	t.Errno(what, err, want)
	if err == nil {
		_ = t.Core.Close(fd)
	}
}

// symlink makes a symbolic link in Dir.
func (t *T) symlink(target, name string) {
	t.Helper()
	t.Must("symlink "+name, t.Core.Symlinkat(target, t.Dir, name))
}

// stat returns what is known of a name in Dir, not following a symbolic link.
func (t *T) stat(name string) posix.Stat {
	t.Helper()
	var st posix.Stat
	t.Must("stat "+name, t.Core.Fstatat(t.Dir, name, &st, unix.AT_SYMLINK_NOFOLLOW))
	return st
}

// exists tells whether there is a name in Dir.
func (t *T) exists(name string) bool {
	return t.Core.Fstatat(t.Dir, name, &posix.Stat{}, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// chmod sets the permission bits of a name in Dir.
func (t *T) chmod(name string, mode uint32) {
	t.Helper()
	t.Must("chmod "+name, t.Core.Fchmodat(t.Dir, name, mode))
}

var long = strings.Repeat("n", 255)

func rdonly() posix.OpenHow { return posix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC} }

func flags(f uint64) posix.OpenHow { return posix.OpenHow{Flags: f} }

func openCases() []Case {
	return []Case{
		{Op: posix.OpOpenat2, Name: "nothing there", Run: func(t *T) {
			t.tries("a name", "x", rdonly(), unix.ENOENT)
			t.tries("below a name", "x/y", rdonly(), unix.ENOENT)
			t.tries("no path", "", rdonly(), unix.ENOENT)
			t.File("f", "")
			t.tries("below a file", "f/y", rdonly(), unix.ENOTDIR)
			t.tries("a file with a slash", "f/", rdonly(), unix.ENOTDIR)
			t.tries("dot below a file", "f/.", rdonly(), unix.ENOTDIR)
		}},
		{Op: posix.OpOpenat2, Name: "directories that are none", Run: func(t *T) {
			fd := t.File("f", "")
			_, err := t.Core.Openat2(fd, "x", rdonly())
			t.Errno("a file", err, unix.ENOTDIR)
			_, err = t.Core.Openat2(-1, "x", rdonly())
			t.Errno("-1", err, unix.EBADF)
			_, err = t.Core.Openat2(-1, "", rdonly())
			t.Errno("-1 and no path", err, unix.ENOENT)
			other, err := t.Core.Openat2(-1, t.Path+"/f", rdonly())
			t.FD(other, err)
		}},
		{Op: posix.OpOpenat2, Name: "flags that cannot be", Run: func(t *T) {
			t.File("f", "")
			for _, c := range []struct {
				what string
				how  posix.OpenHow
				want posix.Errno
			}{
				{"an unknown flag", flags(1 << 30), unix.EINVAL},
				{"a flag above 32 bits", flags(1 << 40), unix.EINVAL},
				{"a mode without O_CREAT", posix.OpenHow{Mode: 0o600}, unix.EINVAL},
				{"a mode above 07777", posix.OpenHow{Flags: unix.O_CREAT, Mode: 0o10644}, unix.EINVAL},
				{"an unknown resolve flag", posix.OpenHow{Resolve: 1 << 20}, unix.EINVAL},
				{"beneath and in root", posix.OpenHow{Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_IN_ROOT}, unix.EINVAL},
				{"O_PATH for writing", flags(unix.O_PATH | unix.O_RDWR), unix.EINVAL},
				{"O_CREAT of a directory", posix.OpenHow{Flags: unix.O_CREAT | unix.O_DIRECTORY, Mode: 0o700}, unix.EINVAL},
				{"O_TMPFILE for reading", posix.OpenHow{Flags: unix.O_TMPFILE, Mode: 0o600}, unix.EINVAL},
				{"cached and created", posix.OpenHow{Flags: unix.O_CREAT, Mode: 0o600, Resolve: 0x20}, unix.EAGAIN},
			} {
				t.tries(c.what, "f", c.how, c.want)
				t.tries(c.what+", no path", "", c.how, c.want)
			}
		}},
		{Op: posix.OpOpenat2, Name: "O_CREAT and O_EXCL", Run: func(t *T) {
			create := posix.OpenHow{Flags: unix.O_CREAT | unix.O_WRONLY, Mode: 0o640}
			excl := posix.OpenHow{Flags: unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY, Mode: 0o640}
			t.tries("new", "f", create, 0)
			t.tries("again", "f", create, 0)
			t.tries("exclusively", "f", excl, unix.EEXIST)
			t.symlink("g", "l")
			t.tries("exclusively through a link to nothing", "l", excl, unix.EEXIST)
			t.tries("through a link to nothing", "l", create, 0)
			t.Equal("made by way of the link", t.exists("g"), true)
			t.tries("with a slash", "h/", create, unix.EISDIR)
			t.tries("an existing file with a slash", "f/", create, unix.EISDIR)
			t.Mkdir("d")
			t.tries("a directory", "d", create, unix.EISDIR)
			t.tries("a directory, exclusively", "d", excl, unix.EEXIST)
			t.tries("dot", ".", create, unix.EISDIR)
			t.tries("dot, exclusively", ".", excl, unix.EEXIST)
			t.tries("in nothing", "no/f", create, unix.ENOENT)
		}},
		{Op: posix.OpOpenat2, Name: "the mode of a new file", Run: func(t *T) {
			old, err := t.Core.Umask(0o027)
			t.Must("umask", err)
			t.tries("create", "f", posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR, Mode: 0o1777}, 0)
			_, err = t.Core.Umask(old)
			t.Must("umask", err)
			t.Equal("mode", t.stat("f").Mode, uint32(unix.S_IFREG|0o1750))
			// The permission bits of a new file do not bind whoever makes it.
			fd, err := t.Core.Openat2(t.Dir, "g", posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR, Mode: 0})
			t.FD(fd, err)
			n, err := t.Core.Write(fd, []byte("x"))
			t.Equal("written", n, 1)
			t.Errno("write", err, 0)
		}},
		{Op: posix.OpOpenat2, Name: "directories", Run: func(t *T) {
			t.Mkdir("d")
			t.tries("for reading", "d", rdonly(), 0)
			t.tries("for writing", "d", flags(unix.O_WRONLY), unix.EISDIR)
			t.tries("for both", "d", flags(unix.O_RDWR), unix.EISDIR)
			t.tries("to truncate", "d", flags(unix.O_TRUNC), unix.EISDIR)
			t.tries("O_DIRECTORY", "d", flags(unix.O_DIRECTORY), 0)
			t.tries("with a slash", "d///", rdonly(), 0)
			t.File("f", "")
			t.tries("O_DIRECTORY of a file", "f", flags(unix.O_DIRECTORY), unix.ENOTDIR)
			t.tries("O_DIRECTORY of a file, exclusively", "f", posix.OpenHow{Flags: unix.O_DIRECTORY | unix.O_EXCL}, unix.ENOTDIR)
		}},
		{Op: posix.OpOpenat2, Name: "O_TRUNC", Run: func(t *T) {
			t.File("f", "text")
			t.tries("with O_EXCL and O_CREAT", "f", posix.OpenHow{Flags: unix.O_TRUNC | unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY, Mode: 0o600}, unix.EEXIST)
			t.Equal("content", t.Content("f"), "text")
			t.tries("for reading", "f", flags(unix.O_TRUNC|unix.O_RDONLY), 0)
			t.Equal("content", t.Content("f"), "")
		}},
		{Op: posix.OpOpenat2, Name: "the access mode 3", Run: func(t *T) {
			t.File("f", "text")
			fd := t.Open("f", unix.O_ACCMODE)
			_, err := t.Core.Read(fd, make([]byte, 1))
			t.Errno("read", err, unix.EBADF)
			_, err = t.Core.Write(fd, []byte("x"))
			t.Errno("write", err, unix.EBADF)
			t.chmod("f", 0o400)
		}},
		{Op: posix.OpOpenat2, Name: "O_NOFOLLOW", Run: func(t *T) {
			t.File("f", "")
			t.Mkdir("d")
			t.symlink("f", "l")
			t.symlink("d", "ld")
			t.tries("a link", "l", flags(unix.O_NOFOLLOW), unix.ELOOP)
			t.tries("a link to a directory with a slash", "ld/", flags(unix.O_NOFOLLOW), 0)
			t.tries("a link to a directory as one", "ld", flags(unix.O_NOFOLLOW|unix.O_DIRECTORY), unix.ENOTDIR)
			t.tries("a link on the way", "ld/.", flags(unix.O_NOFOLLOW), 0)
			fd := t.Open("l", unix.O_PATH|unix.O_NOFOLLOW)
			var st posix.Stat
			t.Must("fstat", t.Core.Fstat(fd, &st))
			t.Equal("a link", st.Mode, uint32(unix.S_IFLNK|0o777))
		}},
		{Op: posix.OpOpenat2, Name: "O_PATH", Run: func(t *T) {
			t.File("f", "text")
			t.chmod("f", 0)
			fd := t.Open("f", unix.O_PATH)
			buf := make([]byte, 4)
			_, err := t.Core.Read(fd, buf)
			t.Errno("read", err, unix.EBADF)
			_, err = t.Core.Write(fd, buf)
			t.Errno("write", err, unix.EBADF)
			_, err = t.Core.Pread(fd, buf, 0)
			t.Errno("pread", err, unix.EBADF)
			_, err = t.Core.Lseek(fd, 0, unix.SEEK_SET)
			t.Errno("lseek", err, unix.EBADF)
			t.Errno("ftruncate", t.Core.Ftruncate(fd, 0), unix.EBADF)
			t.Errno("fsync", t.Core.Fsync(fd), unix.EBADF)
			t.Errno("flock", t.Core.Flock(fd, unix.LOCK_SH|unix.LOCK_NB), unix.EBADF)
			_, err = t.Core.Getdents(fd, buf)
			t.Errno("getdents", err, unix.EBADF)
			_, err = t.Core.Fcntl(fd, unix.F_SETFL, 0)
			t.Errno("F_SETFL", err, unix.EBADF)
			got, err := t.Core.Fcntl(fd, unix.F_GETFL, 0)
			t.Errno("F_GETFL", err, 0)
			t.Equal("F_GETFL", got, unix.O_PATH)
			var fs posix.Statfs
			t.Errno("fstatfs", t.Core.Fstatfs(fd, &fs), 0)
		}},
		{Op: posix.OpOpenat2, Name: "O_TMPFILE", Run: func(t *T) {
			fd := t.Open(".", unix.O_TMPFILE|unix.O_RDWR)
			var st posix.Stat
			t.Must("fstat", t.Core.Fstat(fd, &st))
			t.Equal("links", st.Nlink, uint64(0))
			t.Equal("mode", st.Mode&unix.S_IFMT, uint32(unix.S_IFREG))
			t.Errno("give it a name", t.Core.Linkat(posix.Link{OldDir: posix.AtFDCWD, OldPath: selfFD(fd), NewDir: t.Dir, NewPath: "named", Flags: unix.AT_SYMLINK_FOLLOW}), 0)
			t.Equal("links", t.stat("named").Nlink, uint64(1))
			fd = t.Open(".", unix.O_TMPFILE|unix.O_RDWR|unix.O_EXCL)
			t.Errno("with O_EXCL", t.Core.Linkat(posix.Link{OldDir: posix.AtFDCWD, OldPath: selfFD(fd), NewDir: t.Dir, NewPath: "other", Flags: unix.AT_SYMLINK_FOLLOW}), unix.ENOENT)
			t.File("f", "")
			t.tries("in a file", "f", posix.OpenHow{Flags: unix.O_TMPFILE | unix.O_RDWR, Mode: 0o600}, unix.ENOTDIR)
		}},
		{Op: posix.OpOpenat2, Name: "long names", Run: func(t *T) {
			t.tries("255 bytes", long, posix.OpenHow{Flags: unix.O_CREAT | unix.O_WRONLY, Mode: 0o600}, 0)
			t.tries("256 bytes", long+"n", rdonly(), unix.ENAMETOOLONG)
			t.tries("256 bytes, new", long+"n", posix.OpenHow{Flags: unix.O_CREAT | unix.O_WRONLY, Mode: 0o600}, unix.ENAMETOOLONG)
			t.tries("4095 bytes", strings.Repeat("./", 2047)+".", rdonly(), 0)
			t.tries("4096 bytes", strings.Repeat("./", 2048), rdonly(), unix.ENAMETOOLONG)
			t.tries("a zero byte", "a\x00b", rdonly(), unix.EINVAL)
		}},
		{Op: posix.OpOpenat2, Name: "symbolic links", Run: func(t *T) {
			t.File("f", "text")
			t.Mkdir("d")
			t.symlink("../f", "d/up")
			t.symlink("d/up", "a")
			t.symlink(t.Path+"/a", "abs")
			t.symlink("d/", "dslash")
			t.symlink("f/", "fslash")
			t.symlink("loop", "loop")
			t.symlink("p", "q")
			t.symlink("q", "p")
			t.tries("relative", "a", rdonly(), 0)
			t.tries("absolute", "abs", rdonly(), 0)
			t.tries("with a slash in the link", "dslash", rdonly(), 0)
			t.tries("a file with a slash in the link", "fslash", rdonly(), unix.ENOTDIR)
			t.tries("to itself", "loop", rdonly(), unix.ELOOP)
			t.tries("to each other", "p", rdonly(), unix.ELOOP)
			t.tries("through a loop", "loop/x", rdonly(), unix.ELOOP)
			t.tries("a loop, making", "loop", posix.OpenHow{Flags: unix.O_CREAT | unix.O_WRONLY, Mode: 0o600}, unix.ELOOP)
			t.tries("through a link and back", "dslash/../dslash/up", rdonly(), 0)
		}},
		{Op: posix.OpOpenat2, Name: "forty links", Run: func(t *T) {
			t.File("f0", "")
			name := func(i int) string { return "f" + itoa(i) }
			for i := 1; i <= 41; i++ {
				t.symlink(name(i-1), name(i))
			}
			t.tries("40", name(40), rdonly(), 0)
			t.tries("41", name(41), rdonly(), unix.ELOOP)
		}},
		{Op: posix.OpOpenat2, Name: "without permission", Need: User, Run: func(t *T) {
			t.File("f", "text")
			t.chmod("f", 0o200)
			t.tries("to read", "f", rdonly(), unix.EACCES)
			t.tries("to write", "f", flags(unix.O_WRONLY), 0)
			t.tries("to read and write", "f", flags(unix.O_RDWR), unix.EACCES)
			t.chmod("f", 0o477)
			t.tries("to write as the owner", "f", flags(unix.O_WRONLY), unix.EACCES)
			t.tries("to truncate", "f", flags(unix.O_TRUNC), unix.EACCES)
			t.Mkdir("d")
			t.Must("make", t.Core.Mkdirat(t.Dir, "d/e", 0o700))
			t.chmod("d", 0o600)
			t.tries("to pass", "d/e", rdonly(), unix.EACCES)
			t.tries("to pass to nothing", "d/x", rdonly(), unix.EACCES)
			t.tries("dot", "d/.", rdonly(), unix.EACCES)
			t.tries("O_PATH", "d/e", flags(unix.O_PATH), unix.EACCES)
			t.tries("the directory itself", "d", rdonly(), 0)
			t.chmod("d", 0o500)
			t.tries("to make", "d/f", posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR, Mode: 0o600}, unix.EACCES)
			t.tries("to open", "d/e", posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR, Mode: 0o600}, unix.EISDIR)
			t.chmod("d", 0o700)
		}},
		{Op: posix.OpOpenat2, Name: "without permission as root", Need: Root, Run: func(t *T) {
			t.File("f", "text")
			t.chmod("f", 0)
			t.tries("to read and write", "f", flags(unix.O_RDWR), 0)
			t.Mkdir("d")
			t.chmod("d", 0)
			t.tries("to make", "d/f", posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR, Mode: 0o600}, 0)
		}},
		{Op: posix.OpOpenat2, Name: "O_NOATIME of another's file", Need: User, Run: func(t *T) {
			t.tries("the owner", "x", posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR | unix.O_NOATIME, Mode: 0o600}, 0)
			fd, err := t.Core.Openat2(posix.AtFDCWD, "/dev/null", flags(unix.O_RDONLY|unix.O_NOATIME))
			t.Errno("root's", err, unix.EPERM)
			if err == nil {
				_ = t.Core.Close(fd)
			}
		}},
		{Op: posix.OpOpenat2, Name: "in a directory that is gone", Run: func(t *T) {
			d := t.Mkdir("d")
			t.Must("rmdir", t.Core.Unlinkat(t.Dir, "d", unix.AT_REMOVEDIR))
			_, err := t.Core.Openat2(d, "x", rdonly())
			t.Errno("open", err, unix.ENOENT)
			_, err = t.Core.Openat2(d, "x", posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR, Mode: 0o600})
			t.Errno("make", err, unix.ENOENT)
			fd, err := t.Core.Openat2(d, ".", rdonly())
			t.FD(fd, err)
			fd, err = t.Core.Openat2(d, "..", rdonly())
			t.FD(fd, err)
			t.Errno("mkdir", t.Core.Mkdirat(d, "x", 0o700), unix.ENOENT)
		}},
		{Op: posix.OpOpenat2, Name: "too many descriptors", Alone: true, Run: func(t *T) {
			var old posix.Rlimit
			if err := t.Core.Prlimit(0, unix.RLIMIT_NOFILE, nil, &old); err != nil {
				t.Fatalf("prlimit: %v", err)
			}
			fd := t.Open(".", unix.O_RDONLY)
			t.Must("prlimit", t.Core.Prlimit(0, unix.RLIMIT_NOFILE, &posix.Rlimit{Soft: 0, Hard: old.Hard}, nil))
			t.tries("what is there", ".", rdonly(), unix.EMFILE)
			t.tries("what is not there", "x", rdonly(), unix.EMFILE)
			t.tries("no path", "", rdonly(), unix.ENOENT)
			_, err := t.Core.Fcntl(fd, unix.F_DUPFD_CLOEXEC, 0)
			t.Errno("F_DUPFD_CLOEXEC", err, unix.EINVAL)
			t.Errno("dup3", t.Core.Dup3(fd, 0, 0), unix.EBADF)
			_, err = t.Core.MemfdCreate("x", 0)
			t.Errno("memfd_create", err, unix.EMFILE)
			t.Must("prlimit", t.Core.Prlimit(0, unix.RLIMIT_NOFILE, &old, nil))
		}},
	}
}
