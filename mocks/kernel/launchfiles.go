package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// makeFiles makes the calls about files and descriptors. It is not ok for other calls.
func (l *launch) makeFiles(number uint32, a [6]uint64) (n uint64, errno posix.Errno, ok bool) {
	p := l.child
	switch number {
	case unix.SYS_READ, unix.SYS_WRITE:
		n, errno = l.transfer(number, a)
	case unix.SYS_CLOSE:
		errno = errnoOf(p.Close(fdArg(a[0])))
	case unix.SYS_DUP3:
		if n = uint64(uint32(a[1])); true {
			errno = errnoOf(p.Dup3(fdArg(a[0]), fdArg(a[1]), int(int32(a[2]))))
		}
	case unix.SYS_FCNTL:
		n, errno = result(p.Fcntl(fdArg(a[0]), int(int32(a[1])), int(a[2])))
	case unix.SYS_CLOSE_RANGE:
		errno = p.closeRange(uint32(a[0]), uint32(a[1]), uint32(a[2]))
	case unix.SYS_UMASK:
		n, errno = result(p.Umask(uint32(a[0])))
	case unix.SYS_FCHDIR:
		errno = p.fchdir(fdArg(a[0]))
	case unix.SYS_GETCWD:
		n, errno = l.getcwd(a[0], a[1])
	default:
		return l.makePaths(number, a)
	}
	if errno != 0 {
		n = 0
	}
	return n, errno, true
}

// transfer reads or writes. The kernel moves at most MAX_RW_COUNT, and finds out about an address only where it moves bytes to it.
func (l *launch) transfer(number uint32, a [6]uint64) (uint64, posix.Errno) {
	b, errno := l.bytes(a[1], min(a[2], 0x7ffff000))
	if errno != 0 {
		return 0, errno
	}
	if number == unix.SYS_READ {
		return result(l.child.Read(fdArg(a[0]), b))
	}
	return result(l.child.Write(fdArg(a[0]), b))
}

// getcwd stores the path with a zero byte after it, and returns how long that is.
func (l *launch) getcwd(at, size uint64) (uint64, posix.Errno) {
	path, errno := l.child.getcwd()
	if errno != 0 {
		return 0, errno
	}
	n := uint64(len(path)) + 1
	if n > size {
		return 0, posix.Errno(unix.ERANGE)
	}
	b, errno := l.bytes(at, n)
	if errno == 0 {
		copy(b, path+"\x00")
	}
	return n, errno
}

// makePaths makes the calls that take one path or more.
func (l *launch) makePaths(number uint32, a [6]uint64) (n uint64, errno posix.Errno, ok bool) {
	p := l.child
	var at int // which argument the path is
	switch number {
	case unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_UNLINKAT, unix.SYS_FCHMODAT, unix.SYS_FCHOWNAT:
		at = 1
	case unix.SYS_CHDIR, unix.SYS_CHROOT:
	case unix.SYS_SYMLINKAT:
		at = 2
	default:
		return 0, 0, false
	}
	path, errno := l.text(a[at])
	if errno != 0 {
		return 0, errno, true
	}
	dir := fdArg(a[0])
	switch number {
	case unix.SYS_OPENAT:
		n, errno = l.openat(dir, path, uint32(a[2]), uint32(a[3]))
	case unix.SYS_OPENAT2:
		n, errno = l.openat2(dir, path, a[2], a[3])
	case unix.SYS_MKDIRAT:
		errno = errnoOf(p.Mkdirat(dir, path, uint32(a[2])))
	case unix.SYS_MKNODAT:
		errno = p.mknodat(dir, path, uint32(a[2]), a[3])
	case unix.SYS_UNLINKAT:
		errno = errnoOf(p.Unlinkat(dir, path, int(int32(a[2]))))
	case unix.SYS_FCHMODAT:
		errno = errnoOf(p.Fchmodat(dir, path, uint32(a[2])))
	case unix.SYS_FCHOWNAT:
		errno = errnoOf(p.Fchownat(posix.Chown{Dir: dir, Path: path, UID: posix.UID(a[2]), GID: posix.GID(a[3]), Flags: int(int32(a[4]))}))
	case unix.SYS_CHDIR:
		errno = p.chdir(path)
	case unix.SYS_CHROOT:
		errno = p.chroot(path)
	case unix.SYS_SYMLINKAT:
		target, no := l.text(a[0])
		if errno = no; errno == 0 {
			errno = errnoOf(p.Symlinkat(target, fdArg(a[1]), path))
		}
	}
	return n, errno, true
}

// openat forgives what openat2 does not: unknown flags, a mode that is of no use. Source: fs/open.c, build_open_how.
func (l *launch) openat(dir posix.FD, path string, flags, mode uint32) (uint64, posix.Errno) {
	const known = unix.O_ACCMODE | unix.O_CREAT | unix.O_EXCL | unix.O_NOCTTY | unix.O_TRUNC | unix.O_APPEND | unix.O_NONBLOCK | unix.O_SYNC |
		unix.O_DSYNC | unix.O_ASYNC | unix.O_DIRECT | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_NOATIME | unix.O_CLOEXEC | unix.O_PATH |
		unix.O_TMPFILE
	flags &= known
	if flags&unix.O_PATH != 0 {
		flags &= unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_PATH | unix.O_CLOEXEC
	}
	how := posix.OpenHow{Flags: uint64(flags)}
	if flags&(unix.O_CREAT|unix.O_TMPFILE&^unix.O_DIRECTORY) != 0 {
		how.Mode = uint64(mode & 0o7777)
	}
	return result(l.child.Openat2(dir, path, how))
}

// openat2 reads struct open_how. Source: openat2(2).
func (l *launch) openat2(dir posix.FD, path string, at, size uint64) (uint64, posix.Errno) {
	if size < 24 {
		return 0, einval
	}
	if size > 24 {
		return 0, e2big
	}
	how, errno := l.words(at, 3)
	if errno != 0 {
		return 0, errno
	}
	return result(l.child.Openat2(dir, path, posix.OpenHow{Flags: how[0], Mode: how[1], Resolve: how[2]}))
}

// closeRange closes descriptors, or marks them to be closed by an exec. Source: fs/file.c, close_range.
func (p *Process) closeRange(first, last, flags uint32) posix.Errno {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	if flags&^(unix.CLOSE_RANGE_CLOEXEC|unix.CLOSE_RANGE_UNSHARE) != 0 || first > last {
		return einval
	}
	if flags&unix.CLOSE_RANGE_UNSHARE != 0 {
		p.fds = p.fds.unshare()
	}
	for fd := int(first); fd < len(p.fds.slots) && fd <= int(last); fd++ {
		switch {
		case p.fds.slots[fd].file == nil:
		case flags&unix.CLOSE_RANGE_CLOEXEC != 0:
			p.fds.slots[fd].cloexec = true
		default:
			p.fds.remove(posix.FD(fd))
		}
	}
	return 0
}
