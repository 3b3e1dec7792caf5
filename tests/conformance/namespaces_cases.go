package conformance

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func namespacesCases() []Case {
	return slices.Concat(deniedMountCases(), fsopenCases(), fsOptionCases(), enterByNameCases(), mountCases(), enterCases())
}

// OwnMounts puts the process into a mount namespace of its own, from which nothing reaches others, and makes Dir the directory in there.
func (t *T) OwnMounts() {
	t.Helper()
	t.Must("unshare CLONE_NEWNS", t.Core.Unshare(unix.CLONE_NEWNS))
	t.Must("mount_setattr /", t.Core.MountSetattr(posix.AtFDCWD, "/", unix.AT_RECURSIVE, &posix.MountAttr{Propagation: unix.MS_PRIVATE}))
	// Dir is of the old one, where nothing can be attached any more.
	t.Dir = t.FD(t.Core.Openat2(posix.AtFDCWD, t.Path, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC}))
}

// Tmpfs returns a detached mount of a new tmpfs.
func (t *T) Tmpfs(attrs uint32, options ...string) posix.FD {
	t.Helper()
	fs := t.FD(t.Core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC))
	for i := 0; i < len(options); i += 2 {
		t.Must("fsconfig "+options[i], t.Core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_SET_STRING, Key: options[i], Value: options[i+1]}))
	}
	t.Must("fsconfig create", t.Core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_CMD_CREATE}))
	return t.FD(t.Core.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attrs))
}

// Attach attaches a detached mount to a name in Dir.
func (t *T) Attach(mount posix.FD, name string) {
	t.Helper()
	t.Must("move_mount to "+name, t.Core.MoveMount(posix.Move{FromDir: mount, ToDir: t.Dir, ToPath: name, Flags: unix.MOVE_MOUNT_F_EMPTY_PATH}))
}

