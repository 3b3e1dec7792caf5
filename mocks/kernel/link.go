package kernel

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Linkat implements [posix.Files].
func (p *Process) Linkat(l posix.Link) error {
	if hasNUL(l.OldPath) || hasNUL(l.NewPath) {
		return einval
	}
	c, errno := p.enter(posix.OpLinkat, uint64(l.OldDir), 1, uint64(l.NewDir), 1, uint64(l.Flags))
	if errno == 0 {
		errno = p.linkat(l)
	}
	return c.leave(errno)
}

// linkat keeps the order of checks of do_linkat(), may_linkat() and vfs_link() in fs/namei.c.
func (p *Process) linkat(l posix.Link) posix.Errno {
	if l.Flags&^(unix.AT_SYMLINK_FOLLOW|unix.AT_EMPTY_PATH) != 0 {
		return einval
	}
	flags := lookup(0)
	if l.Flags&unix.AT_SYMLINK_FOLLOW != 0 {
		flags |= follow
	}
	if l.Flags&unix.AT_EMPTY_PATH != 0 {
		flags |= emptyPath
	}
	if flags&emptyPath != 0 && l.OldDir != posix.AtFDCWD && !strings.HasPrefix(l.OldPath, "/") && len(l.OldPath) < unix.PathMax {
		// Whoever opened it may link it, or what is in it; anybody else needs the capability. Source: path_init() in fs/namei.c.
		f := p.fds.get(l.OldDir)
		if f == nil {
			return ebadf
		}
		if f.opener.which != p.cred.which && !p.cred.has(unix.CAP_DAC_READ_SEARCH) {
			return enoent
		}
	}
	old, errno := p.lookup(l.OldDir, l.OldPath, flags)
	if errno != 0 {
		return errno
	}
	w, errno := p.create(l.NewDir, l.NewPath, false)
	if errno != 0 {
		return errno
	}
	n := old.entry.inode
	if old.mount != w.cur.mount {
		return exdev
	}
	if !p.mayLink(n) {
		return eperm
	}
	at := w.cur.entry
	if errno := p.landlockRefer(w.cur.mount, old.entry.parent, old.entry, at, nil, false, false); errno != 0 {
		return errno
	}
	if errno := p.mayMake(at); errno != 0 {
		return errno
	}
	if n.isDir() {
		return eperm
	}
	if d := dirOf(at); d.special != nil && !d.special.writable() {
		return eperm
	}
	if n.nlink == 0 && !old.entry.linkable {
		return enoent
	}
	if s := n.super; n.nlink > 0 && s.inodes != 0 {
		// A name takes as much room as an inode. Source: shmem_link() in mm/shmem.c.
		if s.inUse >= s.inodes {
			return enospc
		}
	}
	old.entry.linkable = false
	n.nlink++
	dirOf(at).add(at, w.name, n)
	at.inode.modified()
	n.changed()
	return 0
}

// mayLink says whether fs.protected_hardlinks lets the process make a link to n. Source: may_linkat() in fs/namei.c.
func (p *Process) mayLink(n *inode) bool {
	if !p.k.tree.protectedHardlinks || p.owns(n) {
		return true
	}
	return n.isReg() && n.mode&unix.S_ISUID == 0 && n.mode&(unix.S_ISGID|unix.S_IXGRP) != unix.S_ISGID|unix.S_IXGRP &&
		p.permission(n, mayRead|mayWrite) == 0
}
