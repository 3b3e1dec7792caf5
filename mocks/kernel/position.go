package kernel

import (
	"math"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// positioned is an object that can be read and written at any offset.
type positioned interface {
	pread(p *Process, f *file, b []byte, off int64) (int, posix.Errno)
	pwrite(p *Process, f *file, b []byte, off int64) (int, posix.Errno)
}

// Pread implements [posix.Files].
func (p *Process) Pread(fd posix.FD, b []byte, off int64) (int, error) {
	c, errno := p.enter(posix.OpPread, uint64(fd), 1, uint64(len(b)), uint64(off))
	n := 0
	if errno == 0 {
		n, errno = p.pread(fd, b, off)
	}
	return n, c.leave(errno)
}

func (p *Process) pread(fd posix.FD, b []byte, off int64) (int, posix.Errno) {
	if off < 0 {
		return 0, einval
	}
	f, errno := p.file(fd)
	if errno != 0 {
		return 0, errno
	}
	o, ok := f.object.(positioned)
	switch {
	case !ok:
		return 0, espipe
	case !f.readable():
		return 0, ebadf
	case off+int64(len(b)) < 0: // Source: rw_verify_area() in fs/read_write.c.
		return 0, einval
	}
	return o.pread(p, f, b[:min(len(b), maxTransfer)], off)
}

// Pwrite implements [posix.Files].
func (p *Process) Pwrite(fd posix.FD, b []byte, off int64) (int, error) {
	c, errno := p.enter(posix.OpPwrite, uint64(fd), 1, uint64(len(b)), uint64(off))
	n := 0
	if errno == 0 {
		n, errno = p.pwrite(fd, b, off)
	}
	return n, c.leave(errno)
}

func (p *Process) pwrite(fd posix.FD, b []byte, off int64) (int, posix.Errno) {
	if off < 0 {
		return 0, einval
	}
	f, errno := p.file(fd)
	if errno != 0 {
		return 0, errno
	}
	o, ok := f.object.(positioned)
	switch {
	case !ok:
		return 0, espipe
	case !f.writable():
		return 0, ebadf
	case off+int64(len(b)) < 0:
		return 0, einval
	}
	return o.pwrite(p, f, b[:min(len(b), maxTransfer)], off)
}

// Lseek implements [posix.Files].
func (p *Process) Lseek(fd posix.FD, off int64, whence int) (int64, error) {
	c, errno := p.enter(posix.OpLseek, uint64(fd), uint64(off), uint64(whence))
	at := int64(0)
	if errno == 0 {
		at, errno = p.lseek(fd, off, whence)
	}
	return at, c.leave(errno)
}

func (p *Process) lseek(fd posix.FD, off int64, whence int) (int64, posix.Errno) {
	f, errno := p.file(fd)
	if errno != 0 {
		return 0, errno
	}
	if whence = int(int32(whence)); whence < 0 || whence > unix.SEEK_HOLE {
		return 0, einval
	}
	switch o := f.object.(type) {
	case *regular:
		off, errno = o.whence(f.offset, off, whence)
	case *dir:
		off, errno = dirWhence(f.offset, off, whence)
	case seeker:
		return o.lseek(f, off, whence)
	default:
		return 0, espipe
	}
	if errno != 0 {
		return 0, errno
	}
	f.offset = off
	return off, 0
}

// seeker is an object with an lseek(2) of its own.
type seeker interface {
	lseek(f *file, off int64, whence int) (int64, posix.Errno)
}

// unmoved is the offset of what has none and does not mind: 0, wherever it is moved to. Source: noop_llseek() in fs/read_write.c.
type unmoved struct{}

func (unmoved) lseek(*file, int64, int) (int64, posix.Errno) { return 0, 0 }

// whence returns where a seek in a regular file leads. Source: generic_file_llseek_size() in fs/read_write.c, shmem_file_llseek().
func (r *regular) whence(now, off int64, whence int) (int64, posix.Errno) {
	switch whence {
	case unix.SEEK_CUR:
		off += now // the sum may wrap around, and is negative then
	case unix.SEEK_END:
		off += r.length
	case unix.SEEK_DATA, unix.SEEK_HOLE:
		return r.seek(off, whence)
	}
	if off < 0 {
		return 0, einval
	}
	return off, 0
}

// dirWhence is whence for directories, whose offsets are cookies. Source: offset_dir_llseek() in fs/libfs.c.
func dirWhence(now, off int64, whence int) (int64, posix.Errno) {
	switch whence {
	case unix.SEEK_CUR:
		off += now
	case unix.SEEK_SET:
	default:
		return 0, einval
	}
	if off < 0 || off > math.MaxInt64 {
		return 0, einval
	}
	return off, 0
}
