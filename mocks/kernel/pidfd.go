package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// pidfd is the object of a descriptor for a process.
type pidfd struct {
	nothing
	of *Process
}

// events: readable when the process has ended, and a hang-up too when it has been reaped. Source: kernel/fork.c, pidfd_poll.
func (o *pidfd) events(*file) uint32 {
	switch o.of.state {
	case ended:
		if o.of.delayed() {
			return 0
		}
		return unix.EPOLLIN | unix.EPOLLRDNORM
	case reaped:
		return unix.EPOLLIN | unix.EPOLLRDNORM | unix.EPOLLHUP
	}
	return 0
}

func (o *pidfd) changes() uint64 { return uint64(o.of.state) }

// pidfsMagic is the type of the file system of pidfds. Source: include/uapi/linux/magic.h, PID_FS_MAGIC.
const (
	pidfsMagic  = 0x50494446
	pidfsDevice = 0xe
)

// stat is that of Linux 6.16 and later; before, the mode was that of a regular file, and before 6.9 there was no such file system.
func (o *pidfd) stat(f *file, st *posix.Stat) posix.Errno {
	at := f.k.io.anon.atime
	*st = posix.Stat{Dev: pidfsDevice, Mode: 0o700, Nlink: 1, Ino: uint64(o.of.pid), Atime: at, Mtime: at, Ctime: at}
	return 0
}

// Inside it is a regular file with positions, and without a way to read, write or truncate it. Source: fs/pidfs.c.
func (*pidfd) pread(*Process, *file, []byte, int64) (int, posix.Errno)  { return 0, einval }
func (*pidfd) pwrite(*Process, *file, []byte, int64) (int, posix.Errno) { return 0, einval }

// installPidfd makes a descriptor for a process. flags: O_NONBLOCK.
func (p *Process) installPidfd(of *Process, flags uint32) (posix.FD, posix.Errno) {
	f, errno := p.k.newFile(p, &pidfd{of: of}, unix.O_RDWR|flags)
	if errno != 0 {
		return -1, errno
	}
	return p.install(f, 0, true)
}

// PidfdOpen implements [posix.Processes].
func (p *Process) PidfdOpen(pid posix.PID, flags int) (posix.FD, error) {
	c, errno := p.enter(posix.OpPidfdOpen, uint64(pid), uint64(flags))
	fd := posix.FD(-1)
	if errno == 0 {
		fd, errno = p.pidfdOpen(pid, flags)
	}
	return fd, c.leave(errno)
}

func (p *Process) pidfdOpen(pid posix.PID, flags int) (posix.FD, posix.Errno) {
	const thread = unix.O_EXCL // PIDFD_THREAD, since Linux 6.9
	if flags&^(unix.O_NONBLOCK|thread) != 0 || pid <= 0 {
		return -1, einval
	}
	of := p.findPID(pid)
	if of == nil {
		return -1, esrch
	}
	return p.installPidfd(of, uint32(flags))
}

// pidfd returns the process that a descriptor is for. EBADF: it is for something else.
func (p *Process) pidfd(fd posix.FD) (*Process, *file, posix.Errno) {
	f, errno := p.file(fd)
	if errno != 0 {
		return nil, nil, errno
	}
	o, ok := f.object.(*pidfd)
	if !ok {
		return nil, nil, ebadf
	}
	return o.of, f, 0
}
