package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Fstatfs implements [posix.Files].
func (p *Process) Fstatfs(fd posix.FD, st *posix.Statfs) error {
	c, errno := p.enter(posix.OpFstatfs, uint64(fd), 1)
	if errno == 0 {
		errno = p.fstatfs(fd, st)
	}
	return c.leave(errno)
}

func (p *Process) fstatfs(fd posix.FD, st *posix.Statfs) posix.Errno {
	f, errno := p.anyFile(fd)
	if errno != 0 {
		return errno
	}
	if f.place == nil {
		var of posix.Stat
		_ = f.object.stat(f, &of) // in memory: it does not fail
		*st = posix.Statfs{Type: f.k.magicOf(of.Dev), Bsize: pageSize, Namelen: nameMax, Flags: stValid}
		return 0
	}
	f.place.mount.statfs(st)
	return 0
}

// magicOf returns what kind of file system a device number of one without names stands for.
func (k *Kernel) magicOf(dev uint64) uint64 {
	switch dev {
	case k.io.pipefs.dev:
		return k.io.pipefs.magic
	case pidfsDevice:
		return pidfsMagic
	case k.io.sockfs.dev:
		return k.io.sockfs.magic
	case k.io.devpts.dev:
		return k.io.devpts.magic
	}
	return unix.ANON_INODE_FS_MAGIC
}

const (
	stValid    = 0x20   // ST_VALID in include/linux/statfs.h: the flags mean something
	stRelatime = 0x1000 // ST_RELATIME
	// unlimited is what a file system without a limit shows, in blocks: nobody fills the memory of a test.
	unlimited = 1 << 28
)

func (m *mount) statfs(st *posix.Statfs) {
	s := m.super
	*st = posix.Statfs{Type: s.magic, Bsize: pageSize, Namelen: nameMax, Flags: stValid | m.statFlags()}
	if s.typ != "tmpfs" {
		return
	}
	st.Blocks = unlimited
	if s.size != 0 {
		st.Blocks = uint64(s.size+pageSize-1) / pageSize
	}
	st.Bfree = st.Blocks - min(st.Blocks, uint64(s.used)/pageSize)
	st.Bavail = st.Bfree
	st.Files = unlimited
	if s.inodes != 0 {
		st.Files = s.inodes
	}
	st.Ffree = st.Files - min(st.Files, s.inUse)
}

// statFlags are the flags of the mount as statfs(2) shows them. Source: flags_by_mnt() in fs/statfs.c.
func (m *mount) statFlags() int64 {
	flags := int64(0)
	for _, f := range []struct {
		attr uint64
		st   int64
	}{
		{unix.MOUNT_ATTR_RDONLY, unix.ST_RDONLY}, {unix.MOUNT_ATTR_NOSUID, unix.ST_NOSUID}, {unix.MOUNT_ATTR_NODEV, unix.ST_NODEV},
		{unix.MOUNT_ATTR_NOEXEC, unix.ST_NOEXEC}, {unix.MOUNT_ATTR_NOATIME, unix.ST_NOATIME},
		{unix.MOUNT_ATTR_NODIRATIME, unix.ST_NODIRATIME}, {unix.MOUNT_ATTR_NOSYMFOLLOW, 0x2000},
	} {
		if m.flags&f.attr != 0 {
			flags |= f.st
		}
	}
	if m.super.readonly {
		flags |= unix.ST_RDONLY
	}
	if m.flags&(unix.MOUNT_ATTR_NOATIME|unix.MOUNT_ATTR_STRICTATIME) == 0 {
		flags |= stRelatime
	}
	return flags
}
