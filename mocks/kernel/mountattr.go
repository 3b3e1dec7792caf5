package kernel

import (
	"math/bits"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// mountAttrs are the attributes that mounts have. MOUNT_ATTR_RELATIME is 0.
const mountAttrs = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR__ATIME |
	unix.MOUNT_ATTR_NODIRATIME | unix.MOUNT_ATTR_NOSYMFOLLOW

// MountSetattr implements [posix.Namespaces].
func (p *Process) MountSetattr(dir posix.FD, path string, flags int, attr *posix.MountAttr) error {
	if hasNUL(path) {
		return einval
	}
	c, errno := p.enter(posix.OpMountSetattr, uint64(dir), somewhere, uint64(flags), somewhere, 32)
	if errno == 0 {
		errno = p.mountSetattr(dir, path, flags, attr)
	}
	return c.leave(errno)
}

// mountSetattr keeps the order of mount_setattr in fs/namespace.c.
func (p *Process) mountSetattr(dir posix.FD, path string, flags int, attr *posix.MountAttr) posix.Errno {
	if flags&^(unix.AT_EMPTY_PATH|unix.AT_RECURSIVE|unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT) != 0 {
		return einval
	}
	if errno := p.mayMount(); errno != 0 {
		return errno
	}
	if attr.Set|attr.Clear|attr.Propagation == 0 {
		return 0
	}
	if errno := p.checkMountAttr(attr); errno != 0 {
		return errno
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
		return errno
	}
	if !at.isRoot() || at.mount.gone || at.mount.ns != p.ns.mnt && (at.mount.ns != nil || at.mount == p.k.tree.hidden) {
		return einval
	}
	mounts := []*mount{at.mount}
	if flags&unix.AT_RECURSIVE != 0 {
		mounts = mounts[:0]
		at.mount.each(func(m *mount) { mounts = append(mounts, m) })
	}
	for _, m := range mounts {
		const lockable = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
		switch {
		case m.locked && attr.Clear&^attr.Set&m.flags&lockable != 0:
			return eperm
		case attr.Set&unix.MOUNT_ATTR_RDONLY != 0 && m.flags&unix.MOUNT_ATTR_RDONLY == 0 && m.hasWriters(p.k):
			return ebusy
		}
	}
	for _, m := range mounts {
		m.flags = m.flags&^attr.Clear | attr.Set
		if attr.Propagation != 0 {
			m.shared = attr.Propagation == unix.MS_SHARED
		}
	}
	return 0
}

// checkMountAttr is build_mount_kattr in fs/namespace.c.
func (p *Process) checkMountAttr(attr *posix.MountAttr) posix.Errno {
	const propagation = unix.MS_UNBINDABLE | unix.MS_PRIVATE | unix.MS_SLAVE | unix.MS_SHARED
	switch {
	case attr.Propagation&^propagation != 0, bits.OnesCount64(attr.Propagation) > 1,
		(attr.Set|attr.Clear)&^(mountAttrs|unix.MOUNT_ATTR_IDMAP) != 0:
		return einval
	}
	if times := attr.Clear & unix.MOUNT_ATTR__ATIME; times != 0 {
		if times != unix.MOUNT_ATTR__ATIME {
			return einval
		}
		switch attr.Set & unix.MOUNT_ATTR__ATIME {
		case unix.MOUNT_ATTR_RELATIME, unix.MOUNT_ATTR_NOATIME, unix.MOUNT_ATTR_STRICTATIME:
		default:
			return einval
		}
	} else if attr.Set&unix.MOUNT_ATTR__ATIME != 0 {
		return einval
	}
	if (attr.Set|attr.Clear)&unix.MOUNT_ATTR_IDMAP != 0 {
		if _, errno := p.file(attr.UserNS); errno != 0 && attr.Clear&unix.MOUNT_ATTR_IDMAP == 0 {
			return errno
		}
		return einval // no file system of this kernel takes maps
	}
	return 0
}
