package kernel

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// eventfd is a counter to wait on. Source: eventfd(2).
type eventfd struct {
	anonymous
	unmoved
	count     uint64
	semaphore bool
	q         waitq
}

// Eventfd2 implements [posix.Polling].
func (p *Process) Eventfd2(initial uint32, flags int) (posix.FD, error) {
	c, errno := p.enter(posix.OpEventfd2, uint64(initial), uint64(flags))
	fd := posix.FD(-1)
	switch {
	case errno != 0:
	case uint32(flags)&^(unix.EFD_CLOEXEC|unix.EFD_NONBLOCK|unix.EFD_SEMAPHORE) != 0:
		errno = einval
	default:
		e := &eventfd{count: uint64(initial), semaphore: flags&unix.EFD_SEMAPHORE != 0}
		fd, errno = p.makeFD(e, oRdwr|uint32(flags)&(unix.EFD_CLOEXEC|unix.EFD_NONBLOCK))
	}
	return fd, c.leave(errno)
}

func (e *eventfd) read(_ *Process, _ *file, b []byte) (int, posix.Errno) {
	if len(b) < 8 {
		return 0, einval
	}
	if e.count == 0 {
		return 0, eagain
	}
	n := e.count
	if e.semaphore {
		n = 1
	}
	e.count -= n
	binary.NativeEndian.PutUint64(b, n)
	e.q.notify(unix.EPOLLOUT)
	return 8, 0
}

func (e *eventfd) write(_ *Process, _ *file, b []byte) (int, posix.Errno) {
	if len(b) != 8 {
		return 0, einval
	}
	n := binary.NativeEndian.Uint64(b)
	switch {
	case n == ^uint64(0):
		return 0, einval
	case ^uint64(0)-e.count <= n:
		return 0, eagain
	}
	e.count += n
	e.q.notify(unix.EPOLLIN)
	return 8, 0
}

func (e *eventfd) events(*file) uint32 {
	var mask uint32
	if e.count > 0 {
		mask |= unix.EPOLLIN
	}
	if ^uint64(0)-1 > e.count {
		mask |= unix.EPOLLOUT
	}
	return mask
}

func (e *eventfd) queues(*file) (a, b *waitq) { return &e.q, nil }
