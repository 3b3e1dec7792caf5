package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Fcntl implements [posix.Files].
func (p *Process) Fcntl(fd posix.FD, cmd int, arg int) (int, error) {
	c, errno := p.enter(posix.OpFcntl, uint64(fd), uint64(cmd), uint64(arg))
	n := 0
	if errno == 0 {
		n, errno = p.fcntl(fd, cmd, arg)
	}
	if errno != 0 {
		n = -1
	}
	return n, c.leave(errno)
}

func (p *Process) fcntl(fd posix.FD, cmd, arg int) (int, posix.Errno) {
	f, errno := p.anyFile(fd)
	if errno != 0 {
		return -1, errno
	}
	switch cmd = int(int32(cmd)); cmd {
	case unix.F_DUPFD, unix.F_DUPFD_CLOEXEC:
		if least := uint64(uint32(arg)); least >= p.limits[rlimitNofile].Soft {
			return -1, einval
		}
		n, errno := p.install(f, posix.FD(arg), cmd == unix.F_DUPFD_CLOEXEC)
		return int(n), errno
	case unix.F_GETFD:
		if p.fds.slots[fd].cloexec {
			return unix.FD_CLOEXEC, 0
		}
		return 0, 0
	case unix.F_SETFD:
		p.fds.slots[fd].cloexec = arg&unix.FD_CLOEXEC != 0
		return 0, 0
	case unix.F_GETFL:
		return int(f.flags), 0
	case fDupfdQuery:
		if p.fds.get(posix.FD(arg)) == nil {
			return -1, ebadf
		}
		return truth(p.fds.get(posix.FD(arg)) == f), 0
	}
	if f.flags&oPath != 0 {
		return -1, ebadf
	}
	return p.fcntlOpen(f, cmd, arg)
}

// fDupfdQuery asks whether two descriptors share a description. Source: F_DUPFD_QUERY in include/uapi/linux/fcntl.h.
const fDupfdQuery = 1024 + 3

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sized is what a pipe's end can do: it knows its capacity.
type sized interface {
	pipeSize() int
	setPipeSize(p *Process, size int) (int, posix.Errno)
}

// fcntlOpen carries out the commands that an O_PATH descriptor does not know.
func (p *Process) fcntlOpen(f *file, cmd, arg int) (int, posix.Errno) {
	switch cmd {
	case unix.F_SETFL:
		return 0, p.setFlags(f, uint32(arg))
	case unix.F_ADD_SEALS:
		return 0, f.addSeals(arg)
	case unix.F_GET_SEALS:
		r, ok := f.object.(*regular)
		if !ok {
			return -1, einval
		}
		return r.seals, 0
	case unix.F_GETPIPE_SZ, unix.F_SETPIPE_SZ:
		s, ok := f.object.(sized)
		if !ok {
			return -1, ebadf
		}
		if cmd == unix.F_GETPIPE_SZ {
			return s.pipeSize(), 0
		}
		return s.setPipeSize(p, int(uint32(arg)))
	case unix.F_GETOWN:
		return f.owner, 0
	case unix.F_SETOWN:
		return 0, p.setOwner(f, int(int32(arg)))
	case unix.F_GETSIG:
		return f.signal, 0
	case unix.F_SETSIG:
		if arg < 0 || arg > 64 {
			return -1, einval
		}
		f.signal = arg
		return 0, 0
	case unix.F_GETLEASE:
		return unix.F_UNLCK, 0
	}
	return -1, einval
}

// setOwner notes who would get SIGIO. Source: f_setown() in fs/fcntl.c.
func (p *Process) setOwner(f *file, who int) posix.Errno {
	if who == -1<<31 {
		return einval
	}
	if who > 0 && p.k.procs.byPID[posix.PID(who)] == nil {
		return esrch
	}
	f.owner = who
	return 0
}

// settable are the flags that F_SETFL changes. Source: SETFL_MASK in fs/fcntl.c.
const settable uint32 = unix.O_APPEND | unix.O_NONBLOCK | unix.O_DIRECT | unix.O_NOATIME

// setFlags is F_SETFL. Source: setfl() in fs/fcntl.c.
func (p *Process) setFlags(f *file, flags uint32) posix.Errno {
	if flags&oNoatime != 0 && f.flags&oNoatime == 0 && f.place != nil && !p.owns(f.place.entry.inode) {
		return eperm
	}
	if flags&unix.O_DIRECT != 0 {
		_, pipe := f.object.(sized)
		if _, ok := f.object.(*regular); !ok && !pipe {
			return einval
		}
	}
	f.flags = f.flags&^settable | flags&settable
	return 0
}

// addSeals is F_ADD_SEALS. Source: memfd_add_seals() in mm/memfd.c.
func (f *file) addSeals(arg int) posix.Errno {
	const all = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_FUTURE_WRITE | unix.F_SEAL_EXEC
	seals := int(uint32(arg))
	if !f.writable() {
		return eperm
	}
	if seals&^all != 0 {
		return einval
	}
	r, ok := f.object.(*regular)
	switch {
	case !ok:
		return einval
	case r.seals&unix.F_SEAL_SEAL != 0:
		return eperm
	case seals&unix.F_SEAL_WRITE != 0 && r.seals&unix.F_SEAL_WRITE == 0 && r.writable > 0:
		return ebusy
	}
	if seals&unix.F_SEAL_EXEC != 0 && r.n.mode&0o111 != 0 {
		seals |= unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_FUTURE_WRITE
	}
	r.seals |= seals
	return 0
}

// Dup3 implements [posix.Files].
func (p *Process) Dup3(old, new posix.FD, flags int) error {
	c, errno := p.enter(posix.OpDup3, uint64(old), uint64(new), uint64(flags))
	if errno == 0 {
		errno = p.dup3(old, new, flags)
	}
	return c.leave(errno)
}

func (p *Process) dup3(old, new posix.FD, flags int) posix.Errno {
	if uint32(flags)&^oCloexec != 0 || old == new {
		return einval
	}
	if uint64(uint32(new)) >= p.limits[rlimitNofile].Soft {
		return ebadf
	}
	f := p.fds.get(old)
	if f == nil {
		return ebadf
	}
	f.hold()
	if p.fds.get(new) != nil {
		p.fds.remove(new)
	}
	p.fds.put(int(new), slot{f, uint32(flags)&oCloexec != 0})
	return 0
}

// Fsync implements [posix.Files].
func (p *Process) Fsync(fd posix.FD) error {
	c, errno := p.enter(posix.OpFsync, uint64(fd))
	if errno == 0 {
		errno = p.fsync(fd)
	}
	return c.leave(errno)
}

// fsync has nothing to do: what is in memory is as safe as it gets. EINVAL: neither a file nor a directory.
func (p *Process) fsync(fd posix.FD) posix.Errno {
	f, errno := p.file(fd)
	if errno != 0 {
		return errno
	}
	switch f.object.(type) {
	case *regular, *dir:
		return 0
	}
	return einval
}

// Umask implements [posix.Files].
func (p *Process) Umask(mask uint32) (uint32, error) {
	c, errno := p.enter(posix.OpUmask, uint64(mask))
	old := uint32(0)
	if errno == 0 {
		old, p.umask = p.umask, mask&0o777
	}
	return old, c.leave(errno)
}
