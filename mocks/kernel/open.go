package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

const (
	oAppend    uint32 = unix.O_APPEND
	oCreat     uint32 = unix.O_CREAT
	oExcl      uint32 = unix.O_EXCL
	oTrunc     uint32 = unix.O_TRUNC
	oDirectory uint32 = unix.O_DIRECTORY
	oNofollow  uint32 = unix.O_NOFOLLOW
	oNoatime   uint32 = unix.O_NOATIME
	oTmp       uint32 = unix.O_TMPFILE &^ unix.O_DIRECTORY
	oPathFlags uint32 = unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_PATH | unix.O_CLOEXEC

	oAsync        uint32 = 0o20000 // FASYNC in include/uapi/asm-generic/fcntl.h
	resolveCached        = 0x20    // RESOLVE_CACHED in include/uapi/linux/openat2.h

	// oValid are the flags that open(2) knows. Source: VALID_OPEN_FLAGS in include/linux/fcntl.h.
	oValid = unix.O_ACCMODE | unix.O_CREAT | unix.O_EXCL | unix.O_NOCTTY | unix.O_TRUNC | unix.O_APPEND | unix.O_NONBLOCK |
		unix.O_SYNC | unix.O_DSYNC | oAsync | unix.O_DIRECT | 0o100000 | unix.O_DIRECTORY | unix.O_NOFOLLOW |
		unix.O_NOATIME | unix.O_CLOEXEC | unix.O_PATH | unix.O_TMPFILE
	resolveValid = unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH |
		unix.RESOLVE_IN_ROOT | resolveCached
)

// Openat2 implements [posix.Files].
func (p *Process) Openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, error) {
	if hasNUL(path) {
		return -1, einval
	}
	fd := posix.FD(-1)
	c, errno := p.enter(posix.OpOpenat2, uint64(dir), 1, 1, 24)
	if errno == 0 {
		fd, errno = p.openat2(dir, path, how)
	}
	return fd, c.leave(errno)
}

func (p *Process) openat2(dir posix.FD, path string, how posix.OpenHow) (posix.FD, posix.Errno) {
	if errno := checkHow(how); errno != 0 {
		return -1, errno
	}
	if errno := checkPath(path, 0); errno != 0 {
		return -1, errno
	}
	if errno := p.spare(); errno != 0 {
		return -1, errno
	}
	flags := uint32(how.Flags)
	if flags&oPath == 0 {
		flags |= oLargefile
	}
	f, errno := p.openPath(dir, path, flags, uint32(how.Mode), how.Resolve)
	if errno != 0 {
		return -1, errno
	}
	return p.install(f, 0, flags&oCloexec != 0)
}

// checkHow refuses what cannot be meant. Source: build_open_flags() in fs/open.c.
func checkHow(how posix.OpenHow) posix.Errno {
	flags := uint32(how.Flags)
	scopes := how.Resolve & (unix.RESOLVE_BENEATH | unix.RESOLVE_IN_ROOT)
	switch {
	case how.Flags&^uint64(oValid) != 0, how.Resolve&^resolveValid != 0:
		return einval
	case scopes == unix.RESOLVE_BENEATH|unix.RESOLVE_IN_ROOT:
		return einval
	case flags&(oCreat|oTmp) != 0 && how.Mode&^0o7777 != 0:
		return einval
	case flags&(oCreat|oTmp) == 0 && how.Mode != 0:
		return einval
	case flags&(oCreat|oDirectory) == oCreat|oDirectory:
		return einval
	case flags&oTmp != 0 && (flags&oDirectory == 0 || accessOf(flags)&mayWrite == 0):
		return einval
	case flags&oTmp == 0 && flags&oPath != 0 && flags&^oPathFlags != 0:
		return einval
	case how.Resolve&resolveCached != 0 && flags&(oTrunc|oCreat|oTmp) != 0:
		return eagain
	}
	return 0
}

// accessOf returns the permissions that an open needs.
func accessOf(flags uint32) uint32 {
	access := mayRead
	switch flags & oAccmode {
	case oWronly:
		access = mayWrite
	case oRdwr, oAccmode:
		access = mayRead | mayWrite
	}
	if flags&oTrunc != 0 {
		access |= mayWrite
	}
	return access
}

// openPath makes a description of what a path leads to, with no reference yet. Source: path_openat() in fs/namei.c.
func (p *Process) openPath(dir posix.FD, path string, flags, mode uint32, how uint64) (*file, posix.Errno) {
	if p.k.files >= p.k.config.MaxFiles && !p.cred.has(capSysAdmin) {
		return nil, enfile
	}
	var l lookup
	if flags&oDirectory != 0 {
		l |= directory
	}
	if flags&oNofollow == 0 && flags&(oCreat|oExcl) != oCreat|oExcl {
		l |= follow
	}
	switch {
	case flags&oTmp != 0:
		at, errno := p.resolve(dir, path, l|directory, how)
		if errno != 0 {
			return nil, errno
		}
		return p.openTemporary(at, flags, mode)
	case flags&oPath != 0:
		at, errno := p.resolve(dir, path, l, how)
		if errno != 0 {
			return nil, errno
		}
		return p.describe(at, flags&^oCloexec)
	}
	w := walk{p: p, flags: l, resolve: how}
	errno := w.start(dir, path)
	if errno == 0 {
		errno = w.along(path)
	}
	made := false
	if errno == 0 {
		made, errno = w.finishOpen(flags, mode)
	}
	if errno != 0 {
		return nil, errno
	}
	return p.openSpot(w.cur, flags, w.flags, made)
}

