package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// pollAlways is what poll(2) says of files that are always ready.
const pollAlways uint32 = unix.POLLIN | unix.POLLOUT | unix.EPOLLRDNORM | unix.EPOLLWRNORM

// Ppoll implements [posix.Polling].
func (p *Process) Ppoll(fds []posix.PollFD, timeout *posix.Timespec) (int, error) {
	c, errno := p.enter(posix.OpPpoll, 1, uint64(len(fds)), 1, 0, 0)
	n := 0
	if errno == 0 {
		n, errno = p.ppoll(fds, timeout)
	}
	return n, c.leave(errno)
}

func (p *Process) ppoll(fds []posix.PollFD, timeout *posix.Timespec) (int, posix.Errno) {
	if timeout != nil && !validTime(*timeout) {
		return 0, einval
	}
	if uint64(len(fds)) > p.limits[rlimitNofile].Soft {
		return 0, einval
	}
	n := p.poll(fds)
	if n > 0 || timeout != nil && *timeout == (posix.Timespec{}) {
		return n, 0
	}
	until := never
	if timeout != nil {
		until = later(p.k.now, duration(*timeout))
	}
	if p.k.wait(p, "ppoll", until, func() bool { n = p.poll(fds); return n > 0 }) == interrupted {
		return 0, eintr
	}
	return n, 0
}

// poll fills in Revents and returns how many have some.
func (p *Process) poll(fds []posix.PollFD) int {
	n := 0
	for i := range fds {
		fds[i].Revents = int16(p.pollOne(fds[i]))
		if fds[i].Revents != 0 {
			n++
		}
	}
	return n
}

func (p *Process) pollOne(fd posix.PollFD) uint32 {
	if fd.FD < 0 {
		return 0
	}
	f, errno := p.file(fd.FD)
	if errno != 0 {
		return unix.POLLNVAL
	}
	wanted := uint32(uint16(fd.Events)) | unix.POLLERR | unix.POLLHUP
	if !f.object.pollable() {
		return pollAlways & wanted
	}
	f.askedBy(p)
	return f.object.events(f) & wanted
}
