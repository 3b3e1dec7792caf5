package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func attributeCases() []Case {
	return []Case{
		{Op: posix.OpFchmodat, Name: "bits", Run: func(t *T) {
			t.File("f", "")
			t.symlink("f", "l")
			t.Errno("through a link", t.Core.Fchmodat(t.Dir, "l", 0o4751), 0)
			t.Equal("mode", t.stat("f").Mode, uint32(unix.S_IFREG|0o4751))
			t.Errno("bits above", t.Core.Fchmodat(t.Dir, "f", 0o170600), 0)
			t.Equal("mode", t.stat("f").Mode, uint32(unix.S_IFREG|0o600))
			t.Errno("a descriptor's", t.Core.Fchmodat(posix.AtFDCWD, selfFD(t.Open("f", unix.O_PATH)), 0o640), 0)
			t.Equal("mode", t.stat("f").Mode, uint32(unix.S_IFREG|0o640))
		}},
		{Op: posix.OpFchmodat, Name: "errors", Run: func(t *T) {
			t.symlink("x", "broken")
			t.Errno("nothing", t.Core.Fchmodat(t.Dir, "x", 0o600), unix.ENOENT)
			t.Errno("a broken link", t.Core.Fchmodat(t.Dir, "broken", 0o600), unix.ENOENT)
			t.Errno("no path", t.Core.Fchmodat(t.Dir, "", 0o600), unix.ENOENT)
			t.Errno("not open", t.Core.Fchmodat(-1, "x", 0o600), unix.EBADF)
			t.Errno("below a file", t.Core.Fchmodat(t.File("f", ""), "x", 0o600), unix.ENOTDIR)
			t.Errno("a link itself", t.Core.Fchmodat(posix.AtFDCWD, selfFD(t.Open("broken", unix.O_PATH|unix.O_NOFOLLOW)), 0o600), unix.EOPNOTSUPP)
		}},
		{Op: posix.OpFchmodat, Name: "another's file", Need: User, Run: func(t *T) {
			t.Errno("chmod", t.Core.Fchmodat(posix.AtFDCWD, "/", 0o777), unix.EPERM)
			t.Errno("chown", t.Core.Fchownat(posix.Chown{Dir: posix.AtFDCWD, Path: "/", UID: t.Core.Geteuid(), GID: ^posix.GID(0)}), unix.EPERM)
			t.Errno("chown of nothing", t.Core.Fchownat(posix.Chown{Dir: posix.AtFDCWD, Path: "/", UID: ^posix.UID(0), GID: ^posix.GID(0)}), 0)
			now := posix.Timespec{Nsec: unix.UTIME_NOW}
			t.Errno("touch", t.Core.Utimensat(posix.Utimes{Dir: posix.AtFDCWD, Path: "/", Atime: now, Mtime: now}), unix.EACCES)
			t.Errno("set the times", t.Core.Utimensat(posix.Utimes{Dir: posix.AtFDCWD, Path: "/"}), unix.EPERM)
			t.Errno("set one time", t.Core.Utimensat(posix.Utimes{Dir: posix.AtFDCWD, Path: "/", Atime: now, Mtime: posix.Timespec{Nsec: unix.UTIME_OMIT}}), unix.EPERM)
		}},
		{Op: posix.OpFchownat, Name: "by root", Need: Root, Run: func(t *T) {
			t.File("f", "")
			t.chmod("f", 0o6755)
			t.Errno("chown", t.chown("f", 12, 34, 0), 0)
			st := t.stat("f")
			t.Equal("user", st.UID, posix.UID(12))
			t.Equal("group", st.GID, posix.GID(34))
			t.Equal("mode", st.Mode, uint32(unix.S_IFREG|0o755))
			t.Errno("only the group", t.chown("f", ^posix.UID(0), 56, 0), 0)
			t.Equal("user", t.stat("f").UID, posix.UID(12))
			t.Equal("group", t.stat("f").GID, posix.GID(56))
			t.symlink("f", "l")
			t.Errno("the link itself", t.chown("l", 7, 8, unix.AT_SYMLINK_NOFOLLOW), 0)
			t.Equal("user of the link", t.stat("l").UID, posix.UID(7))
			t.Equal("user of the file", t.stat("f").UID, posix.UID(12))
			t.Mkdir("d")
			t.chmod("d", 0o6755)
			t.Errno("a directory", t.chown("d", 1, 1, 0), 0)
			t.Equal("mode of the directory", t.stat("d").Mode, uint32(unix.S_IFDIR|0o6755))
		}},
		{Op: posix.OpFchownat, Name: "by the owner", Need: User, Run: func(t *T) {
			t.File("f", "")
			t.Errno("to itself", t.chown("f", t.Core.Geteuid(), t.Core.Getegid(), 0), 0)
			t.Errno("to another user", t.chown("f", 12, ^posix.GID(0), 0), unix.EPERM)
			t.Errno("to another group", t.chown("f", ^posix.UID(0), 12, 0), unix.EPERM)
			t.chmod("f", 0o4755)
			t.Errno("nothing", t.chown("f", ^posix.UID(0), ^posix.GID(0), 0), 0)
			t.Equal("mode", t.stat("f").Mode, uint32(unix.S_IFREG|0o755))
		}},
		{Op: posix.OpFchownat, Name: "hostile arguments", Run: func(t *T) {
			t.Errno("an unknown flag", t.chown("x", 0, 0, 1), unix.EINVAL)
			t.Errno("nothing", t.chown("x", 0, 0, 0), unix.ENOENT)
			t.Errno("no path", t.chown("", 0, 0, 0), unix.ENOENT)
			t.Errno("not open", t.Core.Fchownat(posix.Chown{Dir: -1, Path: "x"}), unix.EBADF)
			t.Errno("a descriptor", t.Core.Fchownat(posix.Chown{Dir: t.File("f", ""), UID: ^posix.UID(0), GID: ^posix.GID(0), Flags: unix.AT_EMPTY_PATH}), 0)
			t.Errno("not open, no path", t.Core.Fchownat(posix.Chown{Dir: -1, Flags: unix.AT_EMPTY_PATH}), unix.EBADF)
		}},
		{Op: posix.OpUtimensat, Name: "what counts as an access", Run: func(t *T) {
			fd := t.File("x", "text")
			for name, access := range map[string]func() error{
				"a read of nothing":     func() error { _, err := t.Core.Read(fd, nil); return err },
				"a read behind the end": func() error { _, err := t.Core.Pread(fd, make([]byte, 8), 100); return err },
				"a mapping": func() error {
					b, err := t.Core.Mmap(posix.Mapping{Length: 4096, Prot: unix.PROT_READ, Flags: unix.MAP_PRIVATE, FD: fd})
					if err != nil {
						return err
					}
					return t.Core.Munmap(b)
				},
			} {
				t.Must("utimensat", t.Core.Utimensat(posix.Utimes{Dir: t.Dir, Path: "x", Atime: posix.Timespec{Sec: 5}, Mtime: posix.Timespec{Sec: 6}}))
				t.Errno(name, access(), 0)
				var st posix.Stat
				t.Must("fstat", t.Core.Fstat(fd, &st))
				t.Equal(name+" is one", st.Atime.Sec > 5, true)
			}
		}},
		{Op: posix.OpUtimensat, Name: "times", Run: func(t *T) {
			t.File("f", "")
			set := func(atime, mtime posix.Timespec) {
				t.Errno("utimensat", t.Core.Utimensat(posix.Utimes{Dir: t.Dir, Path: "f", Atime: atime, Mtime: mtime}), 0)
			}
			set(posix.Timespec{Sec: 1, Nsec: 2}, posix.Timespec{Sec: 3, Nsec: 999_999_999})
			t.Equal("atime", t.stat("f").Atime, posix.Timespec{Sec: 1, Nsec: 2})
			t.Equal("mtime", t.stat("f").Mtime, posix.Timespec{Sec: 3, Nsec: 999_999_999})
			set(posix.Timespec{Nsec: unix.UTIME_OMIT}, posix.Timespec{Sec: 5})
			t.Equal("atime", t.stat("f").Atime, posix.Timespec{Sec: 1, Nsec: 2})
			t.Equal("mtime", t.stat("f").Mtime, posix.Timespec{Sec: 5})
			set(posix.Timespec{Nsec: unix.UTIME_NOW}, posix.Timespec{Nsec: unix.UTIME_NOW})
			t.Equal("both now", t.stat("f").Atime, t.stat("f").Mtime)
			t.Equal("now", t.stat("f").Mtime.Sec > 5, true)
		}},
		{Op: posix.OpUtimensat, Name: "a link itself", Run: func(t *T) {
			t.symlink("x", "l")
			u := posix.Utimes{Dir: t.Dir, Path: "l", Atime: posix.Timespec{Sec: 1}, Mtime: posix.Timespec{Sec: 2}}
			t.Errno("followed", t.Core.Utimensat(u), unix.ENOENT)
			u.Flags = unix.AT_SYMLINK_NOFOLLOW
			t.Errno("itself", t.Core.Utimensat(u), 0)
			t.Equal("mtime", t.stat("l").Mtime, posix.Timespec{Sec: 2})
		}},
		{Op: posix.OpUtimensat, Name: "hostile arguments", Run: func(t *T) {
			bad, omit := posix.Timespec{Nsec: 1e9}, posix.Timespec{Nsec: unix.UTIME_OMIT}
			try := func(what string, u posix.Utimes, want posix.Errno) { t.Errno(what, t.Core.Utimensat(u), want) }
			t.File("f", "")
			try("too many nanoseconds", posix.Utimes{Dir: t.Dir, Path: "f", Atime: bad}, unix.EINVAL)
			try("a negative number", posix.Utimes{Dir: t.Dir, Path: "f", Mtime: posix.Timespec{Nsec: -1}}, unix.EINVAL)
			try("too many nanoseconds of nothing", posix.Utimes{Dir: t.Dir, Path: "x", Atime: bad}, unix.ENOENT)
			try("nothing to do to nothing", posix.Utimes{Dir: -1, Path: "x", Atime: omit, Mtime: omit, Flags: 1}, 0)
			try("an unknown flag", posix.Utimes{Dir: t.Dir, Path: "x", Flags: 1}, unix.EINVAL)
			try("not open", posix.Utimes{Dir: -1, Path: "x"}, unix.EBADF)
			try("no path", posix.Utimes{Dir: t.Dir}, unix.ENOENT)
			try("a descriptor", posix.Utimes{Dir: t.Dir, Flags: unix.AT_EMPTY_PATH}, 0)
		}},
		{Op: posix.OpUmask, Name: "what was set is told", Run: func(t *T) {
			old, err := t.Core.Umask(0o077)
			t.Errno("umask", err, 0)
			got, err := t.Core.Umask(old)
			t.Errno("umask", err, 0)
			t.Equal("umask", got, uint32(0o077))
		}},
		{Op: posix.OpUmask, Name: "other bits are dropped", Run: func(t *T) {
			old, err := t.Core.Umask(0xffff_ffff)
			t.Errno("umask", err, 0)
			got, err := t.Core.Umask(old)
			t.Errno("umask", err, 0)
			t.Equal("umask", got, uint32(0o777))
		}},
		{Op: posix.OpUmask, Name: "files and links", Run: func(t *T) {
			old, err := t.Core.Umask(0o777)
			t.Errno("umask", err, 0)
			t.tries("make", "f", posix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR, Mode: 0o777}, 0)
			t.symlink("f", "l")
			_, err = t.Core.Umask(old)
			t.Errno("umask", err, 0)
			t.Equal("mode", t.stat("f").Mode, uint32(unix.S_IFREG))
			t.Equal("mode of the link", t.stat("l").Mode, uint32(unix.S_IFLNK|0o777))
		}},
	}
}

func (t *T) chown(name string, uid posix.UID, gid posix.GID, flags int) error {
	return t.Core.Fchownat(posix.Chown{Dir: t.Dir, Path: name, UID: uid, GID: gid, Flags: flags})
}
