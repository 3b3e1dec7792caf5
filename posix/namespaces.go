package posix

// Move holds the arguments of [Namespaces.MoveMount].
type Move struct {
	FromDir  FD
	FromPath string
	ToDir    FD
	ToPath   string
	Flags    uint32 // MOVE_MOUNT_…
}

// MountAttr changes a mount. Source: mount_setattr(2), struct mount_attr.
type MountAttr struct {
	Set, Clear  uint64 // MOUNT_ATTR_…
	Propagation uint64 // MS_PRIVATE … or 0
	UserNS      FD     // with MOUNT_ATTR_IDMAP
}

// FsConfig holds the arguments of [Namespaces.Fsconfig]. Source: fsconfig(2).
type FsConfig struct {
	FS    FD
	Cmd   uint32 // FSCONFIG_SET_FLAG, FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE
	Key   string // empty with FSCONFIG_CMD_CREATE
	Value string // with FSCONFIG_SET_STRING
}

// Namespaces enters namespaces and makes mounts that are not attached anywhere yet.
type Namespaces interface {
	// Setns moves the calling thread into the namespace of fd; with CLONE_NEWPID only children that it creates later.
	// The calling goroutine must be locked to its thread. Errors: EBADF, EINVAL, EPERM, ENOMEM. Source: setns(2).
	//posix:calls setns
	//posix:retry never the thread may be there already, and from there the descriptor may mean something else
	Setns(fd FD, nstype int) error

	// OpenTree opens path, or with OPEN_TREE_CLONE a detached copy of its mount, which goes away with the last descriptor.
	// The caller owns it. Errors: EACCES, EINVAL (another mount namespace), EMFILE, ENOENT, EPERM. Source: open_tree(2).
	//posix:calls open_tree
	//posix:retry retry nothing was opened or copied
	OpenTree(dir FD, path string, flags uint32) (FD, error)

	// MoveMount attaches a detached mount, or moves one. Errors: EBUSY, EINVAL, ELOOP, ENOENT, ENOTDIR, EPERM.
	// Source: move_mount(2).
	//posix:calls move_mount
	//posix:retry never the mount may have moved, and from there it would move again
	MoveMount(m Move) error

	// MountSetattr changes the mount of dir and path. flags: AT_EMPTY_PATH, AT_RECURSIVE.
	// Errors: EBUSY (writers), EINVAL, EPERM (a locked flag). Source: mount_setattr(2).
	//posix:calls mount_setattr
	//posix:retry never the kernel does not answer EINTR here; mounts are not changed on a guess
	//posix:reads attr
	MountSetattr(dir FD, path string, flags int, attr *MountAttr) error

	// Fsopen starts the set-up of a new file system; the caller owns the descriptor. flags: FSOPEN_CLOEXEC. A proc belongs
	// to the pid namespace for children of the calling thread. Errors: ENODEV, EPERM, EMFILE. Source: fsopen(2).
	//posix:calls fsopen
	//posix:retry retry nothing was made
	Fsopen(fsname string, flags uint32) (FD, error)

	// Fsconfig sets a parameter or creates the file system. Errors: EINVAL (an unknown parameter), EBUSY, EPERM. Source: fsconfig(2).
	//posix:calls fsconfig
	//posix:retry never an interrupted FSCONFIG_CMD_CREATE leaves a context that has failed for good
	Fsconfig(c FsConfig) error

	// Fsmount makes a detached mount of a file system that was created; the caller owns it. flags: FSMOUNT_CLOEXEC;
	// attrs: MOUNT_ATTR_…. Errors: EPERM (proc or sysfs would reveal what is hidden), EMFILE. Source: fsmount(2).
	//posix:calls fsmount
	//posix:retry retry EINTR is answered only while it waits for the context, before anything is made
	Fsmount(fs FD, flags uint32, attrs uint32) (FD, error)

	// Unshare moves the calling thread into new namespaces; with CLONE_NEWPID only children that it creates later. The calling goroutine must be locked
	// to its thread and never unlocked, so that the thread ends with it. CLONE_NEWUSER is EINVAL in a Go program, which has several threads.
	// Errors: EINVAL, ENOMEM, ENOSPC (too many namespaces), EPERM. Source: unshare(2).
	//posix:calls unshare
	//posix:retry never part of the namespaces might be new already
	Unshare(flags int) error

	// Umount2 takes away the mount at path. flags: MNT_DETACH, MNT_FORCE, UMOUNT_NOFOLLOW. Errors: EBUSY, EINVAL (not a mount, or locked), ENOENT,
	// EPERM. Source: umount2(2).
	//posix:calls umount2
	//posix:retry never the mount may be gone, and what was below it would be next
	Umount2(path string, flags int) error
}
