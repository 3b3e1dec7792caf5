package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// tree is the machine's file systems, and how they are mounted.
type tree struct {
	k    *Kernel
	dev  uint64 // of the file system that was made last
	root *mount
	// admin is who changes the tree for a test: it is no process, has all capabilities, and sees the whole tree.
	admin *Process
	// hidden is a mount that no path leads to: files in memory without a name are on it.
	hidden *mount
	// protectedHardlinks is the sysctl fs.protected_hardlinks.
	protectedHardlinks bool
	strays             map[[2]uint64]*inode // that hold the locks of what has no place, by device and number
}

// super is one file system.
type super struct {
	k        *Kernel
	dev      uint64
	typ      string // "tmpfs", "proc", "cgroup2"
	magic    uint64
	ino      uint64 // of the inode that was made last
	size     int64  // bytes that may be used; 0 has no limit
	used     int64
	inodes   uint64 // inodes that there may be; 0 has no limit
	inUse    uint64
	readonly bool
	mounts   int // mounts and open detached ones; with the last it is gone
}

// inode is a file, whatever it is called. It goes with its last name and its last user.
type inode struct {
	super               *super
	ino                 uint64
	mode                uint32 // type and permission bits
	uid                 posix.UID
	gid                 posix.GID
	nlink               uint64
	users               int // places that lead to it
	rdev                uint64
	atime, mtime, ctime posix.Timespec
	body                body      // what it is: directory, regular, symlink, device, fifo, unix socket, proc …
	locks               []*file   // that hold a flock(2) lock
	writers             int       // descriptions that may write to it, less programs that run it
	caps                *fileCaps // security.capability
}

// body is what an inode is, besides what all inodes are.
type body interface {
	// open returns the object of a new description.
	open(p *Process, n *inode, f *file) (object, posix.Errno)
	// size is what stat reports.
	size() int64
}

// entry is a name in a directory: Linux's dentry. The root of a file system has no parent. A removed entry keeps the parent that it had.
type entry struct {
	name    string
	parent  *entry // nil: a root
	inode   *inode
	cookie  int64 // its place in the directory's order
	covers  int   // how many mounts of all mount namespaces are on it
	removed bool
	// linkable: it never had a name, and may get one (O_TMPFILE without O_EXCL).
	linkable bool
}

// mount is a file system, or a part of one, in a mount namespace; or detached.
type mount struct {
	super  *super
	root   *entry            // what of the file system is seen at its top
	parent *mount            // nil: the root of a namespace, or detached
	on     *entry            // where in parent
	flags  uint64            // MOUNT_ATTR_…
	over   map[*entry]*mount // what is mounted on entries of this mount
	refs   int               // places on it
	ns     *mountNS          // nil: detached
	gone   bool              // taken away: who has it open keeps it, and nobody can attach, copy or change it
	shared bool              // MS_SHARED: noted, not acted upon
	locked bool              // it came from a more privileged mount namespace: it cannot be taken away alone
}

// readonly tells whether nothing may be changed through the mount.
func (m *mount) readonly() bool { return m.flags&unix.MOUNT_ATTR_RDONLY != 0 || m.super.readonly }

// spot is where a path leads: an entry seen through a mount. It holds nothing, so it is good only as long as the kernel stays locked.
type spot struct {
	mount *mount
	entry *entry
}

// place is a spot that somebody holds: descriptors, working directories and roots.
type place struct {
	mount *mount
	entry *entry
	refs  int
}

// keep makes a place of a spot, with one reference.
func (s spot) keep() *place {
	p := new(place)
	p.occupy(s)
	return p
}

// occupy makes an unused place one of s, with one reference.
func (p *place) occupy(s spot) {
	p.mount, p.entry, p.refs = s.mount, s.entry, 1
	s.mount.refs++
	s.entry.inode.users++
}

func (p *place) spot() spot { return spot{p.mount, p.entry} }

// hold adds a reference.
func (p *place) hold() *place {
	p.refs++
	return p
}

