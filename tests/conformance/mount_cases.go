package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func fsopenCases() []Case {
	return []Case{
		{Op: posix.OpFsopen, Name: "errors in their order", Need: Root, Run: func(t *T) {
			_, err := t.Core.Fsopen("nothing", 1<<20)
			t.Errno("unknown flags", err, unix.EINVAL)
			_, err = t.Core.Fsopen("nothing", 0)
			t.Errno("an unknown type", err, unix.ENODEV)
		}},
		{Op: posix.OpFsopen, Name: "close on exec", Need: Root, Run: func(t *T) {
			for _, flags := range []int{0, unix.FSOPEN_CLOEXEC} {
				fd := t.FD(t.Core.Fsopen("tmpfs", uint32(flags)))
				got, err := t.Core.Fcntl(fd, unix.F_GETFD, 0)
				t.Errno("fcntl", err, 0)
				t.Equal("flags", got, flags)
			}
		}},
		{Op: posix.OpFsconfig, Name: "parameters", Need: Root, Run: func(t *T) {
			fs := t.FD(t.Core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC))
			set := func(key, value string) error {
				return t.Core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_SET_STRING, Key: key, Value: value})
			}
			flag := func(key string) error {
				return t.Core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_SET_FLAG, Key: key})
			}
			t.Errno("size", set("size", "1M"), 0)
			t.Errno("a bad size", set("size", "x"), unix.EINVAL)
			t.Errno("mode", set("mode", "0750"), 0)
			t.Errno("a bad mode", set("mode", "9"), unix.EINVAL)
			t.Errno("an unknown one", set("nothing", "1"), unix.EINVAL)
			t.Errno("an unknown flag", flag("nothing"), unix.EINVAL)
			t.Errno("ro", flag("ro"), 0)
			t.Errno("source", set("source", "x"), 0)
		}},
		{Op: posix.OpFsconfig, Name: "twice", Need: Root, Run: func(t *T) {
			fs := t.FD(t.Core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC))
			create := posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_CMD_CREATE}
			t.Errno("create", t.Core.Fsconfig(create), 0)
			t.Errno("create again", t.Core.Fsconfig(create), unix.EBUSY)
			t.Errno("a parameter afterwards", t.Core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_SET_STRING, Key: "size", Value: "1M"}), unix.EBUSY)
		}},
		{Op: posix.OpFsmount, Name: "errors in their order", Need: Root, Run: func(t *T) {
			_, err := t.Core.Fsmount(-1, 1<<20, 0)
			t.Errno("unknown flags", err, unix.EINVAL)
			_, err = t.Core.Fsmount(-1, 0, 1<<30)
			t.Errno("unknown attributes", err, unix.EINVAL)
			_, err = t.Core.Fsmount(-1, 0, 0)
			t.Errno("of -1", err, unix.EBADF)
			_, err = t.Core.Fsmount(t.Dir, 0, 0)
			t.Errno("of a directory", err, unix.EINVAL)
			_, err = t.Core.Fsmount(t.FD(t.Core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)), 0, 0)
			t.Errno("before it is created", err, unix.EINVAL)
		}},
		{Op: posix.OpFsmount, Name: "a file system of its own", Need: Root, Run: func(t *T) {
			m := t.Tmpfs(0, "mode", "0750", "uid", "7", "gid", "8")
			var st posix.Stat
			t.Errno("fstat", t.Core.Fstat(m, &st), 0)
			t.Equal("mode", st.Mode, uint32(unix.S_IFDIR|0o750))
			t.Equal("user", st.UID, posix.UID(7))
			t.Equal("group", st.GID, posix.GID(8))
			t.Errno("mkdir", t.Core.Mkdirat(m, "d", 0o700), 0)
			t.Errno("mkdir again", t.Core.Mkdirat(m, "d", 0o700), unix.EEXIST)
		}},
		{Op: posix.OpFsmount, Name: "twice", Need: Root, Run: func(t *T) {
			fs := t.FD(t.Core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC))
			t.Must("create", t.Core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_CMD_CREATE}))
			t.FD(t.Core.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0))
			_, err := t.Core.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
			t.Errno("fsmount", err, unix.EBUSY)
		}},
		{Op: posix.OpFsmount, Name: "a size that is full", Need: Root, Run: func(t *T) {
			m := t.Tmpfs(0, "size", "4096")
			fd := t.FD(t.Core.Openat2(m, "x", posix.OpenHow{Flags: unix.O_RDWR | unix.O_CREAT | unix.O_CLOEXEC, Mode: 0o600}))
			_, err := t.Core.Pwrite(fd, make([]byte, 4096), 0)
			t.Errno("pwrite", err, 0)
			_, err = t.Core.Pwrite(fd, make([]byte, 1), 4096)
			t.Errno("pwrite of one byte more", err, unix.ENOSPC)
		}},
	}
}

