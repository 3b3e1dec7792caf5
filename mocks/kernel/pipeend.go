package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// pipeEnd is what a description of a pipe or FIFO is of: one end, or both.
type pipeEnd struct {
	pipe *pipe
	node *inode // of the pipe in pipefs, or of the FIFO
	// calm: opened for reading before anybody had opened it for writing: no EPOLLHUP before that has happened.
	calm    bool
	writers uint64 // pipe.opened[1] then
}

func (e *pipeEnd) read(_ *Process, _ *file, b []byte) (int, posix.Errno) { return e.pipe.read(b) }

func (e *pipeEnd) write(p *Process, f *file, b []byte) (int, posix.Errno) {
	return e.pipe.write(p, b, f.flags&unix.O_DIRECT != 0)
}

func (e *pipeEnd) gradual()        {}
func (e *pipeEnd) pollable() bool  { return true }
func (e *pipeEnd) changes() uint64 { return 0 }

func (e *pipeEnd) events(f *file) uint32 {
	var mask uint32
	if f.readable() {
		if e.pipe.used > 0 {
			mask |= pipeReadable
		}
		if e.pipe.writers == 0 && !(e.calm && e.writers == e.pipe.opened[1]) {
			mask |= unix.EPOLLHUP
		}
	}
	if f.writable() {
		if !e.pipe.full() {
			mask |= pipeWriteable
		}
		if e.pipe.readers == 0 {
			mask |= unix.EPOLLERR
		}
	}
	return mask
}

func (e *pipeEnd) queues(f *file) (a, b *waitq) {
	switch {
	case !f.writable():
		return &e.pipe.readq, nil
	case !f.readable():
		return &e.pipe.writeq, nil
	}
	return &e.pipe.readq, &e.pipe.writeq
}

func (e *pipeEnd) stat(_ *file, st *posix.Stat) posix.Errno {
	fillStat(e.node, st)
	return 0
}

// join counts a new description.
func (e *pipeEnd) join(f *file) {
	if f.readable() {
		e.pipe.readers++
		e.pipe.opened[0]++
	}
	if f.writable() {
		e.pipe.writers++
		e.pipe.opened[1]++
	}
}

func (e *pipeEnd) release(f *file) {
	if f.readable() {
		e.pipe.readers--
	}
	if f.writable() {
		e.pipe.writers--
	}
	if e.pipe.readers == 0 && e.pipe.writers == 0 {
		for e.pipe.used > 0 { // a FIFO forgets
			e.pipe.shift()
		}
		return
	}
	if e.pipe.readers == 0 || e.pipe.writers == 0 {
		e.pipe.readq.notify(pipeReadable | unix.EPOLLERR | unix.EPOLLHUP)
		e.pipe.writeq.notify(pipeWriteable | unix.EPOLLERR | unix.EPOLLHUP)
	}
}

func (e *pipeEnd) pipeSize() int { return e.pipe.capacity() }

func (e *pipeEnd) setPipeSize(p *Process, size int) (int, posix.Errno) {
	return e.pipe.resize(p, uint32(size))
}