// finishOpen takes the last component of a path that is opened, making it where O_CREAT asks for it. Source: open_last_lookups(), lookup_open().
func (w *walk) finishOpen(flags, mode uint32) (made bool, errno posix.Errno) {
	for {
		target := ""
		switch {
		case w.kind != lastName:
			_, errno = w.step(true)
			return false, errno
		case flags&oCreat == 0:
			if w.slashes {
				w.flags |= follow | directory
			}
			target, errno = w.step(w.flags&follow != 0)
		case w.slashes:
			return false, eisdir
		default:
			var e *entry
			if e, made, errno = w.lookupOpen(flags, mode); errno == 0 {
				target, errno = w.into(e, w.flags&follow != 0)
			}
		}
		if errno != 0 || target == "" {
			return made, errno
		}
		if errno := w.along(target); errno != 0 {
			return false, errno
		}
	}
}

// lookupOpen finds the last component, or makes a file of its name.
func (w *walk) lookupOpen(flags, mode uint32) (*entry, bool, posix.Errno) {
	at := w.cur.entry
	if at.inode.dead() {
		return nil, false, enoent
	}
	e, errno := w.p.find(at, w.name)
	if e != nil || errno != 0 {
		return e, false, errno
	}
	if w.cur.mount.readonly() {
		return nil, false, erofs
	}
	if errno := w.p.landlock(w.cur.mount, at, unix.LANDLOCK_ACCESS_FS_MAKE_REG); errno != 0 {
		return nil, false, errno
	}
	if errno := w.p.mayMake(at); errno != 0 {
		return nil, false, errno
	}
	e, errno = w.p.makeIn(at, w.name, unix.S_IFREG|mode&0o7777&^w.p.umask, &regular{seals: unix.F_SEAL_SEAL})
	return e, errno == 0, errno
}

// openTemporary makes a file without a name. Source: do_tmpfile() in fs/namei.c.
func (p *Process) openTemporary(at spot, flags, mode uint32) (*file, posix.Errno) {
	if at.mount.readonly() {
		return nil, erofs
	}
	if errno := p.permission(at.entry.inode, mayWrite|mayExec); errno != 0 {
		return nil, errno
	}
	if dirOf(at.entry).special != nil {
		return nil, eopnotsupp
	}
	n, errno := p.newInodeIn(at.entry.inode, unix.S_IFREG|mode&0o7777&^p.umask, &regular{seals: unix.F_SEAL_SEAL})
	if errno != 0 {
		return nil, errno
	}
	n.nlink = 0
	e := &entry{name: "#" + utoa(n.ino), parent: at.entry, inode: n, removed: true}
	if flags&oExcl == 0 {
		e.linkable = true
	}
	return p.describe(spot{at.mount, e}, flags&^(oCloexec|oExcl|oTrunc|oTmp)|oTmp)
}

// openSpot makes a description of what is there. l is what the walk was asked for, made that it has just been made. Source: do_open(), may_open().
func (p *Process) openSpot(at spot, flags uint32, l lookup, made bool) (*file, posix.Errno) {
	n := at.entry.inode
	if flags&oCreat != 0 {
		if flags&oExcl != 0 && !made {
			return nil, eexist
		}
		if n.isDir() {
			return nil, eisdir
		}
	}
	if l&directory != 0 && !n.isDir() {
		return nil, enotdir
	}
	access := accessOf(flags)
	truncate := false
	switch {
	case made:
		access = 0
	case n.isReg() && flags&oTrunc != 0:
		if at.mount.readonly() {
			return nil, erofs
		}
		truncate = true
	}
	switch n.format() {
	case unix.S_IFLNK:
		return nil, eloop
	case unix.S_IFDIR:
		if access&mayWrite != 0 {
			return nil, eisdir
		}
	case unix.S_IFCHR, unix.S_IFBLK:
		if at.mount.flags&unix.MOUNT_ATTR_NODEV != 0 {
			return nil, eacces
		}
	}
	if errno := p.permission(n, access); errno != 0 {
		return nil, errno
	}
	if flags&oNoatime != 0 && !p.owns(n) {
		return nil, eperm
	}
	f, errno := p.describe(at, flags&^(oCloexec|oCreat|oExcl|unix.O_NOCTTY|oTrunc))
	if errno == 0 && truncate {
		if errno = etxtbsy; n.writers >= 0 {
			errno = p.truncate(f, 0, false)
		}
		if errno != 0 {
			f.hold().drop()
			return nil, errno
		}
	}
	return f, errno
}

// describe makes a description without asking for permissions. Source: do_dentry_open() in fs/open.c.
func (p *Process) describe(at spot, flags uint32) (*file, posix.Errno) {
	n := at.entry.inode
	writes := flags&oPath == 0 && flags&oAccmode != oRdonly && flags&oAccmode != oAccmode
	if writes && n.isReg() {
		if n.writers < 0 {
			return nil, etxtbsy
		}
		if at.mount.readonly() {
			return nil, erofs
		}
	}
	var denied uint64
	if flags&oPath == 0 {
		var errno posix.Errno
		if denied, errno = p.landlockOpen(at, flags); errno != 0 {
			return nil, errno
		}
	}
	f, errno := p.k.newFile(p, (*bare)(n), flags)
	if errno != 0 {
		return nil, errno
	}
	f.denied = denied
	f.place = &f.own
	f.own.occupy(at)
	if flags&oPath != 0 {
		return f, 0
	}
	o, errno := n.body.open(p, n, f)
	if errno != 0 {
		f.hold().drop()
		return nil, errno
	}
	f.object = o
	if writes && n.isReg() {
		n.writers++
		f.counted = true
	}
	return f, 0
}
