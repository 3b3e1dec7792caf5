package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Fchmodat implements [posix.Files].
func (p *Process) Fchmodat(dir posix.FD, path string, mode uint32) error {
	if hasNUL(path) {
		return einval
	}
	c, errno := p.enter(posix.OpFchmodat, uint64(dir), 1, uint64(mode))
	if errno == 0 {
		errno = p.fchmodat(dir, path, mode)
	}
	return c.leave(errno)
}

func (p *Process) fchmodat(dir posix.FD, path string, mode uint32) posix.Errno {
	at, errno := p.lookup(dir, path, follow)
	if errno != 0 {
		return errno
	}
	return p.chmod(at, mode)
}

// chmod sets permission bits. Source: chmod_common() in fs/open.c, setattr_prepare() in fs/attr.c, shmem_setattr() in mm/shmem.c.
func (p *Process) chmod(at spot, mode uint32) posix.Errno {
	n := at.entry.inode
	if at.mount.readonly() {
		return erofs
	}
	if !p.owns(n) {
		return eperm
	}
	if n.isLink() {
		return eopnotsupp
	}
	mode &= 0o7777
	if !p.inGroup(n.gid) && !p.capable(n, unix.CAP_FSETID) {
		mode &^= unix.S_ISGID
	}
	if r, ok := n.body.(*regular); ok && r.seals&unix.F_SEAL_EXEC != 0 && (mode^n.mode)&0o111 != 0 {
		return eperm
	}
	n = n.settable()
	if n == nil {
		return eopnotsupp
	}
	n.mode = n.format() | mode
	n.changed()
	return 0
}

// settable returns the inode whose mode, owner and times are set. Of what has no place, pipes and sockets have one of their own; the others share one
// that nobody changes: nil. Source: anon_inode_setattr() in fs/anon_inodes.c, pidfs_setattr() in fs/pidfs.c.
func (n *inode) settable() *inode {
	s, ok := n.body.(strayBody)
	if !ok {
		return n
	}
	switch o := s.f.object.(type) {
	case *pipeEnd:
		return o.node
	case interface{ base() *sockBase }:
		return o.base().node
	}
	return nil
}

// Fchownat implements [posix.Files].
func (p *Process) Fchownat(a posix.Chown) error {
	if hasNUL(a.Path) {
		return einval
	}
	c, errno := p.enter(posix.OpFchownat, uint64(a.Dir), 1, uint64(a.UID), uint64(a.GID), uint64(a.Flags))
	if errno == 0 {
		errno = p.fchownat(a)
	}
	return c.leave(errno)
}

func (p *Process) fchownat(a posix.Chown) posix.Errno {
	if a.Flags&^(unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH) != 0 {
		return einval
	}
	at, errno := p.lookup(a.Dir, a.Path, lookupFlags(a.Flags))
	if errno != 0 {
		return errno
	}
	return p.chown(at, a.UID, a.GID)
}

// chown sets owner and group; ^0 leaves one. Source: chown_common() in fs/open.c, setattr_prepare() in fs/attr.c.
func (p *Process) chown(at spot, uid posix.UID, gid posix.GID) posix.Errno {
	n := at.entry.inode.settable()
	switch {
	case at.mount.readonly():
		return erofs
	case n == nil:
		return eopnotsupp
	}
	if uid != ^posix.UID(0) {
		var ok bool
		if uid, ok = p.cred.user.uid(uid); !ok {
			return einval
		}
	}
	if gid != ^posix.GID(0) {
		var ok bool
		if gid, ok = p.cred.user.gid(gid); !ok {
			return einval
		}
	}
	mine := p.cred.uids.Effective == n.uid
	if uid != ^posix.UID(0) && !(mine && uid == n.uid) && !p.capable(n, unix.CAP_CHOWN) {
		return eperm
	}
	if gid != ^posix.GID(0) && !(mine && (gid == n.gid || p.inGroup(gid))) && !p.capable(n, unix.CAP_CHOWN) {
		return eperm
	}
	if !n.isDir() {
		drop := n.mode & unix.S_ISUID
		if n.mode&unix.S_ISGID != 0 && (n.mode&unix.S_IXGRP != 0 || !p.inGroup(n.gid) && !p.capable(n, unix.CAP_FSETID)) {
			drop |= unix.S_ISGID
		}
		if drop != 0 && !p.owns(n) {
			return eperm
		}
		n.mode &^= drop
		n.caps = nil
	}
	if uid != ^posix.UID(0) {
		n.uid = uid
	}
	if gid != ^posix.GID(0) {
		n.gid = gid
	}
	n.changed()
	return 0
}

