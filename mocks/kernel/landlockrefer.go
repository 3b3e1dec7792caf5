package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// landlockFiles are the rights that make sense on what is no directory. Source: ACCESS_FILE in security/landlock/fs.c.
const landlockFiles = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
	unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

// makeRight is the right to make a file of a type.
func makeRight(mode uint32) uint64 {
	switch mode & unix.S_IFMT {
	case unix.S_IFLNK:
		return unix.LANDLOCK_ACCESS_FS_MAKE_SYM
	case unix.S_IFDIR:
		return unix.LANDLOCK_ACCESS_FS_MAKE_DIR
	case unix.S_IFCHR:
		return unix.LANDLOCK_ACCESS_FS_MAKE_CHAR
	case unix.S_IFBLK:
		return unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK
	case unix.S_IFIFO:
		return unix.LANDLOCK_ACCESS_FS_MAKE_FIFO
	case unix.S_IFSOCK:
		return unix.LANDLOCK_ACCESS_FS_MAKE_SOCK
	}
	return unix.LANDLOCK_ACCESS_FS_MAKE_REG
}

// removeRight is the right to remove an entry; nil is none.
func removeRight(e *entry) uint64 {
	switch {
	case e == nil:
		return 0
	case e.inode.mode&unix.S_IFMT == unix.S_IFDIR:
		return unix.LANDLOCK_ACCESS_FS_REMOVE_DIR
	}
	return unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
}

// landlockRefer says whether old, in directory from, may be given a name in directory to: EACCES, EXDEV, or 0. All are on mount m. removing: the
// old name goes, as rename
// does and link does not. there is what has the new name, or nil; with exchange the two change places. Source: current_check_refer_path in
// security/landlock/fs.c.
func (p *Process) landlockRefer(m *mount, from, old, to, there *entry, removing, exchange bool) posix.Errno {
	d := p.box.domain
	if d == nil || !d.mountsForbidden {
		return 0
	}
	var atFrom uint64
	atTo := makeRight(old.inode.mode)
	if exchange {
		atFrom = makeRight(there.inode.mode)
	}
	if removing {
		atFrom |= removeRight(old)
		atTo |= removeRight(there)
	}
	if from == to {
		return p.landlock(m, to, atFrom|atTo)
	}
	if d.denied(m, from, atFrom) != 0 || d.denied(m, to, atTo) != 0 {
		return eacces
	}
	const refer = unix.LANDLOCK_ACCESS_FS_REFER
	if d.denied(m, from, refer) != 0 || d.denied(m, to, refer) != 0 {
		return exdev
	}
	if d.gains(m, from, to, old) || exchange && d.gains(m, to, from, there) {
		return exdev
	}
	return 0
}

// gains tells whether what is moved from one directory to another would be allowed more there.
func (d *landlockDomain) gains(m *mount, from, to, moved *entry) bool {
	rights := ^uint64(0)
	if moved.inode.mode&unix.S_IFMT != unix.S_IFDIR {
		rights = landlockFiles
	}
	for ; d != nil; d = d.older {
		want := rights & d.fs
		own := d.paths[moved.inode]
		if want&d.granted(m, to, want)&^(own|d.granted(m, from, want)) != 0 {
			return true
		}
	}
	return false
}
