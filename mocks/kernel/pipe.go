package kernel

import (
	"github.com/bulkhead/bulkhead/posix"
	"golang.org/x/sys/unix"
)

const (
	pageSize      = 4096
	pipeSlots     = 16      // of a new pipe
	maxPipeSize   = 1 << 20 // fs.pipe-max-size
	pipeReadable  = unix.EPOLLIN | unix.EPOLLRDNORM
	pipeWriteable = unix.EPOLLOUT | unix.EPOLLWRNORM
)

// pipe is a ring of pages, as in Linux: how much fits depends on how it was written. Source: fs/pipe.c.
type pipe struct {
	slots            []pipeSlot // a ring
	head, used       int        // the oldest slot; how many are in use
	readers, writers int        // descriptions
	opened           [2]uint64  // how often it was opened for reading and for writing
	readq, writeq    waitq
	spare            []*pipePage
}

// pipeSlot is a part of a page, which tee(2) shares between pipes.
type pipeSlot struct {
	page     *pipePage
	at, size int
	merge    bool // what is written next may be put behind
	packet   bool // a read takes it whole, or what it does not take is lost
}

type pipePage struct {
	refs int
	data [pageSize]byte
}

func newPipe() *pipe { return &pipe{slots: make([]pipeSlot, pipeSlots)} }

func (pi *pipe) full() bool           { return pi.used == len(pi.slots) }
func (pi *pipe) slot(i int) *pipeSlot { return &pi.slots[(pi.head+i)%len(pi.slots)] }
func (pi *pipe) capacity() int        { return len(pi.slots) * pageSize }
func (pi *pipe) push(s pipeSlot)      { *pi.slot(pi.used) = s; pi.used++ }
func (pi *pipe) notifyReaders()       { pi.readq.notify(pipeReadable) }
func (pi *pipe) notifyWriters()       { pi.writeq.notify(pipeWriteable) }

func (pi *pipe) newPage() *pipePage {
	if n := len(pi.spare); n > 0 {
		page := pi.spare[n-1]
		pi.spare = pi.spare[:n-1]
		page.refs = 1
		return page
	}
	return &pipePage{refs: 1}
}

// shift removes the oldest slot.
func (pi *pipe) shift() {
	s := pi.slot(0)
	if s.page.refs--; s.page.refs == 0 && len(pi.spare) < 2 {
		pi.spare = append(pi.spare, s.page)
	}
	*s = pipeSlot{}
	pi.head = (pi.head + 1) % len(pi.slots)
	pi.used--
}

// size returns how many bytes wait (FIONREAD).
func (pi *pipe) size() int {
	n := 0
	for i := range pi.used {
		n += pi.slot(i).size
	}
	return n
}

// read never waits: EAGAIN when there is nothing yet.
func (pi *pipe) read(b []byte) (int, posix.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	if pi.used == 0 {
		if pi.writers == 0 {
			return 0, 0
		}
		return 0, eagain
	}
	n := 0
	wasFull := pi.full()
	for pi.used > 0 && n < len(b) {
		s := pi.slot(0)
		took := copy(b[n:], s.page.data[s.at:s.at+s.size])
		n += took
		s.at += took
		s.size -= took
		packet := s.packet
		if s.size == 0 || packet {
			pi.shift()
		}
		if packet {
			break
		}
	}
	if wasFull && !pi.full() {
		pi.notifyWriters()
	}
	return n, 0
}

// write takes what there is room for; up to PIPE_BUF bytes are taken whole or not at all. packets: the description has O_DIRECT.
func (pi *pipe) write(p *Process, b []byte, packets bool) (int, posix.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	if pi.readers == 0 {
		p.brokenPipe()
		return 0, epipe
	}
	n := pi.merge(b)
	for n < len(b) && !pi.full() {
		page := pi.newPage()
		size := copy(page.data[:], b[n:])
		pi.push(pipeSlot{page: page, size: size, merge: !packets, packet: packets})
		n += size
	}
	if n == 0 {
		return 0, eagain
	}
	pi.notifyReaders()
	return n, 0
}

// merge puts what would not fill a page behind what is in the last one, if it fits there.
func (pi *pipe) merge(b []byte) int {
	rest := len(b) % pageSize
	if rest == 0 || pi.used == 0 {
		return 0
	}
	last := pi.slot(pi.used - 1)
	end := last.at + last.size
	if !last.merge || end+rest > pageSize {
		return 0
	}
	copy(last.page.data[end:], b[:rest])
	last.size += rest
	return rest
}

// resize is F_SETPIPE_SZ, which returns the new capacity.
func (pi *pipe) resize(p *Process, size uint32) (int, posix.Errno) {
	if size > 1<<31 {
		return 0, einval
	}
	slots := 1
	for slots*pageSize < int(size) {
		slots *= 2
	}
	switch {
	case slots > len(pi.slots) && slots*pageSize > maxPipeSize && !p.cred.has(unix.CAP_SYS_RESOURCE):
		return 0, eperm
	case slots < pi.used:
		return 0, ebusy
	}
	grown := make([]pipeSlot, slots)
	for i := range pi.used {
		grown[i] = *pi.slot(i)
	}
	pi.slots, pi.head = grown, 0
	pi.notifyWriters()
	return pi.capacity(), 0
}

// tee puts copies of at most size bytes into another pipe, which is not full.
func (pi *pipe) tee(to *pipe, size int) int {
	n := 0
	for i := 0; i < pi.used && !to.full() && n < size; i++ {
		s := *pi.slot(i)
		s.page.refs++
		s.merge = false
		s.size = min(s.size, size-n)
		to.push(s)
		n += s.size
	}
	if n > 0 {
		to.notifyReaders()
	}
	return n
}

// brokenPipe sends SIGPIPE to the process.
func (p *Process) brokenPipe() {
	p.k.send(p, posix.SignalInfo{Signal: unix.SIGPIPE, PID: p.pid, UID: p.cred.uids.Real}, false)
}
