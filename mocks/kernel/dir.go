package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// dir is the body of a directory, and the object of its descriptions.
type dir struct {
	nothing
	n       *inode
	names   map[string]*entry
	order   []*entry // by cookie; what was removed is nil
	holes   int      // in order
	cookie  int64    // given last
	special special  // nil: an ordinary directory
}

// special is what makes a directory differ from others, in procfs and in cgroup2.
type special interface {
	// lookup returns an entry that is not among the names of the directory: it is made when it is asked for. nil: there is none.
	lookup(p *Process, at *entry, name string) *entry
	// list brings the names of the directory up to date, before it is read.
	list(p *Process, at *entry)
	// mkdir and rmdir change the directory; the permissions have been checked. EPERM where there is no such operation.
	mkdir(p *Process, at *entry, name string, mode uint32) posix.Errno
	rmdir(p *Process, at, victim *entry) posix.Errno
	// writable says whether files can be made in it, removed and renamed, as in an ordinary directory.
	writable() bool
}

// direntSize is what a name adds to the size of a directory of a tmpfs. Source: BOGO_DIRENT_SIZE in mm/shmem.c.
const direntSize = 20

func (d *dir) size() int64 {
	if d.special != nil {
		return 0
	}
	return int64(len(d.names)+2) * direntSize
}

func (d *dir) open(_ *Process, n *inode, f *file) (object, posix.Errno) { return d, 0 }

func (d *dir) read(*Process, *file, []byte) (int, posix.Errno)          { return 0, eisdir }
func (d *dir) write(*Process, *file, []byte) (int, posix.Errno)         { return 0, ebadf }
func (d *dir) pread(*Process, *file, []byte, int64) (int, posix.Errno)  { return 0, eisdir }
func (d *dir) pwrite(*Process, *file, []byte, int64) (int, posix.Errno) { return 0, ebadf }
func (d *dir) pollable() bool                                           { return false }
func (d *dir) stat(_ *file, st *posix.Stat) posix.Errno {
	d.n.fill(st)
	return 0
}

// dirOf returns the directory that e is, which it must be.
func dirOf(e *entry) *dir { return e.inode.body.(*dir) }

// find returns the entry of a name, nil when there is none.
func (d *dir) find(p *Process, at *entry, name string) *entry {
	if d.special != nil {
		// It knows better: a name from the last listing may be out of date.
		if e := d.special.lookup(p, at, name); e != nil || isTransient(d.special, name) {
			return e
		}
	}
	return d.names[name]
}

// transient is a special directory that has names which are there only when lookup knows them, as processes and descriptors come and go.
type transient interface{ transient(name string) bool }

func isTransient(s special, name string) bool {
	t, ok := s.(transient)
	return ok && t.transient(name)
}

// add gives n a name in the directory that at is. It counts no link.
func (d *dir) add(at *entry, name string, n *inode) *entry {
	e := &entry{name: name, inode: n}
	d.attach(at, e)
	return e
}

// attach puts an entry, which is in no directory, into this one, which at is.
func (d *dir) attach(at, e *entry) {
	if d.names == nil {
		d.names = map[string]*entry{}
	}
	d.cookie++
	e.parent, e.cookie, e.removed = at, d.cookie, false
	d.names[e.name] = e
	d.order = append(d.order, e)
	if e.inode.isDir() {
		d.n.nlink++
	}
}

// detach takes an entry out.
func (d *dir) detach(e *entry) {
	delete(d.names, e.name)
	e.removed = true
	if e.inode.isDir() {
		d.n.nlink--
	}
	if i, ok := d.search(e.cookie); ok {
		d.order[i] = nil
		d.holes++
	}
	if d.holes > 16 && d.holes > len(d.order)/2 {
		d.order = slices.DeleteFunc(d.order, func(e *entry) bool { return e == nil })
		d.holes = 0
	}
	for len(d.order) > 0 && d.order[len(d.order)-1] == nil {
		d.order = d.order[:len(d.order)-1]
		d.holes--
	}
}

// search finds the first entry whose cookie is at least cookie, and says whether it is that.
func (d *dir) search(cookie int64) (int, bool) {
	low, high := 0, len(d.order)
	for low < high {
		middle := int(uint(low+high) >> 1)
		// The cookies of removed ones are not known: look at the next that is there.
		next := middle
		for next < high && d.order[next] == nil {
			next++
		}
		switch {
		case next == high:
			high = middle
		case d.order[next].cookie < cookie:
			low = next + 1
		default:
			high = middle
			if next == middle && d.order[middle].cookie == cookie {
				return middle, true
			}
		}
	}
	for low < len(d.order) && d.order[low] == nil {
		low++
	}
	return low, low < len(d.order) && d.order[low].cookie == cookie
}

// dead tells whether a directory has been removed: nothing can be made in it.
func (n *inode) dead() bool { return n.nlink == 0 }

// makeIn makes a file in a directory. Permissions have been checked; ENOSPC: too many inodes.
func (p *Process) makeIn(at *entry, name string, mode uint32, b body) (*entry, posix.Errno) {
	d := dirOf(at)
	if d.special != nil && !d.special.writable() {
		return nil, eacces
	}
	n, errno := p.newInodeIn(at.inode, mode, b)
	if errno != 0 {
		return nil, errno
	}
	e := d.add(at, name, n)
	at.inode.modified()
	return e, 0
}

// newInodeIn makes an inode as a file made in directory parent would be. Source: inode_init_owner() in fs/inode.c.
func (p *Process) newInodeIn(parent *inode, mode uint32, b body) (*inode, posix.Errno) {
	s := parent.super
	if s.inodes != 0 && s.inUse >= s.inodes {
		return nil, enospc
	}
	n := s.newInode(mode, b)
	n.uid, n.gid = p.cred.uids.Effective, p.cred.gids.Effective
	if parent.mode&unix.S_ISGID != 0 {
		n.gid = parent.gid
		if n.isDir() {
			n.mode |= unix.S_ISGID
		} else if n.mode&(unix.S_ISGID|unix.S_IXGRP) == unix.S_ISGID|unix.S_IXGRP && !p.inGroup(n.gid) && !p.capable(n, unix.CAP_FSETID) {
			n.mode &^= unix.S_ISGID
		}
	}
	return n, 0
}
