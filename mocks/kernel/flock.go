package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Flock implements [posix.Files].
func (p *Process) Flock(fd posix.FD, how int) error {
	c, errno := p.enter(posix.OpFlock, uint64(fd), uint64(how))
	if errno == 0 {
		errno = p.flock(fd, how)
	}
	return c.leave(errno)
}

// lockMand marks the locks that Linux had for a file server. It answers 0 and takes none. Source: flock() in fs/locks.c.
const lockMand = 32

func (p *Process) flock(fd posix.FD, how int) posix.Errno {
	how = int(uint32(how))
	if how&lockMand != 0 {
		return 0
	}
	kind := how &^ unix.LOCK_NB
	if kind != unix.LOCK_SH && kind != unix.LOCK_EX && kind != unix.LOCK_UN {
		return einval
	}
	f, errno := p.file(fd)
	if errno != 0 {
		return errno
	}
	if kind != unix.LOCK_UN && !f.readable() && !f.writable() {
		return ebadf
	}
	n := f.locked()
	if kind == unix.LOCK_UN {
		f.unlock()
		return 0
	}
	if f.lock == kind {
		return 0
	}
	f.unlock() // also when the new lock is refused: a conversion is not atomic
	f.hold()
	errno = p.blocking(how&unix.LOCK_NB != 0, "flock", func() posix.Errno {
		if slices.ContainsFunc(n.locks, func(other *file) bool { return kind == unix.LOCK_EX || other.lock == unix.LOCK_EX }) {
			return eagain
		}
		f.lock = kind
		n.locks = append(n.locks, f)
		return 0
	})
	f.drop()
	return errno
}

// locked returns the inode that holds the locks of a description. Pipes and sockets have one of their own each.
func (f *file) locked() *inode {
	if f.place != nil {
		return f.place.entry.inode
	}
	if f.lockInode == nil {
		f.lockInode = f.k.lockInode(f)
	}
	return f.lockInode
}

// lockInode finds the inode that all descriptions of an object without a place lock. They know each other by device and inode number.
func (k *Kernel) lockInode(f *file) *inode {
	var st posix.Stat
	_ = f.object.stat(f, &st) // in memory: it does not fail
	id := [2]uint64{st.Dev, st.Ino}
	n := k.tree.strays[id]
	if n == nil {
		n = &inode{ino: st.Ino}
		if k.tree.strays == nil {
			k.tree.strays = map[[2]uint64]*inode{}
		}
		k.tree.strays[id] = n
	}
	return n
}

// unlock gives back the lock that a description has.
func (f *file) unlock() {
	if f.lock == 0 {
		return
	}
	n := f.locked()
	n.locks = slices.DeleteFunc(n.locks, func(other *file) bool { return other == f })
	f.lock = 0
}