// drop takes one away.
func (p *place) drop() {
	p.refs--
	if p.refs > 0 {
		return
	}
	p.mount.refs--
	n := p.entry.inode
	n.users--
	n.forget()
}

// newSuper returns an empty file system.
func (k *Kernel) newSuper(typ string, magic uint64) *super {
	for k.tree.dev++; slices.Contains(fixedDevices[:], k.tree.dev); k.tree.dev++ {
	}
	return &super{k: k, dev: unix.Mkdev(0, uint32(k.tree.dev)), typ: typ, magic: magic}
}

// newInode returns an inode with no name, that belongs to user 0.
func (s *super) newInode(mode uint32, b body) *inode {
	s.ino++
	s.inUse++
	now := s.k.timestamp()
	n := &inode{super: s, ino: s.ino, mode: mode, nlink: 1, body: b, atime: now, mtime: now, ctime: now}
	switch b := b.(type) {
	case *regular:
		b.n = n
	case *dir:
		b.n = n
		n.nlink = 2
	}
	return n
}

// newRoot makes the root directory of a file system.
func (s *super) newRoot(mode uint32) *entry {
	return &entry{name: "/", inode: s.newInode(unix.S_IFDIR|mode, &dir{})}
}

// forget lets an inode go that has neither name nor user.
func (n *inode) forget() {
	if n.nlink > 0 || n.users > 0 {
		return
	}
	n.super.inUse--
	if r, ok := n.body.(*regular); ok {
		r.free()
	}
}

func (n *inode) format() uint32 { return n.mode & unix.S_IFMT }
func (n *inode) isDir() bool    { return n.mode&unix.S_IFMT == unix.S_IFDIR }
func (n *inode) isLink() bool   { return n.mode&unix.S_IFMT == unix.S_IFLNK }
func (n *inode) isReg() bool    { return n.mode&unix.S_IFMT == unix.S_IFREG }

// modified stamps a change of contents.
func (n *inode) modified() {
	n.mtime = n.super.k.timestamp()
	n.ctime = n.mtime
}

// changed stamps a change of what stat tells.
func (n *inode) changed() { n.ctime = n.super.k.timestamp() }

// accessed stamps a read as the mount option relatime does. Source: mount(8).
func (n *inode) accessed(m *mount) {
	if m.readonly() || m.flags&unix.MOUNT_ATTR_NOATIME != 0 || m.flags&unix.MOUNT_ATTR_NODIRATIME != 0 && n.isDir() {
		return
	}
	now := n.super.k.timestamp()
	if !newer(n.atime, n.mtime) || !newer(n.atime, n.ctime) || now.Sec-n.atime.Sec >= 24*60*60 || m.flags&unix.MOUNT_ATTR_STRICTATIME != 0 {
		n.atime = now
	}
}

func newer(a, b posix.Timespec) bool { return a.Sec > b.Sec || a.Sec == b.Sec && a.Nsec > b.Nsec }

// fill answers stat(2).
func (n *inode) fill(st *posix.Stat) {
	*st = posix.Stat{
		Dev: n.super.dev, Ino: n.ino, Rdev: n.rdev, Mode: n.mode, Nlink: n.nlink, UID: n.uid, GID: n.gid,
		Size: n.body.size(), Atime: n.atime, Mtime: n.mtime, Ctime: n.ctime,
	}
}

// bare is an inode as the object of an O_PATH descriptor: it can be asked what it is, nothing else.
type bare inode

func (*bare) read(*Process, *file, []byte) (int, posix.Errno)  { return 0, ebadf }
func (*bare) write(*Process, *file, []byte) (int, posix.Errno) { return 0, ebadf }
func (*bare) events(*file) uint32                              { return 0 }
func (*bare) changes() uint64                                  { return 0 }
func (*bare) release(*file)                                    {}
func (*bare) pollable() bool                                   { return false }

func (b *bare) stat(_ *file, st *posix.Stat) posix.Errno {
	(*inode)(b).fill(st)
	return 0
}
