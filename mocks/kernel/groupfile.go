package kernel

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// groupBody is a file of a control group.
type groupBody struct {
	g    *group
	name string
}

func (*groupBody) size() int64 { return 0 }

func (b *groupBody) open(_ *Process, n *inode, f *file) (object, posix.Errno) {
	if b.g.dead {
		return nil, enodev
	}
	return &groupFile{groupBody: b, n: n, seen: b.g.changed}, 0
}

// groupFile is the object of a description of one.
type groupFile struct {
	*groupBody
	n    *inode
	text string // what is being read
	seen uint64 // how often cgroup.events had changed when it was read
}

func (f *groupFile) sizeless()       {}
func (f *groupFile) pollable() bool  { return true }
func (f *groupFile) release(*file)   {}
func (f *groupFile) changes() uint64 { return f.g.changed }

func (f *groupFile) queues(*file) (a, b *waitq) { return &f.g.q, nil }

// events: what a regular file has, and what poll(2) calls an exceptional condition when the file has changed since it was read. Source:
// kernfs_generic_poll.
func (f *groupFile) events(*file) uint32 {
	const usual = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDNORM | unix.EPOLLWRNORM
	if f.name == "cgroup.events" && (f.seen != f.g.changed || f.g.dead) {
		return usual | unix.EPOLLPRI | unix.EPOLLERR
	}
	return usual
}

func (f *groupFile) stat(_ *file, st *posix.Stat) posix.Errno {
	f.n.fill(st)
	return 0
}

func (f *groupFile) read(p *Process, of *file, b []byte) (int, posix.Errno) {
	n, errno := f.pread(p, of, b, of.offset)
	of.offset += int64(n)
	return n, errno
}

func (f *groupFile) pread(p *Process, _ *file, b []byte, off int64) (int, posix.Errno) {
	if f.g.dead {
		return 0, enodev
	}
	if off == 0 {
		f.seen = f.g.changed
		f.text = f.g.show(p, f.name)
	}
	if off >= int64(len(f.text)) {
		return 0, 0
	}
	return copy(b, f.text[off:]), 0
}

func (f *groupFile) write(p *Process, of *file, b []byte) (int, posix.Errno) {
	n, errno := f.pwrite(p, of, b, of.offset)
	of.offset += int64(n)
	return n, errno
}

// pwrite takes a value in one write, wherever it is written. Source: kernfs_fop_write_iter, cgroup_file_write.
func (f *groupFile) pwrite(p *Process, of *file, b []byte, _ int64) (int, posix.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	if len(b) >= pageSize && !strings.HasPrefix(f.name, "io.") {
		return 0, e2big
	}
	if f.g.dead {
		return 0, enodev
	}
	if errno := f.g.store(p, of, f.name, strings.TrimSpace(string(b))); errno != 0 {
		return 0, errno
	}
	return len(b), 0
}

func (f *groupFile) lseek(of *file, off int64, whence int) (int64, posix.Errno) {
	switch whence {
	case unix.SEEK_CUR:
		off += of.offset
	case unix.SEEK_SET:
	default:
		return 0, einval
	}
	if off < 0 {
		return 0, einval
	}
	of.offset = off
	return off, 0
}
