package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// What one may want to do with a file, as in access(2).
const (
	mayExec  uint32 = 1
	mayWrite uint32 = 2
	mayRead  uint32 = 4
)

// permission says whether the process may do what mask says with a file: EACCES, or EROFS. Source: inode_permission() in fs/namei.c.
func (p *Process) permission(n *inode, mask uint32) posix.Errno {
	if mask&mayWrite != 0 && n.super.readonly {
		switch n.format() {
		case unix.S_IFREG, unix.S_IFDIR, unix.S_IFLNK:
			return erofs
		}
	}
	bits := n.mode
	switch {
	case p.cred.uids.Effective == n.uid:
		bits >>= 6
	case bits>>3&7 == bits&7:
		// Whether it is in the group makes no difference.
	case p.inGroup(n.gid):
		bits >>= 3
	}
	mask &= mayRead | mayWrite | mayExec
	if bits&mask == mask {
		return 0
	}
	if n.isDir() {
		if mask&mayWrite == 0 && p.capable(n, unix.CAP_DAC_READ_SEARCH) || p.capable(n, unix.CAP_DAC_OVERRIDE) {
			return 0
		}
		return eacces
	}
	if mask == mayRead && p.capable(n, unix.CAP_DAC_READ_SEARCH) {
		return 0
	}
	if (mask&mayExec == 0 || n.mode&0o111 != 0) && p.capable(n, unix.CAP_DAC_OVERRIDE) {
		return 0
	}
	return eacces
}

// inGroup tells whether gid is the effective group or one of the supplementary ones.
func (p *Process) inGroup(gid posix.GID) bool {
	return p.cred.gids.Effective == gid || slices.Contains(p.cred.groups, gid)
}

// capable tells whether a capability is effective for what is done to an inode.
func (p *Process) capable(n *inode, capability int) bool { return p.cred.has(capability) }

// owns tells whether the process is the owner of a file, or may act as one. Source: inode_owner_or_capable() in fs/inode.c.
func (p *Process) owns(n *inode) bool {
	return p.cred.uids.Effective == n.uid || p.capable(n, unix.CAP_FOWNER)
}

// mayMake says whether a name may be added to a directory. Source: may_create() in fs/namei.c.
func (p *Process) mayMake(at *entry) posix.Errno {
	if at.inode.dead() {
		return enoent
	}
	return p.permission(at.inode, mayWrite|mayExec)
}

// mayRemove says whether a name may be taken out of a directory. Source: may_delete() in fs/namei.c.
func (p *Process) mayRemove(at, victim *entry, directory bool) posix.Errno {
	if errno := p.permission(at.inode, mayWrite|mayExec); errno != 0 {
		return errno
	}
	n := victim.inode
	if at.inode.mode&unix.S_ISVTX != 0 && n.uid != p.cred.uids.Effective && at.inode.uid != p.cred.uids.Effective && !p.capable(n, unix.CAP_FOWNER) {
		return eperm
	}
	switch {
	case directory && !n.isDir():
		return enotdir
	case !directory && n.isDir():
		return eisdir
	case at.inode.dead():
		return enoent
	}
	return 0
}