// deniedMountCases are what one may not do without capabilities, and what is wrong before anybody asks for them.
func deniedMountCases() []Case {
	return []Case{
		{Op: posix.OpFsopen, Name: "without the capability", Need: User, Run: func(t *T) {
			_, err := t.Core.Fsopen("tmpfs", 0)
			t.Errno("fsopen", err, unix.EPERM)
			_, err = t.Core.Fsopen("nothing", 1<<20)
			t.Errno("fsopen of nothing", err, unix.EPERM)
		}},
		{Op: posix.OpFsmount, Name: "without the capability", Need: User, Run: func(t *T) {
			_, err := t.Core.Fsmount(-1, 0, 0)
			t.Errno("fsmount", err, unix.EPERM)
			_, err = t.Core.Fsmount(-1, 1<<20, 0)
			t.Errno("fsmount with unknown flags", err, unix.EPERM)
		}},
		{Op: posix.OpFsconfig, Name: "why a parameter was refused", Need: Root, Run: func(t *T) {
			fs := t.FD(t.Core.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC))
			b := make([]byte, 100)
			_, err := t.Core.Read(fs, b)
			t.Errno("nothing to say", err, unix.ENODATA)
			for key, text := range map[string]string{"nonsense": "e tmpfs: Unknown parameter 'nonsense'\n", "mode": "e tmpfs: Bad value for 'mode'\n"} {
				t.Errno(key, t.Core.Fsconfig(posix.FsConfig{FS: fs, Cmd: unix.FSCONFIG_SET_STRING, Key: key, Value: "9"}), unix.EINVAL)
				_, err = t.Core.Read(fs, b[:5])
				t.Errno("no room", err, unix.EMSGSIZE)
				n, err := t.Core.Read(fs, b)
				t.Errno("read", err, 0)
				t.Equal("text", string(b[:n]), text)
			}
			_, err = t.Core.Read(fs, b)
			t.Errno("all is said", err, unix.ENODATA)
		}},
		{Op: posix.OpFsconfig, Name: "of what is no context", Run: func(t *T) {
			create := posix.FsConfig{FS: -1, Cmd: unix.FSCONFIG_CMD_CREATE}
			t.Errno("of -1", t.Core.Fsconfig(create), unix.EINVAL)
			create.FS = 999
			t.Errno("of a closed descriptor", t.Core.Fsconfig(create), unix.EBADF)
			create.FS = t.Dir
			t.Errno("of a directory", t.Core.Fsconfig(create), unix.EINVAL)
			t.Errno("of an unknown command", t.Core.Fsconfig(posix.FsConfig{FS: t.Dir, Cmd: 99}), unix.EINVAL)
		}},
		{Op: posix.OpMoveMount, Name: "without the capability", Need: User, Run: func(t *T) {
			t.Errno("move_mount", t.Core.MoveMount(posix.Move{FromDir: -1, ToDir: -1}), unix.EPERM)
			t.Errno("move_mount with unknown flags", t.Core.MoveMount(posix.Move{FromDir: -1, ToDir: -1, Flags: 1 << 30}), unix.EPERM)
		}},
		{Op: posix.OpMountSetattr, Name: "without the capability", Need: User, Run: func(t *T) {
			t.Errno("mount_setattr", t.Core.MountSetattr(t.Dir, "", unix.AT_EMPTY_PATH, &posix.MountAttr{Set: unix.MOUNT_ATTR_RDONLY}), unix.EPERM)
			t.Errno("with nothing to change", t.Core.MountSetattr(t.Dir, "", unix.AT_EMPTY_PATH, &posix.MountAttr{}), unix.EPERM)
			t.Errno("with unknown flags", t.Core.MountSetattr(t.Dir, "", 1<<30, &posix.MountAttr{}), unix.EINVAL)
		}},
		{Op: posix.OpOpenTree, Name: "a copy without the capability", Need: User, Run: func(t *T) {
			_, err := t.Core.OpenTree(t.Dir, "", unix.OPEN_TREE_CLONE|unix.AT_EMPTY_PATH)
			t.Errno("open_tree", err, unix.EPERM)
			_, err = t.Core.OpenTree(t.Dir, "nothing", unix.OPEN_TREE_CLONE)
			t.Errno("open_tree of nothing", err, unix.EPERM)
		}},
		{Op: posix.OpOpenTree, Name: "without a copy", Run: func(t *T) {
			t.File("x", "text")
			fd := t.FD(t.Core.OpenTree(t.Dir, "x", unix.OPEN_TREE_CLOEXEC))
			var st posix.Stat
			t.Errno("fstat", t.Core.Fstat(fd, &st), 0)
			t.Equal("size", st.Size, int64(4))
			_, err := t.Core.Read(fd, make([]byte, 1))
			t.Errno("read", err, unix.EBADF)
		}},
		{Op: posix.OpOpenTree, Name: "errors in their order", Run: func(t *T) {
			_, err := t.Core.OpenTree(-1, "x", 1<<30)
			t.Errno("unknown flags", err, unix.EINVAL)
			_, err = t.Core.OpenTree(-1, "x", unix.AT_RECURSIVE)
			t.Errno("AT_RECURSIVE without a copy", err, unix.EINVAL)
			_, err = t.Core.OpenTree(-1, "x", 0)
			t.Errno("of -1", err, unix.EBADF)
			_, err = t.Core.OpenTree(t.Dir, "x", 0)
			t.Errno("of nothing", err, unix.ENOENT)
			_, err = t.Core.OpenTree(t.Dir, "", 0)
			t.Errno("of an empty path", err, unix.ENOENT)
		}},
		{Op: posix.OpUmount2, Name: "without the capability", Need: User, Run: func(t *T) {
			t.Errno("umount2", t.Core.Umount2(t.Path, 0), unix.EPERM)
			t.Errno("umount2 of nothing", t.Core.Umount2(t.Path+"/nothing", 0), unix.ENOENT)
			t.Errno("umount2 with unknown flags", t.Core.Umount2(t.Path+"/nothing", 1<<20), unix.EINVAL)
		}},
		{Op: posix.OpUnshare, Name: "without the capability", Need: User, Alone: true, Run: func(t *T) {
			t.Errno("unshare", t.Core.Unshare(unix.CLONE_NEWUTS), unix.EPERM)
			t.Errno("of nothing", t.Core.Unshare(0), 0)
			t.Errno("of descriptors", t.Core.Unshare(unix.CLONE_FILES), 0)
		}},
		{Op: posix.OpUnshare, Name: "what cannot be unshared", Alone: true, Run: func(t *T) {
			t.Errno("unknown flags", t.Core.Unshare(unix.CLONE_PARENT), unix.EINVAL)
			t.Errno("users, with several threads", t.Core.Unshare(unix.CLONE_NEWUSER), unix.EINVAL)
			t.Errno("memory, with several threads", t.Core.Unshare(unix.CLONE_VM), unix.EINVAL)
		}},
		{Op: posix.OpSetns, Name: "of what is no namespace", Run: func(t *T) {
			t.Errno("of -1", t.Core.Setns(-1, 0), unix.EBADF)
			t.Errno("of a directory", t.Core.Setns(t.Dir, 0), unix.EINVAL)
			t.Errno("of an O_PATH descriptor", t.Core.Setns(t.Open(".", unix.O_PATH), 0), unix.EBADF)
		}},
		{Op: posix.OpSetns, Name: "of a pidfd without kinds", Run: func(t *T) {
			fd := t.FD(t.Core.PidfdOpen(t.Core.Getpid(), 0))
			t.Errno("no kinds", t.Core.Setns(fd, 0), unix.EINVAL)
			t.Errno("an unknown kind", t.Core.Setns(fd, unix.CLONE_VM), unix.EINVAL)
		}},
		{Op: posix.OpSetns, Name: "without the capability", Need: User, Alone: true, Run: func(t *T) {
			fd := t.FD(t.Core.PidfdOpen(t.Core.Getpid(), 0))
			t.Errno("setns", t.Core.Setns(fd, unix.CLONE_NEWUTS), unix.EPERM)
		}},
	}
}