// mountCases attach and change mounts.
func mountCases() []Case {
	return []Case{
		{Op: posix.OpMoveMount, Name: "a new file system", Need: Root, Alone: true, Run: func(t *T) {
			t.OwnMounts()
			t.Mkdir("d")
			t.File("d/below", "")
			m := t.Tmpfs(0)
			t.Must("mkdir", t.Core.Mkdirat(m, "above", 0o700))
			t.Attach(m, "d")
			t.OpenErrno("d/above", unix.O_RDONLY, 0)
			t.OpenErrno("d/below", unix.O_RDONLY, unix.ENOENT)
			t.OpenErrno("d/above/../..", unix.O_RDONLY, 0)
			t.Errno("attach it again", t.Core.MoveMount(posix.Move{FromDir: m, ToDir: t.Dir, ToPath: "d", Flags: unix.MOVE_MOUNT_F_EMPTY_PATH}), unix.ELOOP)
			t.Errno("umount2", t.Core.Umount2(t.Path+"/d", 0), unix.EBUSY)
			t.Must("close", t.Core.Close(m))
			t.Errno("umount2", t.Core.Umount2(t.Path+"/d", 0), 0)
			t.OpenErrno("d/below", unix.O_RDONLY, 0)
		}},
		{Op: posix.OpMoveMount, Name: "errors in their order", Need: Root, Alone: true, Run: func(t *T) {
			t.OwnMounts()
			t.File("file", "")
			t.Mkdir("d")
			m := t.Tmpfs(0)
			move := func(from posix.FD, fromPath string, to posix.FD, toPath string, flags uint32) error {
				return t.Core.MoveMount(posix.Move{FromDir: from, FromPath: fromPath, ToDir: to, ToPath: toPath, Flags: flags})
			}
			t.Errno("unknown flags", move(-1, "", -1, "", 1<<30), unix.EINVAL)
			t.Errno("from an empty path", move(m, "", t.Dir, "d", 0), unix.ENOENT)
			t.Errno("from nothing to -1", move(t.Dir, "nothing", -1, "d", 0), unix.EBADF)
			t.Errno("from -1 to nothing", move(-1, "x", t.Dir, "nothing", 0), unix.ENOENT)
			t.Errno("to nothing", move(m, "", t.Dir, "nothing", unix.MOVE_MOUNT_F_EMPTY_PATH), unix.ENOENT)
			t.Errno("a directory to a file", move(m, "", t.Dir, "file", unix.MOVE_MOUNT_F_EMPTY_PATH), unix.EINVAL)
			t.Errno("what is no mount", move(t.Dir, "file", t.Dir, "file", 0), unix.EINVAL)
			t.Errno("at last", move(m, "", t.Dir, "d", unix.MOVE_MOUNT_F_EMPTY_PATH), 0)
		}},
		{Op: posix.OpMoveMount, Name: "from one place to another", Need: Root, Alone: true, Run: func(t *T) {
			t.OwnMounts()
			t.Mkdir("a")
			t.Mkdir("b")
			m := t.Tmpfs(0)
			t.Must("mkdir", t.Core.Mkdirat(m, "above", 0o700))
			t.Attach(m, "a")
			t.Errno("move_mount", t.Core.MoveMount(posix.Move{FromDir: t.Dir, FromPath: "a", ToDir: t.Dir, ToPath: "b"}), 0)
			t.OpenErrno("a/above", unix.O_RDONLY, unix.ENOENT)
			t.OpenErrno("b/above", unix.O_RDONLY, 0)
			t.Errno("into itself", t.Core.MoveMount(posix.Move{FromDir: t.Dir, FromPath: "b", ToDir: t.Dir, ToPath: "b/above"}), unix.ELOOP)
			t.Errno("rename of a mount point", t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: "b", NewDir: t.Dir, NewPath: "c"}), unix.EBUSY)
			t.Errno("rmdir of a mount point", t.Core.Unlinkat(t.Dir, "b", unix.AT_REMOVEDIR), unix.EBUSY)
		}},
		{Op: posix.OpOpenTree, Name: "a copy", Need: Root, Alone: true, Run: func(t *T) {
			t.OwnMounts()
			d := t.Mkdir("d")
			t.File("d/x", "text")
			t.Mkdir("e")
			tree := t.FD(t.Core.OpenTree(d, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE))
			t.Must("mount_setattr", t.Core.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY}))
			_, err := t.Core.Openat2(tree, "x", posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC})
			t.Errno("open for writing through the copy", err, unix.EROFS)
			t.OpenErrno("d/x", unix.O_WRONLY, 0)
			t.Attach(tree, "e")
			t.OpenErrno("e/x", unix.O_RDONLY, 0)
			t.OpenErrno("e/x", unix.O_WRONLY, unix.EROFS)
			t.OpenErrno("e/y", unix.O_WRONLY|unix.O_CREAT, unix.EROFS)
			t.Errno("rename out of it", t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: "e/x", NewDir: t.Dir, NewPath: "z"}), unix.EXDEV)
		}},
		{Op: posix.OpOpenTree, Name: "a copy of a file", Need: Root, Alone: true, Run: func(t *T) {
			t.OwnMounts()
			t.File("x", "text")
			t.File("y", "other")
			t.Attach(t.FD(t.Core.OpenTree(t.Dir, "x", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)), "y")
			t.Equal("content", t.Content("y"), "text")
			t.Errno("unlink of a mount point", t.Core.Unlinkat(t.Dir, "y", 0), unix.EBUSY)
			t.Must("umount2", t.Core.Umount2(t.Path+"/y", unix.MNT_DETACH))
			t.Equal("content", t.Content("y"), "other")
		}},
		{Op: posix.OpMountSetattr, Name: "errors in their order", Need: Root, Run: func(t *T) {
			m := t.Tmpfs(0)
			set := func(dir posix.FD, path string, flags int, attr posix.MountAttr) error {
				return t.Core.MountSetattr(dir, path, flags, &attr)
			}
			t.Errno("nothing to change, nowhere", set(-1, "x", 0, posix.MountAttr{}), 0)
			t.Errno("unknown attributes", set(-1, "x", 0, posix.MountAttr{Set: 1 << 40}), unix.EINVAL)
			t.Errno("an unknown propagation", set(-1, "x", 0, posix.MountAttr{Propagation: 1}), unix.EINVAL)
			t.Errno("two propagations", set(-1, "x", 0, posix.MountAttr{Propagation: unix.MS_PRIVATE | unix.MS_SHARED}), unix.EINVAL)
			t.Errno("times that are not cleared", set(-1, "x", 0, posix.MountAttr{Set: unix.MOUNT_ATTR_NOATIME}), unix.EINVAL)
			t.Errno("of -1", set(-1, "x", 0, posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY}), unix.EBADF)
			t.Errno("of an empty path", set(m, "", 0, posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY}), unix.ENOENT)
			t.Errno("of nothing", set(m, "nothing", 0, posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY}), unix.ENOENT)
			t.Must("mkdir", t.Core.Mkdirat(m, "d", 0o700))
			t.Errno("of what is no mount", set(m, "d", 0, posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY}), unix.EINVAL)
			t.Errno("times", set(m, "", unix.AT_EMPTY_PATH, posix.MountAttr{Set: unix.MOUNT_ATTR_NOATIME, Clear: unix.MOUNT_ATTR__ATIME}), 0)
		}},
		{Op: posix.OpMountSetattr, Name: "read-only and back", Need: Root, Run: func(t *T) {
			m := t.Tmpfs(0)
			ro := &posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY}
			fd := t.FD(t.Core.Openat2(m, "x", posix.OpenHow{Flags: unix.O_RDWR | unix.O_CREAT | unix.O_CLOEXEC, Mode: 0o600}))
			t.Errno("while somebody writes", t.Core.MountSetattr(m, "", unix.AT_EMPTY_PATH, ro), unix.EBUSY)
			t.Must("close", t.Core.Close(fd))
			t.Errno("read-only", t.Core.MountSetattr(m, "", unix.AT_EMPTY_PATH, ro), 0)
			t.Errno("mkdir", t.Core.Mkdirat(m, "d", 0o700), unix.EROFS)
			t.Errno("writable", t.Core.MountSetattr(m, "", unix.AT_EMPTY_PATH, &posix.MountAttr{Clear: unix.MOUNT_ATTR_RDONLY}), 0)
			t.Errno("mkdir", t.Core.Mkdirat(m, "d", 0o700), 0)
		}},
		{Op: posix.OpMountSetattr, Name: "no devices", Need: Root, Alone: true, Run: func(t *T) {
			t.OwnMounts()
			t.File("null", "")
			m := t.FD(t.Core.OpenTree(posix.AtFDCWD, "/dev/null", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC))
			t.Must("clear nodev", t.Core.MountSetattr(m, "", unix.AT_EMPTY_PATH, &posix.MountAttr{Clear: unix.MOUNT_ATTR_NODEV}))
			t.Attach(m, "null")
			t.OpenErrno("null", unix.O_RDONLY, 0)
			t.Must("set nodev", t.Core.MountSetattr(m, "", unix.AT_EMPTY_PATH, &posix.MountAttr{Set: unix.MOUNT_ATTR_NODEV}))
			t.OpenErrno("null", unix.O_RDONLY, unix.EACCES)
			t.OpenErrno("null", unix.O_PATH, 0)
		}},
		{Op: posix.OpUmount2, Name: "nothing can be done with what was taken away", Need: Root, Run: func(t *T) {
			t.OwnMounts()
			t.Mkdir("d")
			m := t.Tmpfs(0)
			t.Attach(m, "d")
			t.Must("umount2", t.Core.Umount2(t.Path+"/d", unix.MNT_DETACH))
			t.Errno("mount_setattr", t.Core.MountSetattr(m, "", unix.AT_EMPTY_PATH, &posix.MountAttr{Set: unix.MOUNT_ATTR_NOSUID}), unix.EINVAL)
			_, err := t.Core.OpenTree(m, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE)
			t.Errno("open_tree", err, unix.EINVAL)
			t.Errno("move_mount",
				t.Core.MoveMount(posix.Move{FromDir: m, ToDir: t.Dir, ToPath: "d", Flags: unix.MOVE_MOUNT_F_EMPTY_PATH}), unix.EINVAL)
			t.Errno("mkdir", t.Core.Mkdirat(m, "x", 0o700), 0)
		}},
		{Op: posix.OpMoveMount, Name: "onto a symbolic link", Need: Root, Run: func(t *T) {
			t.OwnMounts()
			t.File("x", "text")
			t.Must("symlinkat", t.Core.Symlinkat("nothing", t.Dir, "s"))
			m := t.FD(t.Core.OpenTree(t.Dir, "x", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC))
			t.Attach(m, "s")
			t.Equal("what is read there", t.Content("s"), "text")
			t.Errno("umount2", t.Core.Umount2(t.Path+"/s", unix.MNT_DETACH), 0)
			t.OpenErrno("s", unix.O_RDONLY, unix.ENOENT)
		}},
		{Op: posix.OpUmount2, Name: "what is no mount", Need: Root, Run: func(t *T) {
			t.Mkdir("d")
			t.Errno("umount2", t.Core.Umount2(t.Path+"/d", 0), unix.EINVAL)
			t.Errno("umount2 of nothing", t.Core.Umount2(t.Path+"/nothing", 0), unix.ENOENT)
			t.Errno("umount2 of an empty path", t.Core.Umount2("", 0), unix.ENOENT)
			t.Errno("MNT_EXPIRE and MNT_DETACH", t.Core.Umount2(t.Path+"/d", unix.MNT_EXPIRE|unix.MNT_DETACH), unix.EINVAL)
		}},
		{Op: posix.OpUmount2, Name: "busy, and by force of MNT_DETACH", Need: Root, Alone: true, Run: func(t *T) {
			t.OwnMounts()
			t.Mkdir("d")
			m := t.Tmpfs(0)
			t.Attach(m, "d")
			fd := t.FD(t.Core.Openat2(m, "x", posix.OpenHow{Flags: unix.O_RDWR | unix.O_CREAT | unix.O_CLOEXEC, Mode: 0o600}))
			t.Must("close", t.Core.Close(m))
			t.Errno("umount2", t.Core.Umount2(t.Path+"/d", 0), unix.EBUSY)
			t.Errno("umount2 MNT_DETACH", t.Core.Umount2(t.Path+"/d", unix.MNT_DETACH), 0)
			_, err := t.Core.Pwrite(fd, []byte("x"), 0)
			t.Errno("pwrite afterwards", err, 0)
			t.Errno("umount2 again", t.Core.Umount2(t.Path+"/d", 0), unix.EINVAL)
		}},
		{Op: posix.OpUmount2, Name: "the one below", Need: Root, Alone: true, Run: func(t *T) {
			t.OwnMounts()
			t.Mkdir("d")
			a, b := t.Tmpfs(0), t.Tmpfs(0)
			t.Must("mkdir", t.Core.Mkdirat(a, "a", 0o700))
			t.Must("mkdir", t.Core.Mkdirat(b, "b", 0o700))
			t.Attach(a, "d")
			t.Attach(b, "d")
			t.OpenErrno("d/b", unix.O_RDONLY, 0)
			t.Must("close", t.Core.Close(b))
			t.Errno("umount2", t.Core.Umount2(t.Path+"/d", 0), 0)
			t.OpenErrno("d/a", unix.O_RDONLY, 0)
		}},
	}
}
