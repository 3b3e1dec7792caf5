package conformance

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func nameCases() []Case {
	return []Case{
		{Op: posix.OpMkdirat, Name: "mode and owner", Run: func(t *T) {
			old, err := t.Core.Umask(0o022)
			t.Must("umask", err)
			t.Errno("mkdirat", t.Core.Mkdirat(t.Dir, "d", 0o7777), 0)
			_, err = t.Core.Umask(old)
			t.Must("umask", err)
			st := t.stat("d")
			t.Equal("mode", st.Mode, uint32(unix.S_IFDIR|unix.S_ISVTX|0o755))
			t.Equal("user", st.UID, t.Core.Geteuid())
		}},
		{Op: posix.OpMkdirat, Name: "in a set-group directory", Run: func(t *T) {
			t.Mkdir("d")
			t.chmod("d", 0o2775)
			t.Must("mkdir", t.Core.Mkdirat(t.Dir, "d/e", 0o700))
			t.Equal("mode", t.stat("d/e").Mode, uint32(unix.S_IFDIR|unix.S_ISGID|0o700))
			t.Equal("group", t.stat("d/e").GID, t.stat("d").GID)
		}},
		{Op: posix.OpMkdirat, Name: "errors", Run: func(t *T) {
			t.File("f", "")
			t.symlink("x", "broken")
			for _, c := range []struct {
				path string
				want posix.Errno
			}{
				{"f", unix.EEXIST}, {"broken", unix.EEXIST}, {".", unix.EEXIST}, {"..", unix.EEXIST}, {"/", unix.EEXIST}, {"f/", unix.EEXIST}, {"", unix.ENOENT},
				{"no/d", unix.ENOENT}, {"f/d", unix.ENOTDIR}, {long + "x", unix.ENAMETOOLONG}, {strings.Repeat("a/", 2048), unix.ENAMETOOLONG}, {"a\x00", unix.EINVAL},
				{"new/", 0}, {"new//", unix.EEXIST}, {"new/.", unix.EEXIST},
			} {
				t.Errno("mkdir "+c.path, t.Core.Mkdirat(t.Dir, c.path, 0o700), c.want)
			}
			t.Errno("not open", t.Core.Mkdirat(-1, "x", 0o700), unix.EBADF)
		}},
		{Op: posix.OpMkdirat, Name: "without permission", Need: User, Run: func(t *T) {
			t.Mkdir("d")
			t.Must("mkdir", t.Core.Mkdirat(t.Dir, "d/there", 0o700))
			t.chmod("d", 0o500)
			t.Errno("a new one", t.Core.Mkdirat(t.Dir, "d/new", 0o700), unix.EACCES)
			t.Errno("an old one", t.Core.Mkdirat(t.Dir, "d/there", 0o700), unix.EEXIST)
			t.Errno("remove", t.Core.Unlinkat(t.Dir, "d/there", unix.AT_REMOVEDIR), unix.EACCES)
			t.Errno("link", t.Core.Symlinkat("x", t.Dir, "d/new"), unix.EACCES)
			t.chmod("d", 0o700)
		}},
		{Op: posix.OpSymlinkat, Name: "anything", Run: func(t *T) {
			for name, target := range map[string]string{"a": "x", "b": "/abs", "c": strings.Repeat("t", 4095), "d": "//.."} {
				t.Errno("symlink "+name, t.Core.Symlinkat(target, t.Dir, name), 0)
				b := make([]byte, 4096)
				n, err := t.Core.Readlinkat(t.Dir, name, b)
				t.Errno("readlink "+name, err, 0)
				t.Equal("target", string(b[:n]), target)
			}
		}},
		{Op: posix.OpSymlinkat, Name: "errors of the target", Run: func(t *T) {
			t.Errno("none", t.Core.Symlinkat("", t.Dir, "l"), unix.ENOENT)
			t.Errno("none, and no descriptor", t.Core.Symlinkat("", -1, "l"), unix.ENOENT)
			t.Errno("too long", t.Core.Symlinkat(strings.Repeat("t", 4096), t.Dir, "l"), unix.ENAMETOOLONG)
			t.Errno("a zero byte", t.Core.Symlinkat("a\x00b", t.Dir, "l"), unix.EINVAL)
		}},
		{Op: posix.OpSymlinkat, Name: "errors of the name", Run: func(t *T) {
			t.File("f", "")
			t.Errno("there", t.Core.Symlinkat("x", t.Dir, "f"), unix.EEXIST)
			t.Errno("none", t.Core.Symlinkat("x", t.Dir, ""), unix.ENOENT)
			t.Errno("with a slash", t.Core.Symlinkat("x", t.Dir, "l/"), unix.ENOENT)
			t.Errno("there, with a slash", t.Core.Symlinkat("x", t.Dir, "f/"), unix.EEXIST)
			t.Errno("dot", t.Core.Symlinkat("x", t.Dir, "."), unix.EEXIST)
			t.Errno("not open", t.Core.Symlinkat("x", -1, "l"), unix.EBADF)
			t.Errno("too long", t.Core.Symlinkat("x", t.Dir, long+"x"), unix.ENAMETOOLONG)
		}},
		{Op: posix.OpUnlinkat, Name: "files", Run: func(t *T) {
			fd := t.File("f", "text")
			t.symlink("f", "l")
			t.Errno("a link", t.Core.Unlinkat(t.Dir, "l", 0), 0)
			t.Errno("with a slash", t.Core.Unlinkat(t.Dir, "f/", 0), unix.ENOTDIR)
			t.Errno("a file", t.Core.Unlinkat(t.Dir, "f", 0), 0)
			t.Errno("again", t.Core.Unlinkat(t.Dir, "f", 0), unix.ENOENT)
			var st posix.Stat
			t.Must("fstat", t.Core.Fstat(fd, &st))
			t.Equal("links", st.Nlink, uint64(0))
			b := make([]byte, 4)
			_, err := t.Core.Pread(fd, b, 0)
			t.Errno("read", err, 0)
			t.Equal("content", string(b), "text")
		}},
		{Op: posix.OpUnlinkat, Name: "directories", Run: func(t *T) {
			t.Mkdir("d")
			t.File("d/f", "")
			t.File("g", "")
			t.symlink("d", "l")
			rm := func(path string, flags int, want posix.Errno) {
				t.Errno("remove "+path, t.Core.Unlinkat(t.Dir, path, flags), want)
			}
			rm("d", 0, unix.EISDIR)
			rm("d/", 0, unix.EISDIR)
			rm("d", unix.AT_REMOVEDIR, unix.ENOTEMPTY)
			rm("d/.", unix.AT_REMOVEDIR, unix.EINVAL)
			rm("d/..", unix.AT_REMOVEDIR, unix.ENOTEMPTY)
			rm("/", unix.AT_REMOVEDIR, unix.EBUSY)
			rm("/", 0, unix.EISDIR)
			rm("d/.", 0, unix.EISDIR)
			rm("g", unix.AT_REMOVEDIR, unix.ENOTDIR)
			rm("g/", unix.AT_REMOVEDIR, unix.ENOTDIR)
			rm("l", unix.AT_REMOVEDIR, unix.ENOTDIR)
			rm("l/", unix.AT_REMOVEDIR, unix.ENOTDIR)
			rm("d/f", 0, 0)
			rm("d/", unix.AT_REMOVEDIR, 0)
			rm("d", unix.AT_REMOVEDIR, unix.ENOENT)
		}},
		{Op: posix.OpUnlinkat, Name: "hostile arguments", Run: func(t *T) {
			t.Errno("an unknown flag", t.Core.Unlinkat(t.Dir, "x", 1), unix.EINVAL)
			t.Errno("no path", t.Core.Unlinkat(t.Dir, "", 0), unix.ENOENT)
			t.Errno("not open", t.Core.Unlinkat(-1, "x", 0), unix.EBADF)
			t.Errno("a long name", t.Core.Unlinkat(t.Dir, long+"x", 0), unix.ENAMETOOLONG)
			t.Errno("below a file", t.Core.Unlinkat(t.File("f", ""), "x", 0), unix.ENOTDIR)
			t.Errno("a zero byte", t.Core.Unlinkat(t.Dir, "f\x00", 0), unix.EINVAL)
			t.Equal("the file is there", t.exists("f"), true)
		}},
		{Op: posix.OpUnlinkat, Name: "in a sticky directory", Need: Root, Alone: true, Run: func(t *T) {
			t.Mkdir("d")
			t.chmod("d", 0o1777)
			t.chmod(".", 0o755)
			t.File("d/f", "")
			t.Must("setresuid", t.Core.Setresuid(posix.Uids{Real: 1000, Effective: 1000, Saved: 0}))
			t.Errno("another's", t.Core.Unlinkat(t.Dir, "d/f", 0), unix.EPERM)
			t.Errno("move another's", t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: "d/f", NewDir: t.Dir, NewPath: "d/g"}), unix.EPERM)
			t.File("d/own", "")
			t.Errno("replace another's", t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: "d/own", NewDir: t.Dir, NewPath: "d/f"}), unix.EPERM)
			t.Errno("one's own", t.Core.Unlinkat(t.Dir, "d/own", 0), 0)
			t.Errno("link to another's", t.Core.Linkat(posix.Link{OldDir: t.Dir, OldPath: "d/f", NewDir: t.Dir, NewPath: "d/h"}), unix.EPERM)
			t.Must("setresuid", t.Core.Setresuid(posix.Uids{}))
		}},
	}
}