// enterCases are about namespaces that one makes and enters.
func enterCases() []Case {
	return []Case{
		{Op: posix.OpUnshare, Name: "a mount namespace", Need: Root, Alone: true, Run: func(t *T) {
			t.OwnMounts()
			t.Mkdir("m")
			t.Attach(t.Tmpfs(0), "m")
			t.OpenErrno("m", unix.O_RDONLY|unix.O_DIRECTORY, 0)
			info := t.Spawn(nil, "exit", "3").Wait()
			t.Equal("status of a child", info.Status, 3)
		}},
		{Op: posix.OpUnshare, Name: "a pid namespace twice", Need: Root, Alone: true, Run: func(t *T) {
			t.Errno("unshare", t.Core.Unshare(unix.CLONE_NEWPID), 0)
			t.Errno("unshare again", t.Core.Unshare(unix.CLONE_NEWPID), unix.EINVAL)
		}},
		{Op: posix.OpUnshare, Name: "many kinds", Need: Root, Alone: true, Run: func(t *T) {
			t.Errno("unshare", t.Core.Unshare(unix.CLONE_NEWUTS|unix.CLONE_NEWIPC|unix.CLONE_NEWCGROUP|unix.CLONE_NEWNET), 0)
		}},
		{Op: posix.OpSetns, Name: "by a pidfd", Need: Root, Alone: true, Run: func(t *T) {
			own := t.FD(t.Core.PidfdOpen(t.Core.Getpid(), 0))
			t.Errno("setns", t.Core.Setns(own, unix.CLONE_NEWUTS|unix.CLONE_NEWIPC), 0)
			t.Errno("a mount namespace while others share the root", t.Core.Setns(own, unix.CLONE_NEWNS), unix.EINVAL)
		}},
		{Op: posix.OpSetns, Name: "to an ended process of somebody else", Need: Root, Alone: true, Run: func(t *T) {
			child := t.Spawn(nil, "exit", "0")
			_, err := t.Core.Ppoll([]posix.PollFD{{FD: child.Pidfd, Events: unix.POLLIN}}, &posix.Timespec{Sec: 60})
			t.Must("ppoll", err)
			t.Must("setresuid", t.Core.Setresuid(posix.Uids{Real: 1000, Effective: 1000, Saved: 1000}))
			t.Errno("setns", t.Core.Setns(child.Pidfd, unix.CLONE_NEWUTS), unix.EPERM)
			child.Wait()
			t.Errno("setns when it is reaped", t.Core.Setns(child.Pidfd, unix.CLONE_NEWUTS), unix.ESRCH)
		}},
		{Op: posix.OpSetns, Name: "out of a Landlock domain", Need: Root, Alone: true, Run: func(t *T) {
			before := t.Spawn(nil, "wait")
			t.Restrict(t.Ruleset(1, posix.LandlockRulesetAttr{HandledAccessFS: fsMakeDir}))
			t.Errno("setns to a process outside", t.Core.Setns(before.Pidfd, unix.CLONE_NEWUTS), unix.EPERM)
			own := t.FD(t.Core.PidfdOpen(t.Core.Getpid(), 0))
			t.Errno("setns to oneself", t.Core.Setns(own, unix.CLONE_NEWUTS), 0)
		}},
		{Op: posix.OpSetns, Name: "to an ended process with more capabilities", Need: Root, Alone: true, Run: func(t *T) {
			child := t.Spawn(nil, "exit", "0")
			_, err := t.Core.Ppoll([]posix.PollFD{{FD: child.Pidfd, Events: unix.POLLIN}}, &posix.Timespec{Sec: 60})
			t.Must("ppoll", err)
			t.Must("capset", t.Core.Capset(&posix.CapSets{}))
			t.Errno("setns", t.Core.Setns(child.Pidfd, unix.CLONE_NEWUTS), unix.EPERM)
			child.Wait()
		}},
		{Op: posix.OpSetns, Name: "to a process that has ended", Need: Root, Alone: true, Run: func(t *T) {
			child := t.Spawn(nil, "exit", "0")
			child.Wait()
			t.Errno("setns", t.Core.Setns(child.Pidfd, unix.CLONE_NEWUTS), unix.ESRCH)
		}},
	}
}