// Utimensat implements [posix.Files].
func (p *Process) Utimensat(u posix.Utimes) error {
	if hasNUL(u.Path) {
		return einval
	}
	c, errno := p.enter(posix.OpUtimensat, uint64(u.Dir), 1, 1, uint64(u.Flags))
	if errno == 0 {
		errno = p.utimensat(u)
	}
	return c.leave(errno)
}

// utimensat keeps the order of checks of do_utimes() and vfs_utimes() in fs/utimes.c.
func (p *Process) utimensat(u posix.Utimes) posix.Errno {
	if u.Atime.Nsec == unix.UTIME_OMIT && u.Mtime.Nsec == unix.UTIME_OMIT {
		return 0
	}
	if u.Flags&^(unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH) != 0 {
		return einval
	}
	at, errno := p.lookup(u.Dir, u.Path, lookupFlags(u.Flags))
	if errno != 0 {
		return errno
	}
	if !timeValid(u.Atime) || !timeValid(u.Mtime) {
		return einval
	}
	if at.mount.readonly() {
		return erofs
	}
	n := at.entry.inode.settable()
	if n == nil {
		return eopnotsupp
	}
	if !p.owns(n) {
		if u.Atime.Nsec != unix.UTIME_NOW || u.Mtime.Nsec != unix.UTIME_NOW {
			return eperm
		}
		if errno := p.permission(n, mayWrite); errno != 0 {
			return errno
		}
	}
	n.changed()
	n.atime = stamp(u.Atime, n.atime, n.ctime)
	n.mtime = stamp(u.Mtime, n.mtime, n.ctime)
	return 0
}

func timeValid(t posix.Timespec) bool {
	return t.Nsec == unix.UTIME_NOW || t.Nsec == unix.UTIME_OMIT || t.Nsec >= 0 && t.Nsec < 1e9
}

// stamp is the time that is meant.
func stamp(t, old, now posix.Timespec) posix.Timespec {
	switch t.Nsec {
	case unix.UTIME_NOW:
		return now
	case unix.UTIME_OMIT:
		return old
	}
	return t
}

// Faccessat2 implements [posix.Files].
func (p *Process) Faccessat2(dir posix.FD, path string, mode int, flags int) error {
	if hasNUL(path) {
		return einval
	}
	c, errno := p.enter(posix.OpFaccessat2, uint64(dir), 1, uint64(mode), uint64(flags))
	if errno == 0 {
		errno = p.faccessat(dir, path, mode, flags)
	}
	return c.leave(errno)
}

func (p *Process) faccessat(dir posix.FD, path string, mode int, flags int) posix.Errno {
	if uint32(mode)&^7 != 0 || uint32(flags)&^(unix.AT_EACCESS|unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH) != 0 {
		return einval
	}
	if flags&unix.AT_EACCESS == 0 {
		cred := p.cred
		defer func() { p.cred = cred }()
		p.cred.uids.Effective, p.cred.gids.Effective = cred.uids.Real, cred.gids.Real
		// Source: access_override_creds() in fs/open.c.
		if cred.uids.Real != 0 {
			p.cred.caps.Effective = 0
		} else {
			p.cred.caps.Effective = cred.caps.Permitted
		}
	}
	at, errno := p.lookup(dir, path, lookupFlags(flags))
	if errno != 0 {
		return errno
	}
	n := at.entry.inode
	noexec := at.mount.flags&unix.MOUNT_ATTR_NOEXEC != 0 && n.isReg()
	if s, ok := n.body.(strayBody); ok {
		_, noexec = s.f.object.(*pidfd) // a regular file without execution, inside: pidfs_init_inode in fs/pidfs.c
	}
	if uint32(mode)&mayExec != 0 && noexec {
		return eacces
	}
	if errno := p.permission(n, uint32(mode)); errno != 0 {
		return errno
	}
	if uint32(mode)&mayWrite != 0 && at.mount.readonly() {
		switch n.format() {
		case unix.S_IFREG, unix.S_IFDIR, unix.S_IFLNK:
			return erofs
		}
	}
	return 0
}
