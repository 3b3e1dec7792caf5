package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Ftruncate implements [posix.Files].
func (p *Process) Ftruncate(fd posix.FD, size int64) error {
	c, errno := p.enter(posix.OpFtruncate, uint64(fd), uint64(size))
	if errno == 0 {
		errno = p.ftruncate(fd, size)
	}
	return c.leave(errno)
}

func (p *Process) ftruncate(fd posix.FD, size int64) posix.Errno {
	if size < 0 {
		return einval
	}
	f, errno := p.file(fd)
	if errno != 0 {
		return errno
	}
	if !f.writable() {
		return einval
	}
	if _, ok := f.object.(*pidfd); ok {
		return eopnotsupp
	}
	return p.truncate(f, size, true)
}

// truncate sets the size of a regular file. called is false when it is part of an open. Source: notify_change() in fs/attr.c, shmem_setattr() in mm/shmem.c.
func (p *Process) truncate(f *file, size int64, called bool) posix.Errno {
	r, ok := f.object.(*regular)
	if !ok {
		if _, pseudo := f.object.(sizeless); pseudo && !called {
			return 0
		}
		return einval
	}
	if f.denied&unix.LANDLOCK_ACCESS_FS_TRUNCATE != 0 {
		return eacces
	}
	switch {
	case size > r.length && uint64(size) > p.limits[unix.RLIMIT_FSIZE].Soft:
		p.k.send(p, posix.SignalInfo{Signal: unix.SIGXFSZ, Code: siKernel}, true)
		return efbig
	case size < r.length && r.seals&unix.F_SEAL_SHRINK != 0, size > r.length && r.seals&unix.F_SEAL_GROW != 0:
		return eperm
	}
	if r.n.mode&(unix.S_ISUID|unix.S_ISGID) != 0 || r.n.caps != nil {
		p.stripPrivileges(r.n)
	}
	if size != r.length {
		r.resize(size)
	}
	r.n.modified()
	return 0
}

// sizeless is an object of a regular file whose contents are made when it is read: opening it with O_TRUNC does nothing.
type sizeless interface{ sizeless() }
