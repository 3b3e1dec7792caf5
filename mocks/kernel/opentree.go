package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// OpenTree implements [posix.Namespaces].
func (p *Process) OpenTree(dir posix.FD, path string, flags uint32) (posix.FD, error) {
	if hasNUL(path) {
		return -1, einval
	}
	c, errno := p.enter(posix.OpOpenTree, uint64(dir), somewhere, uint64(flags))
	fd := posix.FD(-1)
	if errno == 0 {
		fd, errno = p.openTree(dir, path, flags)
	}
	return fd, c.leave(errno)
}

// openTree keeps the order of open_tree in fs/namespace.c.
func (p *Process) openTree(dir posix.FD, path string, flags uint32) (posix.FD, posix.Errno) {
	const known = unix.AT_EMPTY_PATH | unix.AT_NO_AUTOMOUNT | unix.AT_RECURSIVE | unix.AT_SYMLINK_NOFOLLOW | unix.OPEN_TREE_CLONE |
		unix.OPEN_TREE_CLOEXEC
	clone := flags&unix.OPEN_TREE_CLONE != 0
	if flags&^known != 0 || flags&unix.AT_RECURSIVE != 0 && !clone {
		return -1, einval
	}
	if clone {
		if errno := p.mayMount(); errno != 0 {
			return -1, errno
		}
	}
	if !p.hasRoom() {
		return -1, emfile
	}
	how := follow
	if flags&unix.AT_SYMLINK_NOFOLLOW != 0 {
		how = 0
	}
	if flags&unix.AT_EMPTY_PATH != 0 {
		how |= emptyPath
	}
	at, errno := p.lookup(dir, path, how)
	if errno != 0 {
		return -1, errno
	}
	cloexec := flags&unix.OPEN_TREE_CLOEXEC != 0
	if !clone {
		f, errno := p.describe(at, oPath)
		if errno != 0 {
			return -1, errno
		}
		return p.install(f, 0, cloexec)
	}
	deep := flags&unix.AT_RECURSIVE != 0
	switch {
	case !p.mayCopy(at.mount), !deep && at.hidesLocked():
		return -1, einval
	}
	return p.describeTree(at.mount.copyTree(at.entry, deep, nil), cloexec)
}

// hasRoom tells whether there is a free number for a descriptor.
func (p *Process) hasRoom() bool {
	at := p.fds.free
	for at < len(p.fds.slots) && p.fds.slots[at].file != nil {
		at++
	}
	return uint64(at) < p.limits[rlimitNofile].Soft
}

// mayCopy tells whether a mount may be copied: it is in the mount namespace of the process, or the detached one of a descriptor. Source:
// may_copy_tree.
func (p *Process) mayCopy(m *mount) bool {
	return m.ns == p.ns.mnt || m.ns == nil && !m.gone && m != p.k.tree.hidden
}

// hidesLocked tells whether a copy without what is mounted below would show what a locked mount hides.
func (s spot) hidesLocked() bool {
	for on, child := range s.mount.over {
		if child.locked && on.within(s.entry) {
			return true
		}
	}
	return false
}

// MoveMount implements [posix.Namespaces].
func (p *Process) MoveMount(m posix.Move) error {
	if hasNUL(m.FromPath) || hasNUL(m.ToPath) {
		return einval
	}
	c, errno := p.enter(posix.OpMoveMount, uint64(m.FromDir), somewhere, uint64(m.ToDir), somewhere, uint64(m.Flags))
	if errno == 0 {
		errno = p.moveMount(m)
	}
	return c.leave(errno)
}

const moveMountBeneath = 0x200 // MOVE_MOUNT_BENEATH

func (p *Process) moveMount(m posix.Move) posix.Errno {
	const known = unix.MOVE_MOUNT_F_SYMLINKS | unix.MOVE_MOUNT_F_AUTOMOUNTS | unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_SYMLINKS |
		unix.MOVE_MOUNT_T_AUTOMOUNTS | unix.MOVE_MOUNT_T_EMPTY_PATH | unix.MOVE_MOUNT_SET_GROUP | moveMountBeneath
	if errno := p.mayMount(); errno != 0 {
		return errno
	}
	if m.Flags&^known != 0 || m.Flags&(unix.MOVE_MOUNT_SET_GROUP|moveMountBeneath) == unix.MOVE_MOUNT_SET_GROUP|moveMountBeneath {
		return einval
	}
	var fromHow, toHow lookup
	for _, f := range [...]struct {
		flag uint32
		how  *lookup
		is   lookup
	}{
		{unix.MOVE_MOUNT_F_SYMLINKS, &fromHow, follow}, {unix.MOVE_MOUNT_F_EMPTY_PATH, &fromHow, emptyPath},
		{unix.MOVE_MOUNT_T_SYMLINKS, &toHow, follow}, {unix.MOVE_MOUNT_T_EMPTY_PATH, &toHow, emptyPath},
	} {
		if m.Flags&f.flag != 0 {
			*f.how |= f.is
		}
	}
	to, errno := p.lookup(m.ToDir, m.ToPath, toHow)
	if errno != 0 {
		return errno
	}
	from, errno := p.lookup(m.FromDir, m.FromPath, fromHow)
	if errno != 0 {
		return errno
	}
	if errno := p.landlockMounts(); errno != 0 {
		return errno
	}
	if m.Flags&(unix.MOVE_MOUNT_SET_GROUP|moveMountBeneath) != 0 {
		return einval // this kernel has neither
	}
	return p.moveTree(from, to)
}

// moveTree attaches a mount somewhere else. Source: do_move_mount in fs/namespace.c.
func (p *Process) moveTree(from, to spot) posix.Errno {
	to = top(to)
	m := from.mount
	if to.entry.removed || to.entry.inode.dead() {
		return enoent
	}
	if m.ns == p.ns.mnt {
		if m.parent == nil || m.locked || m.parent.shared || to.mount.ns != p.ns.mnt {
			return einval
		}
	} else if m.gone || to.mount.gone || m.ns != nil || m.parent != nil || m == p.k.tree.hidden || to.mount.isIn(m) ||
		to.mount.ns != p.ns.mnt && (to.mount.ns != nil || to.mount == p.k.tree.hidden) {
		return einval
	}
	switch {
	case !from.isRoot(), from.entry.inode.isDir() != to.entry.inode.isDir():
		return einval
	case to.mount.isIn(m):
		return eloop
	}
	m.detach()
	m.attach(to)
	return 0
}
