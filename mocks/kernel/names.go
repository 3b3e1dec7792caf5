package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// symlink is the body of a symbolic link.
type symlink string

func (s symlink) size() int64                                        { return int64(len(s)) }
func (s symlink) target(*Process, *inode) (string, posix.Errno)      { return string(s), 0 }
func (s symlink) open(*Process, *inode, *file) (object, posix.Errno) { return nil, eloop }

// create finds the directory and the name for a new file. Source: filename_create() in fs/namei.c.
func (p *Process) create(dir posix.FD, path string, directory bool) (walk, posix.Errno) {
	w, errno := p.parentOf(dir, path)
	if errno != 0 {
		return w, errno
	}
	if w.kind != lastName {
		return w, eexist
	}
	e, errno := p.find(w.cur.entry, w.name)
	switch {
	case errno != 0:
		return w, errno
	case e != nil:
		return w, eexist
	case w.slashes && !directory:
		return w, enoent
	case w.cur.mount.readonly():
		return w, erofs
	}
	return w, 0
}

// mknod makes a file that is not a directory, of the type and with the permission bits of mode, less those of umask. EEXIST: there is one.
func (p *Process) mknod(dir posix.FD, path string, mode uint32, b body) (*inode, posix.Errno) {
	w, errno := p.create(dir, path, false)
	if errno != 0 {
		return nil, errno
	}
	if errno := p.landlock(w.cur.mount, w.cur.entry, makeRight(mode)); errno != 0 {
		return nil, errno
	}
	if errno := p.mayMake(w.cur.entry); errno != 0 {
		return nil, errno
	}
	if mode&unix.S_IFMT != unix.S_IFLNK {
		mode &^= p.umask
	}
	e, errno := p.makeIn(w.cur.entry, w.name, mode, b)
	if errno != 0 {
		return nil, errno
	}
	return e.inode, 0
}

// Mkdirat implements [posix.Files].
func (p *Process) Mkdirat(dir posix.FD, path string, mode uint32) error {
	if hasNUL(path) {
		return einval
	}
	c, errno := p.enter(posix.OpMkdirat, uint64(dir), 1, uint64(mode))
	if errno == 0 {
		errno = p.mkdirat(dir, path, mode)
	}
	return c.leave(errno)
}

func (p *Process) mkdirat(at posix.FD, path string, mode uint32) posix.Errno {
	w, errno := p.create(at, path, true)
	if errno != 0 {
		return errno
	}
	if errno := p.landlock(w.cur.mount, w.cur.entry, unix.LANDLOCK_ACCESS_FS_MAKE_DIR); errno != 0 {
		return errno
	}
	if errno := p.mayMake(w.cur.entry); errno != 0 {
		return errno
	}
	mode = mode & (0o777 | unix.S_ISVTX) &^ p.umask
	if d := dirOf(w.cur.entry); d.special != nil && !d.special.writable() {
		return d.special.mkdir(p, w.cur.entry, w.name, mode)
	}
	_, errno = p.makeIn(w.cur.entry, w.name, unix.S_IFDIR|mode, &dir{})
	return errno
}

// Symlinkat implements [posix.Files].
func (p *Process) Symlinkat(target string, dir posix.FD, path string) error {
	if hasNUL(path) || hasNUL(target) {
		return einval
	}
	c, errno := p.enter(posix.OpSymlinkat, 1, uint64(dir), 1)
	if errno == 0 {
		errno = p.symlinkat(target, dir, path)
	}
	return c.leave(errno)
}

func (p *Process) symlinkat(target string, dir posix.FD, path string) posix.Errno {
	if errno := checkPath(target, 0); errno != 0 {
		return errno
	}
	_, errno := p.mknod(dir, path, unix.S_IFLNK|0o777, symlink(target))
	return errno
}

// Unlinkat implements [posix.Files].
func (p *Process) Unlinkat(dir posix.FD, path string, flags int) error {
	if hasNUL(path) {
		return einval
	}
	c, errno := p.enter(posix.OpUnlinkat, uint64(dir), 1, uint64(flags))
	if errno == 0 {
		errno = p.unlinkat(dir, path, flags)
	}
	return c.leave(errno)
}

func (p *Process) unlinkat(dir posix.FD, path string, flags int) posix.Errno {
	if flags&^unix.AT_REMOVEDIR != 0 {
		return einval
	}
	w, errno := p.parentOf(dir, path)
	if errno != 0 {
		return errno
	}
	if flags&unix.AT_REMOVEDIR != 0 {
		return p.rmdir(&w)
	}
	if w.kind != lastName {
		return eisdir
	}
	if w.cur.mount.readonly() {
		return erofs
	}
	e, errno := p.find(w.cur.entry, w.name)
	switch {
	case errno != 0:
		return errno
	case e == nil:
		return enoent
	case w.slashes && e.inode.isDir():
		return eisdir
	case w.slashes:
		return enotdir
	}
	if errno := p.landlock(w.cur.mount, w.cur.entry, unix.LANDLOCK_ACCESS_FS_REMOVE_FILE); errno != 0 {
		return errno
	}
	if errno := p.mayRemove(w.cur.entry, e, false); errno != 0 {
		return errno
	}
	if w.covered(e) {
		return ebusy
	}
	if d := dirOf(w.cur.entry); d.special != nil && !d.special.writable() {
		return eperm
	}
	w.cur.entry.remove(e)
	return 0
}

// covered tells whether something is mounted on an entry, as this walk's mount namespace sees it.
func (w *walk) covered(e *entry) bool { return e.covers > 0 && w.cur.mount.over[e] != nil }

// remove takes a name away, with a link of its inode.
func (e *entry) remove(victim *entry) {
	dirOf(e).detach(victim)
	e.inode.modified()
	n := victim.inode
	n.nlink--
	if n.isDir() {
		n.nlink = 0
	}
	n.changed()
	n.forget()
}

// rmdir removes a directory. Source: do_rmdir() in fs/namei.c.
func (p *Process) rmdir(w *walk) posix.Errno {
	switch w.kind {
	case lastDotDot:
		return enotempty
	case lastDot:
		return einval
	case lastRoot:
		return ebusy
	}
	if w.cur.mount.readonly() {
		return erofs
	}
	at := w.cur.entry
	e, errno := p.find(at, w.name)
	switch {
	case errno != 0:
		return errno
	case e == nil:
		return enoent
	}
	if errno := p.landlock(w.cur.mount, at, unix.LANDLOCK_ACCESS_FS_REMOVE_DIR); errno != 0 {
		return errno
	}
	if errno := p.mayRemove(at, e, true); errno != 0 {
		return errno
	}
	if w.covered(e) {
		return ebusy
	}
	if d := dirOf(at); d.special != nil && !d.special.writable() {
		return d.special.rmdir(p, at, e)
	}
	if len(dirOf(e).names) > 0 {
		return enotempty
	}
	at.remove(e)
	return 0
}
