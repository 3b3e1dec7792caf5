package kernel

import (
	"github.com/bulkhead/bulkhead/posix"
)

// tree is the machine's file systems, and how they are mounted.
type tree struct {
	dev  uint64 // of the next file system
	root *mount
}

// super is one file system.
type super struct {
	dev    uint64
	typ    string // "tmpfs", "proc", "cgroup2"
	magic  uint64
	ino    uint64 // of the next inode
	size   int64  // bytes that may be used; 0 has no limit
	used   int64
	inodes uint64 // inodes that there may be; 0 has no limit
	inUse  uint64
	mounts int // mounts and open detached ones; with the last it is gone
}

// inode is a file, whatever it is called. It goes with its last name and its last user.
type inode struct {
	super               *super
	ino                 uint64
	mode                uint32 // type and permission bits
	uid                 posix.UID
	gid                 posix.GID
	nlink               uint64
	rdev                uint64
	atime, mtime, ctime posix.Timespec
	body                body // what it is: directory, regular, symlink, device, fifo, unix socket, proc …
}

// body is what an inode is, besides what all inodes are.
type body interface {
	// open returns the object of a new description.
	open(p *Process, n *inode, f *file) (object, posix.Errno)
	// size is what stat reports.
	size() int64
}

// entry is a name in a directory: Linux's dentry. The root of a file system has no parent.
type entry struct {
	name   string
	parent *entry // nil: a root, or removed
	inode  *inode
	covers int // how many mounts of all mount namespaces are on it
}

// mount is a file system, or a part of one, in a mount namespace; or detached.
type mount struct {
	super  *super
	root   *entry            // what of the file system is seen at its top
	parent *mount            // nil: the root of a namespace, or detached
	on     *entry            // where in parent
	flags  uint64            // MOUNT_ATTR_…
	over   map[*entry]*mount // what is mounted on entries of this mount
	refs   int
}

// place is where a path leads: an entry seen through a mount. A place is held by descriptors, working directories and roots.
type place struct {
	mount *mount
	entry *entry
	refs  int
}

// boot makes an empty root file system.
func (t *tree) boot(*Kernel) {}

// hold adds a reference.
func (p *place) hold() *place {
	p.refs++
	return p
}

// drop takes one away.
func (p *place) drop() { p.refs-- }
