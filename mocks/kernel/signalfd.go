package kernel

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// signalfd is the object of a descriptor that signals are read from. A read takes those of the reader, as on Linux, and whether there are some is asked of the
// process that polls: see askedBy.
type signalfd struct {
	anonymous
	unmoved
	mask posix.Sigset
	of   *Process
}

// Signalfd4 implements [posix.Signals].
func (p *Process) Signalfd4(fd posix.FD, mask posix.Sigset, flags int) (posix.FD, error) {
	c, errno := p.enter(posix.OpSignalfd4, uint64(fd), somewhere, 8, uint64(flags))
	if errno == 0 {
		fd, errno = p.signalfd(fd, mask, flags)
	}
	if errno != 0 {
		fd = -1
	}
	return fd, c.leave(errno)
}

func (p *Process) signalfd(fd posix.FD, mask posix.Sigset, flags int) (posix.FD, posix.Errno) {
	if flags&^(unix.SFD_CLOEXEC|unix.SFD_NONBLOCK) != 0 {
		return -1, einval
	}
	mask &^= neverBlocked
	if fd != -1 {
		f, errno := p.file(fd)
		if errno != 0 {
			return -1, errno
		}
		s, ok := f.object.(*signalfd)
		if !ok {
			return -1, einval
		}
		s.mask, s.of = mask, p
		return fd, 0
	}
	f, errno := p.k.newFile(p, &signalfd{mask: mask, of: p}, unix.O_RDWR|uint32(flags&unix.SFD_NONBLOCK))
	if errno != 0 {
		return -1, errno
	}
	return p.install(f, 0, flags&unix.SFD_CLOEXEC != 0)
}

// read takes as many signals as there is room for. Source: fs/signalfd.c, signalfd_read_iter.
func (s *signalfd) read(p *Process, _ *file, b []byte) (int, posix.Errno) {
	if len(b) < posix.SignalInfoSize {
		return 0, einval
	}
	s.of = p
	n := 0
	for len(b)-n >= posix.SignalInfoSize {
		info, ok := p.dequeue(s.mask)
		if !ok {
			break
		}
		putSignal(b[n:n+posix.SignalInfoSize], info)
		n += posix.SignalInfoSize
	}
	if n == 0 {
		return 0, eagain
	}
	return n, 0
}

// putSignal writes struct signalfd_siginfo. Source: signalfd(2).
func putSignal(b []byte, info posix.SignalInfo) {
	clear(b)
	word := func(at int, v uint32) { binary.NativeEndian.PutUint32(b[at:], v) }
	word(0, uint32(info.Signal))
	word(8, uint32(int32(info.Code)))
	word(12, uint32(info.PID))
	word(16, uint32(info.UID))
	word(40, uint32(int32(info.Status)))
}

// askedBy says who is about to ask for events: a signalfd is ready for those who have signals. An epoll instance asks for those that it watches itself.
func (f *file) askedBy(p *Process) {
	switch o := f.object.(type) {
	case *signalfd:
		o.of = p
	case *epoll:
		for _, it := range o.polled {
			if s, ok := it.key.file.object.(*signalfd); ok {
				s.of = p
			}
		}
	}
}

func (s *signalfd) events(*file) uint32 {
	if s.of.sig.pending&s.mask != 0 {
		return unix.EPOLLIN
	}
	return 0
}

func (s *signalfd) changes() uint64 { return s.of.sig.arrived }