func renameCases() []Case {
	return []Case{
		{Op: posix.OpRenameat2, Name: "over a file", Run: func(t *T) {
			t.File("a", "A")
			t.File("b", "B")
			t.Errno("rename", t.rename("a", "b", 0), 0)
			t.Equal("content", t.Content("b"), "A")
			t.Equal("the old name", t.exists("a"), false)
			t.Errno("onto itself", t.rename("b", "b", 0), 0)
			t.Must("link", t.Core.Linkat(posix.Link{OldDir: t.Dir, OldPath: "b", NewDir: t.Dir, NewPath: "c"}))
			t.Errno("onto another name of itself", t.rename("b", "c", 0), 0)
			t.Equal("both stay", t.exists("b") && t.exists("c"), true)
		}},
		{Op: posix.OpRenameat2, Name: "flags", Run: func(t *T) {
			t.File("a", "A")
			t.Mkdir("d")
			t.Errno("not over", t.rename("a", "d", unix.RENAME_NOREPLACE), unix.EEXIST)
			t.Errno("not over, free", t.rename("a", "b", unix.RENAME_NOREPLACE), 0)
			t.Errno("exchange", t.rename("b", "d", unix.RENAME_EXCHANGE), 0)
			t.Equal("content", t.Content("d"), "A")
			t.Errno("exchange with nothing", t.rename("b", "x", unix.RENAME_EXCHANGE), unix.ENOENT)
			t.Errno("exchange and not over", t.rename("b", "d", unix.RENAME_EXCHANGE|unix.RENAME_NOREPLACE), unix.EINVAL)
			t.Errno("unknown", t.rename("b", "d", 64), unix.EINVAL)
			t.Errno("unknown and no path", t.rename("", "", 64), unix.EINVAL)
			t.Errno("not over a dot", t.rename("b", ".", unix.RENAME_NOREPLACE), unix.EEXIST)
		}},
		{Op: posix.OpRenameat2, Name: "directories", Run: func(t *T) {
			t.Mkdir("d")
			t.Mkdir("d/e")
			t.Mkdir("f")
			t.File("file", "")
			t.Errno("into itself", t.rename("d", "d/e/x", 0), unix.EINVAL)
			t.Errno("into itself directly", t.rename("d", "d/x", 0), unix.EINVAL)
			t.Errno("over its parent", t.rename("d/e", "d", 0), unix.ENOTEMPTY)
			t.Errno("exchange with its parent", t.rename("d/e", "d", unix.RENAME_EXCHANGE), unix.EINVAL)
			t.Errno("over one that is not empty", t.rename("f", "d", 0), unix.ENOTEMPTY)
			t.Errno("over a file", t.rename("f", "file", 0), unix.ENOTDIR)
			t.Errno("a file over one", t.rename("file", "f", 0), unix.EISDIR)
			t.Errno("a file over one that is not empty", t.rename("file", "d", 0), unix.EISDIR)
			t.Errno("over an empty one", t.rename("d", "f", 0), 0)
			t.Equal("moved along", t.exists("f/e"), true)
			t.Errno("to a new name with a slash", t.rename("f", "g/", 0), 0)
			t.Equal("links", t.stat("g").Nlink, uint64(3))
		}},
		{Op: posix.OpRenameat2, Name: "odd names", Run: func(t *T) {
			t.Mkdir("d")
			t.File("f", "")
			for _, c := range []struct {
				from, to string
				want     posix.Errno
			}{
				{".", "x", unix.EBUSY}, {"d/..", "x", unix.EBUSY}, {"f", ".", unix.EBUSY}, {"f", "d/..", unix.EBUSY}, {"/", "x", unix.EXDEV},
				{"f/", "x", unix.ENOTDIR}, {"f", "x/", unix.ENOTDIR}, {"f", "d/", unix.ENOTDIR}, {"", "x", unix.ENOENT}, {"f", "", unix.ENOENT}, {"x", "y", unix.ENOENT}, {"x", "f", unix.ENOENT},
				{"f", long + "x", unix.ENAMETOOLONG}, {long + "x", "f", unix.ENAMETOOLONG}, {"f", "no/x", unix.ENOENT}, {"f", "f/x", unix.ENOTDIR}, {"f\x00", "x", unix.EINVAL},
			} {
				if c.from == "/" && t.onRootMount() {
					continue
				}
				t.Errno("rename "+c.from+" to "+c.to, t.rename(c.from, c.to, 0), c.want)
			}
			t.Errno("not open", t.Core.Renameat2(posix.Rename{OldDir: -1, OldPath: "x", NewDir: t.Dir, NewPath: "y"}), unix.EBADF)
		}},
		{Op: posix.OpRenameat2, Name: "across mounts", Run: func(t *T) {
			t.File("f", "")
			t.Errno("rename", t.rename("f", "/proc/x", 0), unix.EXDEV)
			t.Errno("link", t.Core.Linkat(posix.Link{OldDir: t.Dir, OldPath: "f", NewDir: t.Dir, NewPath: "/proc/x"}), unix.ENOENT)
		}},
		{Op: posix.OpRenameat2, Name: "a directory that may not be written", Need: User, Run: func(t *T) {
			t.Mkdir("a")
			t.Mkdir("b")
			t.chmod("a", 0o500)
			t.Errno("to another parent", t.rename("a", "b/a", 0), unix.EACCES)
			t.Errno("within its parent", t.rename("a", "c", 0), 0)
			t.chmod("c", 0o700)
		}},
	}
}

