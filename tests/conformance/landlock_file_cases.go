package conformance

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// OpenErrno opens a name in Dir and reports an answer that is not want.
func (t *T) OpenErrno(name string, flags uint64, want posix.Errno) {
	t.Helper()
	how := posix.OpenHow{Flags: flags | unix.O_CLOEXEC}
	if flags&unix.O_CREAT != 0 {
		how.Mode = 0o644
	}
	fd, err := t.Core.Openat2(t.Dir, name, how)
	t.Errno("open "+name, err, want)
	if err == nil {
		_ = t.Core.Close(fd)
	}
}

// landlockFileCases are about what a domain does to files.
func landlockFileCases() []Case {
	return []Case{
		{Op: posix.OpLandlockRestrictSelf, Name: "reading and writing", Alone: true, Run: func(t *T) {
			t.File("x", "text")
			t.Mkdir("d")
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead | fsReadDir | fsWrite})
			t.Allow(fd, fsRead, t.Dir)
			t.Restrict(fd)
			t.OpenErrno("x", unix.O_RDONLY, 0)
			t.OpenErrno("x", unix.O_WRONLY, unix.EACCES)
			t.OpenErrno("x", unix.O_RDWR, unix.EACCES)
			t.OpenErrno("d", unix.O_RDONLY, unix.EACCES)
			t.OpenErrno("d", unix.O_PATH, 0)
			t.OpenErrno("x", unix.O_PATH, 0)
			t.OpenErrno("y", unix.O_WRONLY, unix.ENOENT)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "what is open stays open", Alone: true, Run: func(t *T) {
			file := t.File("x", "text")
			t.Restrict(t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead | fsWrite}))
			b := make([]byte, 4)
			n, err := t.Core.Pread(file, b, 0)
			t.Errno("pread", err, 0)
			t.Equal("read", string(b[:n]), "text")
			t.OpenErrno("x", unix.O_RDONLY, unix.EACCES)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "executing", Alone: true, Run: func(t *T) {
			t.executable("x", "text")
			t.executable("y", "text")
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: unix.LANDLOCK_ACCESS_FS_EXECUTE})
			t.Allow(fd, unix.LANDLOCK_ACCESS_FS_EXECUTE, t.Open("x", unix.O_PATH))
			t.Restrict(fd)
			t.Errno("allowed, but no program", t.Core.Execve(t.Path+"/x", []string{"x"}, nil), unix.ENOEXEC)
			t.Errno("not allowed", t.Core.Execve(t.Path+"/y", []string{"x"}, nil), unix.EACCES)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "a memfd is in no file tree", Alone: true, Run: func(t *T) {
			t.Restrict(t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead | fsWrite}))
			fd := t.FD(t.Core.MemfdCreate("m", unix.MFD_CLOEXEC))
			t.Errno("ftruncate", t.Core.Ftruncate(fd, 5), 0)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "a rule on a file, and one below", Alone: true, Run: func(t *T) {
			x := t.File("x", "")
			d := t.Mkdir("d")
			t.File("d/y", "")
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead | fsWrite})
			t.Allow(fd, fsRead, x)
			t.Allow(fd, fsWrite, d)
			t.Restrict(fd)
			t.OpenErrno("x", unix.O_RDONLY, 0)
			t.OpenErrno("x", unix.O_WRONLY, unix.EACCES)
			t.OpenErrno("d/y", unix.O_WRONLY, 0)
			t.OpenErrno("d/y", unix.O_RDONLY, unix.EACCES)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "rules are on files, not on names", Alone: true, Run: func(t *T) {
			x := t.File("x", "")
			t.File("y", "")
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead})
			t.Allow(fd, fsRead, x)
			t.Restrict(fd)
			t.Must("rename", t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: "x", NewDir: t.Dir, NewPath: "z"}))
			t.OpenErrno("z", unix.O_RDONLY, 0)
			t.OpenErrno("y", unix.O_RDONLY, unix.EACCES)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "a later rule does not count", Alone: true, Run: func(t *T) {
			t.File("x", "")
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead})
			t.Restrict(fd)
			t.Allow(fd, fsRead, t.Dir)
			t.OpenErrno("x", unix.O_RDONLY, unix.EACCES)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "two layers", Alone: true, Run: func(t *T) {
			t.File("x", "")
			first := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsRead | fsWrite})
			t.Allow(first, fsRead|fsWrite, t.Dir)
			t.Restrict(first)
			t.OpenErrno("x", unix.O_RDWR, 0)
			t.Restrict(t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsWrite}))
			t.OpenErrno("x", unix.O_RDWR, unix.EACCES)
			t.OpenErrno("x", unix.O_RDONLY, 0)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "making and removing", Alone: true, Run: func(t *T) {
			t.File("x", "")
			t.Mkdir("old")
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: unix.LANDLOCK_ACCESS_FS_MAKE_REG | fsMakeDir | fsRemove |
				unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_SYM})
			t.Allow(fd, fsMakeDir, t.Dir)
			t.Restrict(fd)
			t.OpenErrno("y", unix.O_WRONLY|unix.O_CREAT, unix.EACCES)
			t.OpenErrno("x", unix.O_WRONLY|unix.O_CREAT, 0)
			t.OpenErrno("x", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, unix.EEXIST)
			t.Errno("mkdir", t.Core.Mkdirat(t.Dir, "new", 0o700), 0)
			t.Errno("rmdir", t.Core.Unlinkat(t.Dir, "old", unix.AT_REMOVEDIR), unix.EACCES)
			t.Errno("unlink", t.Core.Unlinkat(t.Dir, "x", 0), unix.EACCES)
			t.Errno("symlink", t.Core.Symlinkat("x", t.Dir, "s"), unix.EACCES)
			t.Errno("link in the same directory", t.Core.Linkat(posix.Link{OldDir: t.Dir, OldPath: "x", NewDir: t.Dir, NewPath: "l"}), unix.EACCES)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "it is asked before anything else about names", Alone: true, Run: func(t *T) {
			t.File("x", "")
			t.Must("link", t.link("x", "y", 0))
			t.Mkdir("d")
			t.Restrict(t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: unix.LANDLOCK_ACCESS_FS_MAKE_REG | fsMakeDir | fsRemove |
				unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_SYM}))
			move := func(from, to string) error {
				return t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: from, NewDir: t.Dir, NewPath: to})
			}
			t.Errno("a directory onto a file", move("d", "x"), unix.EACCES)
			t.Errno("a file onto a directory", move("x", "d"), unix.EACCES)
			t.Errno("onto the same file", move("x", "y"), unix.EACCES)
			t.Errno("unlink a directory", t.Core.Unlinkat(t.Dir, "d", 0), unix.EACCES)
			t.Errno("rmdir a file", t.Core.Unlinkat(t.Dir, "x", unix.AT_REMOVEDIR), unix.EACCES)
			t.Errno("link a directory", t.link("d", "l", 0), unix.EACCES)
			t.Errno("mkdir over a file", t.Core.Mkdirat(t.Dir, "x", 0o700), unix.EEXIST)
			t.Errno("rename nothing", move("nothing", "l"), unix.ENOENT)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "moving to another directory", Alone: true, Run: func(t *T) {
			t.File("x", "")
			t.Mkdir("d")
			t.Restrict(t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsReadDir}))
			move := func(from, to string) error {
				return t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: from, NewDir: t.Dir, NewPath: to})
			}
			t.Errno("rename in the same directory", move("x", "y"), 0)
			t.Errno("rename to another", move("y", "d/y"), unix.EXDEV)
			t.Errno("link to another", t.Core.Linkat(posix.Link{OldDir: t.Dir, OldPath: "y", NewDir: t.Dir, NewPath: "d/y"}), unix.EXDEV)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "moving where more is allowed", Alone: true, Run: func(t *T) {
			t.Landlock(2)
			t.Mkdir("a")
			b := t.Mkdir("b")
			t.File("a/x", "")
			fd := t.Ruleset(2, posix.LandlockRulesetAttr{HandledAccessFS: fsRefer | fsRead | fsMakeReg | fsRemove})
			t.Allow(fd, fsRefer|fsMakeReg|fsRemove, t.Dir)
			t.Allow(fd, fsRead, b)
			t.Restrict(fd)
			move := func(from, to string) error {
				return t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: from, NewDir: t.Dir, NewPath: to})
			}
			t.Errno("to where it could be read", move("a/x", "b/x"), unix.EXDEV)
			t.Errno("to where it could not", move("a/x", "x"), 0)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "moving without the right to make", Alone: true, Run: func(t *T) {
			t.Landlock(2)
			t.Mkdir("a")
			t.Mkdir("b")
			t.File("a/x", "")
			fd := t.Ruleset(2, posix.LandlockRulesetAttr{HandledAccessFS: fsRefer | fsMakeReg})
			t.Allow(fd, fsRefer, t.Dir)
			t.Restrict(fd)
			t.Errno("rename", t.Core.Renameat2(posix.Rename{OldDir: t.Dir, OldPath: "a/x", NewDir: t.Dir, NewPath: "b/x"}), unix.EACCES)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "truncating", Alone: true, Run: func(t *T) {
			t.Landlock(3)
			before := t.File("x", "text")
			fd := t.Ruleset(3, posix.LandlockRulesetAttr{HandledAccessFS: unix.LANDLOCK_ACCESS_FS_TRUNCATE})
			t.Restrict(fd)
			t.OpenErrno("x", unix.O_WRONLY|unix.O_TRUNC, unix.EACCES)
			after := t.Open("x", unix.O_WRONLY)
			t.Errno("ftruncate of what was opened before", t.Core.Ftruncate(before, 2), 0)
			t.Errno("ftruncate of what was opened after", t.Core.Ftruncate(after, 1), unix.EACCES)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "mounts", Alone: true, Need: Root, Run: func(t *T) {
			t.OwnMounts()
			t.Mkdir("d")
			m := t.Tmpfs(0)
			t.Attach(m, "d")
			again := t.Tmpfs(0)
			t.Restrict(t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsReadDir}))
			t.Errno("umount2", t.Core.Umount2(t.Path+"/d", 0), unix.EPERM)
			t.Errno("umount2 of what is no mount", t.Core.Umount2(t.Path, 0), unix.EINVAL)
			t.Errno("move_mount", t.Core.MoveMount(posix.Move{FromDir: again, ToDir: t.Dir, ToPath: "d", Flags: unix.MOVE_MOUNT_F_EMPTY_PATH}), unix.EPERM)
			t.Errno("move_mount to nothing",
				t.Core.MoveMount(posix.Move{FromDir: again, ToDir: t.Dir, ToPath: "no", Flags: unix.MOVE_MOUNT_F_EMPTY_PATH}), unix.ENOENT)
		}},
		{Op: posix.OpLandlockRestrictSelf, Name: "inherited by a child", Alone: true, Run: func(t *T) {
			fd := t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsMakeDir})
			t.Restrict(fd)
			var b builder
			cwd := posix.AtFDCWD
			b.call(unix.SYS_MKDIRAT, posix.Arg{Value: uint64(cwd)}, b.bytes([]byte(t.Path+"/d\x00")), posix.Arg{Value: 0o700})
			child, err := t.Core.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: &posix.Program{Steps: b.steps, Memory: b.memory}})
			t.Must("clone3", err)
			t.Cleanup(func() { _ = t.Core.Close(child.Pidfd) })
			t.Must("waitid", t.Core.Waitid(posix.PPidfd, int(child.Pidfd), &posix.WaitInfo{}, unix.WEXITED))
			if child.Failed == nil || child.Failed.Errno != unix.EACCES {
				t.Errorf("mkdir in the child: %+v, want EACCES", child.Failed)
			}
		}},
	}
}
