package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

const (
	memfdNameMax = 249
	oLargefile   = 0o100000 // what F_GETFL shows of files that the kernel makes by itself
)

// MemfdCreate implements [posix.Memory].
func (p *Process) MemfdCreate(name string, flags int) (posix.FD, error) {
	if hasNUL(name) {
		return -1, einval
	}
	fd := posix.FD(-1)
	c, errno := p.enter(posix.OpMemfdCreate, 1, uint64(flags))
	if errno == 0 {
		fd, errno = p.memfd(name, uint32(flags))
	}
	return fd, c.leave(errno)
}

// memfd keeps the order of checks of memfd_create() in mm/memfd.c.
func (p *Process) memfd(name string, flags uint32) (posix.FD, posix.Errno) {
	const exec = unix.MFD_EXEC | unix.MFD_NOEXEC_SEAL
	switch {
	case flags&^(unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|exec) != 0, flags&exec == exec, len(name) > memfdNameMax:
		return -1, einval
	}
	if errno := p.spare(); errno != 0 {
		return -1, errno
	}
	r := &regular{seals: unix.F_SEAL_SEAL}
	mode := uint32(unix.S_IFREG | 0o777)
	if flags&unix.MFD_NOEXEC_SEAL != 0 {
		mode, r.seals = unix.S_IFREG|0o666, unix.F_SEAL_EXEC
	} else if flags&unix.MFD_ALLOW_SEALING != 0 {
		r.seals = 0
	}
	hidden := p.k.tree.hidden
	n := hidden.super.newInode(mode, r)
	n.nlink = 0
	n.uid, n.gid = p.cred.uids.Effective, p.cred.gids.Effective
	e := &entry{name: "memfd:" + name, inode: n, removed: true}
	f, errno := p.describe(spot{hidden, e}, oRdwr|oLargefile)
	if errno != 0 {
		return -1, errno
	}
	// It is not opened by a path, and does not count as open for writing: it can be executed. Source: mm/shmem.c, __shmem_file_setup.
	f.counted = false
	n.writers--
	return p.install(f, 0, flags&unix.MFD_CLOEXEC != 0)
}