func (t *T) rename(from, to string, flags uint32) error {
	return t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: from, NewDir: t.Dir, NewPath: to, Flags: flags})
}

// onRootMount tells whether Dir is on the same file system as the root directory.
func (t *T) onRootMount() bool {
	var root posix.Stat
	t.Must("stat /", t.Core.Fstatat(posix.AtFDCWD, "/", &root, 0))
	return root.Dev == t.stat(".").Dev
}

func linkCases() []Case {
	return []Case{
		{Op: posix.OpLinkat, Name: "another name", Run: func(t *T) {
			t.File("f", "text")
			t.Errno("linkat", t.link("f", "g", 0), 0)
			t.Equal("links", t.stat("f").Nlink, uint64(2))
			t.Equal("inode", t.stat("f").Ino, t.stat("g").Ino)
			t.Must("unlink", t.Core.Unlinkat(t.Dir, "f", 0))
			t.Equal("content", t.Content("g"), "text")
			t.Equal("links", t.stat("g").Nlink, uint64(1))
		}},
		{Op: posix.OpLinkat, Name: "symbolic links", Run: func(t *T) {
			t.File("f", "text")
			t.symlink("f", "l")
			t.Errno("the link itself", t.link("l", "m", 0), 0)
			t.Equal("a link", t.stat("m").Mode&unix.S_IFMT, uint32(unix.S_IFLNK))
			t.Errno("followed", t.link("l", "n", unix.AT_SYMLINK_FOLLOW), 0)
			t.Equal("a file", t.stat("n").Mode&unix.S_IFMT, uint32(unix.S_IFREG))
			t.Errno("over a link", t.link("f", "l", 0), unix.EEXIST)
		}},
		{Op: posix.OpLinkat, Name: "errors", Run: func(t *T) {
			t.File("f", "text")
			t.Mkdir("d")
			t.Errno("a directory", t.link("d", "e", 0), unix.EPERM)
			t.Errno("a directory onto a file", t.link("d", "f", 0), unix.EEXIST)
			t.Errno("nothing", t.link("x", "y", 0), unix.ENOENT)
			t.Errno("nothing onto a file", t.link("x", "f", 0), unix.ENOENT)
			t.Errno("a name with a slash", t.link("f", "y/", 0), unix.ENOENT)
			t.Errno("a file with a slash", t.link("f/", "y", 0), unix.ENOTDIR)
			t.Errno("an unknown flag", t.link("f", "y", 1), unix.EINVAL)
			t.Errno("no path", t.link("", "y", 0), unix.ENOENT)
			t.Errno("no new path", t.link("f", "", 0), unix.ENOENT)
			t.Errno("onto a dot", t.link("f", ".", 0), unix.EEXIST)
			t.Errno("a long name", t.link("f", long+"x", 0), unix.ENAMETOOLONG)
			t.Errno("not open", t.Core.Linkat(posix.Link{OldDir: -1, OldPath: "f", NewDir: t.Dir, NewPath: "y"}), unix.EBADF)
		}},
		{Op: posix.OpLinkat, Name: "a file without a name", Run: func(t *T) {
			fd := t.File("f", "text")
			t.Must("unlink", t.Core.Unlinkat(t.Dir, "f", 0))
			t.Errno("linkat", t.Core.Linkat(posix.Link{OldDir: posix.AtFDCWD, OldPath: selfFD(fd), NewDir: t.Dir, NewPath: "g", Flags: unix.AT_SYMLINK_FOLLOW}), unix.ENOENT)
		}},
		{Op: posix.OpLinkat, Name: "an empty path", Run: func(t *T) {
			fd := t.File("f", "text")
			t.Errno("of what was opened here", t.Core.Linkat(posix.Link{OldDir: fd, NewDir: t.Dir, NewPath: "g", Flags: unix.AT_EMPTY_PATH}), 0)
			t.Errno("of nothing", t.Core.Linkat(posix.Link{OldDir: -1, NewDir: t.Dir, NewPath: "g", Flags: unix.AT_EMPTY_PATH}), unix.EBADF)
			t.Equal("links", t.stat("g").Nlink, uint64(2))
		}},
		{Op: posix.OpLinkat, Name: "an empty path may be given by who opened it", Need: User, Alone: true, Run: func(t *T) {
			t.File("f", "text")
			d := t.Mkdir("d")
			fd := t.Open("f", unix.O_PATH)
			link := func(from posix.FD, path, to string) error {
				return t.Core.Linkat(posix.Link{OldDir: from, OldPath: path, NewDir: d, NewPath: to, Flags: unix.AT_EMPTY_PATH})
			}
			t.Errno("as before", link(fd, "", "a"), 0)
			var caps posix.CapSets
			t.Must("capget", t.Core.Capget(&caps))
			t.Must("capset", t.Core.Capset(&caps)) // the same again, but they are new credentials
			t.Errno("of another", link(fd, "", "b"), unix.ENOENT)
			t.Errno("a name", link(t.Dir, "f", "b"), unix.ENOENT)
			t.Errno("below what is no directory", link(fd, "f", "b"), unix.ENOENT)
			t.Errno("not open", link(-1, "f", "b"), unix.EBADF)
			t.Errno("no descriptor is asked", link(-1, t.Path+"/f", "b"), 0)
			t.Errno("opened since", link(t.Open("f", unix.O_PATH), "", "c"), 0)
			t.Errno("too long", link(t.Dir, strings.Repeat("n", 4096), "e"), unix.ENAMETOOLONG)
		}},
	}
}

func (t *T) link(from, to string, flags int) error {
	return t.Core.Linkat(posix.Link{OldDir: t.Dir, OldPath: from, NewDir: t.Dir, NewPath: to, Flags: flags})
}
