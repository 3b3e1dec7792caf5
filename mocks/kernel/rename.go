package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Renameat2 implements [posix.Files].
func (p *Process) Renameat2(r posix.Rename) error {
	if hasNUL(r.OldPath) || hasNUL(r.NewPath) {
		return einval
	}
	c, errno := p.enter(posix.OpRenameat2, uint64(r.OldDir), 1, uint64(r.NewDir), 1, uint64(r.Flags))
	if errno == 0 {
		errno = p.renameat(r)
	}
	return c.leave(errno)
}

// renaming is a rename whose two directories have been found.
type renaming struct {
	p        *Process
	from, to walk
	flags    uint32
	old, new *entry // new is nil when there is nothing of the name
}

// renameat keeps the order of checks of do_renameat2() in fs/namei.c.
func (p *Process) renameat(a posix.Rename) posix.Errno {
	const known = unix.RENAME_NOREPLACE | unix.RENAME_EXCHANGE | unix.RENAME_WHITEOUT
	if a.Flags&^known != 0 || a.Flags&unix.RENAME_EXCHANGE != 0 && a.Flags&(unix.RENAME_NOREPLACE|unix.RENAME_WHITEOUT) != 0 {
		return einval
	}
	from, errno := p.parentOf(a.OldDir, a.OldPath)
	if errno != 0 {
		return errno
	}
	to, errno := p.parentOf(a.NewDir, a.NewPath)
	if errno != 0 {
		return errno
	}
	switch {
	case from.cur.mount != to.cur.mount:
		return exdev
	case from.kind != lastName:
		return ebusy
	case to.kind != lastName && a.Flags&unix.RENAME_NOREPLACE != 0:
		return eexist
	case to.kind != lastName:
		return ebusy
	case from.cur.mount.readonly():
		return erofs
	}
	r := renaming{p: p, from: from, to: to, flags: a.Flags}
	if errno := r.find(); errno != 0 {
		return errno
	}
	return r.do()
}

// find looks both names up, and checks that they fit.
func (r *renaming) find() (errno posix.Errno) {
	if r.old, errno = r.p.find(r.from.cur.entry, r.from.name); errno != 0 {
		return errno
	}
	if r.old == nil {
		return enoent
	}
	if r.new, errno = r.p.find(r.to.cur.entry, r.to.name); errno != 0 {
		return errno
	}
	exchange := r.flags&unix.RENAME_EXCHANGE != 0
	switch {
	case r.flags&unix.RENAME_NOREPLACE != 0 && r.new != nil:
		return eexist
	case exchange && r.new == nil:
		return enoent
	case exchange && !r.new.inode.isDir() && r.to.slashes:
		return enotdir
	case !r.old.inode.isDir() && (r.from.slashes || !exchange && r.to.slashes):
		return enotdir
	case within(r.to.cur.entry, r.old):
		return einval
	case r.new != nil && r.from.cur.entry != r.to.cur.entry && within(r.from.cur.entry, r.new) && exchange:
		return einval
	case r.new != nil && r.from.cur.entry != r.to.cur.entry && within(r.from.cur.entry, r.new):
		return enotempty
	}
	return 0
}

// within tells whether e is below, or is, top.
func within(e, top *entry) bool {
	for ; e != nil; e = e.parent {
		if e == top {
			return true
		}
	}
	return false
}

// do asks for permissions and moves. Landlock comes first, as with all names. Source: do_renameat2(), vfs_rename() in fs/namei.c.
func (r *renaming) do() posix.Errno {
	from, to := r.from.cur.entry, r.to.cur.entry
	exchange := r.flags&unix.RENAME_EXCHANGE != 0
	if errno := r.p.landlockRefer(r.from.cur.mount, from, r.old, to, r.new, true, exchange); errno != 0 {
		return errno
	}
	if r.new != nil && r.new.inode == r.old.inode {
		return 0
	}
	if errno := r.permitted(from, to, exchange); errno != 0 {
		return errno
	}
	if r.from.covered(r.old) || r.new != nil && r.to.covered(r.new) {
		return ebusy
	}
	for _, e := range []*entry{from, to} {
		if d := dirOf(e); d.special != nil && !d.special.writable() {
			return eperm
		}
	}
	switch {
	case exchange:
		r.exchange(from, to)
		return 0
	case r.new != nil && r.new.inode.isDir() && len(dirOf(r.new).names) > 0:
		return enotempty
	case r.flags&unix.RENAME_WHITEOUT != 0:
		if errno := r.whiteout(from); errno != 0 {
			return errno
		}
		from = nil
	}
	r.move(from, to)
	return 0
}

// permitted asks whether both directories may be changed.
func (r *renaming) permitted(from, to *entry, exchange bool) posix.Errno {
	p, directory := r.p, r.old.inode.isDir()
	errno := p.mayRemove(from, r.old, directory)
	switch {
	case errno != 0:
	case r.new == nil:
		errno = p.mayMake(to)
	case exchange:
		errno = p.mayRemove(to, r.new, r.new.inode.isDir())
	default:
		errno = p.mayRemove(to, r.new, directory)
	}
	if errno != 0 || from == to {
		return errno
	}
	// A directory that gets another parent is changed: its "..".
	if directory {
		errno = p.permission(r.old.inode, mayWrite)
	}
	if errno == 0 && exchange && r.new.inode.isDir() {
		errno = p.permission(r.new.inode, mayWrite)
	}
	return errno
}

// whiteout leaves a character device 0, 0 where the old name was, as overlay file systems want it. Source: renameat2(2).
func (r *renaming) whiteout(from *entry) posix.Errno {
	if !r.p.cred.has(unix.CAP_MKNOD) {
		return eperm
	}
	n, errno := r.p.newInodeIn(from.inode, unix.S_IFCHR, device{})
	if errno != 0 {
		return errno
	}
	dirOf(from).detach(r.old)
	dirOf(from).add(from, r.from.name, n)
	from.inode.modified()
	return 0
}

// move takes the old entry from a directory, unless it is nil because that has been done, to another.
func (r *renaming) move(from, to *entry) {
	if r.new != nil {
		to.remove(r.new)
	}
	if from != nil {
		dirOf(from).detach(r.old)
		from.inode.modified()
	}
	r.old.name = r.to.name
	dirOf(to).attach(to, r.old)
	to.inode.modified()
	r.old.inode.changed()
}

// exchange swaps two entries.
func (r *renaming) exchange(from, to *entry) {
	dirOf(from).detach(r.old)
	dirOf(to).detach(r.new)
	r.old.name, r.new.name = r.new.name, r.old.name
	dirOf(to).attach(to, r.old)
	dirOf(from).attach(from, r.new)
	from.inode.modified()
	to.inode.modified()
	r.old.inode.changed()
	r.new.inode.changed()
}
