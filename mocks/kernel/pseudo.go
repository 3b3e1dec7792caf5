package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// pseudo is the body of a file whose text is made when it is read. Source: seq_file in Documentation/filesystems/seq_file.rst.
type pseudo struct {
	// text makes the contents, for process p which reads. It is asked at each read from the beginning.
	text func(p *Process) (string, posix.Errno)
	// store takes what is written; nil: EIO, as with files that only root may open for writing and nobody writes.
	store func(p *Process, b []byte) posix.Errno
}

func (pseudo) size() int64 { return 0 }

func (b pseudo) open(_ *Process, n *inode, _ *file) (object, posix.Errno) {
	return &pseudoFile{pseudo: b, n: n}, 0
}

// pseudoFile is the object of a description of one.
type pseudoFile struct {
	nothing
	pseudo
	n    *inode
	made bool
	now  string
}

func (f *pseudoFile) sizeless()      {}
func (f *pseudoFile) pollable() bool { return false }
func (f *pseudoFile) events(*file) uint32 {
	return unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDNORM | unix.EPOLLWRNORM
}

func (f *pseudoFile) stat(_ *file, st *posix.Stat) posix.Errno {
	f.n.fill(st)
	return 0
}

func (f *pseudoFile) read(p *Process, of *file, b []byte) (int, posix.Errno) {
	n, errno := f.pread(p, of, b, of.offset)
	of.offset += int64(n)
	return n, errno
}

func (f *pseudoFile) pread(p *Process, _ *file, b []byte, off int64) (int, posix.Errno) {
	if off == 0 || !f.made {
		text, errno := f.text(p)
		if errno != 0 {
			return 0, errno
		}
		f.now, f.made = text, true
	}
	if off >= int64(len(f.now)) {
		return 0, 0
	}
	return copy(b, f.now[off:]), 0
}

func (f *pseudoFile) write(p *Process, _ *file, b []byte) (int, posix.Errno) {
	return f.pwrite(p, nil, b, 0)
}

func (f *pseudoFile) pwrite(p *Process, _ *file, b []byte, _ int64) (int, posix.Errno) {
	if f.store == nil {
		return 0, eio
	}
	if errno := f.store(p, b); errno != 0 {
		return 0, errno
	}
	return len(b), 0
}

// lseek is seq_lseek() in fs/seq_file.c.
func (f *pseudoFile) lseek(of *file, off int64, whence int) (int64, posix.Errno) {
	switch whence {
	case unix.SEEK_SET:
	case unix.SEEK_CUR:
		off += of.offset
	default:
		return 0, einval
	}
	if off < 0 {
		return 0, einval
	}
	of.offset = off
	return off, 0
}

// computed is the body of a symbolic link whose target depends on who asks.
type computed func(p *Process) (string, posix.Errno)

func (computed) size() int64 { return 0 }

func (c computed) target(p *Process, _ *inode) (string, posix.Errno) { return c(p) }

func (computed) open(*Process, *inode, *file) (object, posix.Errno) { return nil, eloop }

// jumper is the body of a magic link.
type jumper struct {
	computed
	to func(p *Process) (spot, posix.Errno)
}

func (j jumper) jump(p *Process, _ *inode) (spot, posix.Errno) { return j.to(p) }

// fixed is a directory that only its file system changes.
type fixed struct{}

func (fixed) lookup(*Process, *entry, string) *entry { return nil }
func (fixed) list(*Process, *entry)                  {}
func (fixed) mkdir(*Process, *entry, string, uint32) posix.Errno {
	return eperm
}
func (fixed) rmdir(*Process, *entry, *entry) posix.Errno { return eperm }
func (fixed) writable() bool                             { return false }

// addTo makes a file in a directory of a file system that makes its files by itself.
func (s *super) addTo(at *entry, name string, mode uint32, b body) *entry {
	return dirOf(at).add(at, name, s.newInode(mode, b))
}

// addDir makes a directory there.
func (s *super) addDir(at *entry, name string, mode uint32, how special) *entry {
	return s.addTo(at, name, unix.S_IFDIR|mode, &dir{special: how})
}
