package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

const atStatxSyncType = unix.AT_STATX_FORCE_SYNC | unix.AT_STATX_DONT_SYNC

// Fstat implements [posix.Files].
func (p *Process) Fstat(fd posix.FD, st *posix.Stat) error {
	c, errno := p.enter(posix.OpFstat, uint64(fd), 1)
	if errno == 0 {
		if errno = p.fstat(fd, st); errno == 0 {
			p.cred.user.owners(st)
		}
	}
	return c.leave(errno)
}

// owners changes the owners of an inode into what they are called in a user namespace.
func (ns *userNS) owners(st *posix.Stat) {
	if ns != nil {
		st.UID, st.GID = ns.uidOf(st.UID), ns.gidOf(st.GID)
	}
}

func (p *Process) fstat(fd posix.FD, st *posix.Stat) posix.Errno {
	f, errno := p.anyFile(fd)
	if errno != 0 {
		return errno
	}
	return f.object.stat(f, st)
}

// Fstatat implements [posix.Files].
func (p *Process) Fstatat(dir posix.FD, path string, st *posix.Stat, flags int) error {
	if hasNUL(path) {
		return einval
	}
	c, errno := p.enter(posix.OpFstatat, uint64(dir), 1, 1, uint64(flags))
	if errno == 0 {
		if errno = p.fstatat(dir, path, st, flags); errno == 0 {
			p.cred.user.owners(st)
		}
	}
	return c.leave(errno)
}

func (p *Process) fstatat(dir posix.FD, path string, st *posix.Stat, flags int) posix.Errno {
	if flags&^(unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT|unix.AT_EMPTY_PATH|atStatxSyncType) != 0 {
		return einval
	}
	if path == "" && flags&unix.AT_EMPTY_PATH != 0 && dir >= 0 {
		return p.fstat(dir, st)
	}
	at, errno := p.lookup(dir, path, lookupFlags(flags))
	if errno != 0 {
		return errno
	}
	if s, ok := at.entry.inode.body.(strayBody); ok {
		return s.f.object.stat(s.f, st)
	}
	at.entry.inode.fill(st)
	return 0
}

// lookupFlags turns AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH into how to walk.
func lookupFlags(flags int) lookup {
	l := follow
	if flags&unix.AT_SYMLINK_NOFOLLOW != 0 {
		l = 0
	}
	if flags&unix.AT_EMPTY_PATH != 0 {
		l |= emptyPath
	}
	return l
}

// strayBody is the body of something that is open but has no place in the tree: a pipe, a socket, an epoll instance. /proc/PID/fd leads to it.
type strayBody struct{ f *file }

// reopener is an object that can be opened again by way of /proc/PID/fd, as pipes can.
type reopener interface {
	reopen(p *Process, f *file) (object, posix.Errno)
}

func (s strayBody) size() int64 { return 0 }

func (s strayBody) open(p *Process, _ *inode, f *file) (object, posix.Errno) {
	if o, ok := s.f.object.(reopener); ok {
		return o.reopen(p, f)
	}
	return nil, enxio
}

// stray returns a spot that stands for a description without a place.
func (f *file) stray() spot {
	var st posix.Stat
	_ = f.object.stat(f, &st) // in memory: it does not fail
	n := &inode{
		super: &super{k: f.k, dev: st.Dev, typ: "anon_inodefs", magic: unix.ANON_INODE_FS_MAGIC}, ino: st.Ino, mode: st.Mode, uid: st.UID, gid: st.GID,
		nlink: st.Nlink, rdev: st.Rdev, atime: st.Atime, mtime: st.Mtime, ctime: st.Ctime, body: strayBody{f},
	}
	return spot{f.k.tree.hidden, &entry{inode: n}}
}
