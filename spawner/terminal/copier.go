package terminal

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// chunk is how much is held in each direction.
const chunk = 16 << 10

// copier moves bytes between the real terminal and the master side. It reads no more than it can give on, so neither side is ever
// kept from being read by the other's being full.
type copier struct {
	proxy   *Proxy
	input   bool   // the real terminal has not come to its end
	hangup  bool   // nobody has the slave side open any more, and all of it was read
	pending []byte // typed, and not yet taken by the command
}

// turn waits for something to do and does it. more is false when all is done.
func (c *copier) turn() (more bool, err error) {
	p := c.proxy
	if c.hangup && (p.hasEnded() || !c.input) {
		return false, nil
	}
	fds := []posix.PollFD{{FD: p.wake, Events: unix.POLLIN}, {FD: -1}, {FD: -1}}
	if c.input && len(c.pending) == 0 {
		fds[1] = posix.PollFD{FD: p.real, Events: unix.POLLIN}
	}
	if !c.hangup {
		fds[2] = posix.PollFD{FD: p.master, Events: unix.POLLIN}
		if len(c.pending) > 0 {
			fds[2].Events |= unix.POLLOUT
		}
	}
	var timeout *posix.Timespec
	if p.hasEnded() {
		timeout = &posix.Timespec{} // what is there now is all there will be
	}
	n, err := p.kernel.Ppoll(fds, timeout)
	if errors.Is(err, posix.Errno(unix.EINTR)) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if n == 0 && timeout != nil {
		return false, nil
	}
	if fds[0].Revents != 0 {
		var count [8]byte
		_, _ = p.kernel.Read(p.wake, count[:]) // only empties the counter
	}
	if fds[1].Revents != 0 {
		if err := c.readReal(); err != nil {
			return false, err
		}
	}
	if fds[2].Revents&(unix.POLLIN|unix.POLLHUP|unix.POLLERR) != 0 {
		if err := c.readMaster(); err != nil {
			return false, err
		}
	}
	if len(c.pending) > 0 && !c.hangup {
		return true, c.writeMaster()
	}
	return true, nil
}

// readReal takes what was typed. The end of the real terminal is passed on as the end-of-file character.
func (c *copier) readReal() error {
	p := c.proxy
	buf := make([]byte, chunk)
	n, err := p.kernel.Read(p.real, buf)
	switch {
	case errors.Is(err, posix.Errno(unix.EINTR)), errors.Is(err, posix.Errno(unix.EAGAIN)):
		return nil
	case n == 0, errors.Is(err, posix.Errno(unix.EIO)): // hung up
		c.input = false
		c.pending = []byte{p.saved.Cc[unix.VEOF]}
		return nil
	case err != nil:
		return err
	}
	c.pending = buf[:n]
	return nil
}

// readMaster passes on what the command wrote.
func (c *copier) readMaster() error {
	p := c.proxy
	buf := make([]byte, chunk)
	n, err := p.kernel.Read(p.master, buf)
	switch {
	case errors.Is(err, posix.Errno(unix.EINTR)), errors.Is(err, posix.Errno(unix.EAGAIN)):
		return nil
	case n == 0, errors.Is(err, posix.Errno(unix.EIO)): // nobody has the slave side open
		c.hangup = true
		return nil
	case err != nil:
		return err
	}
	return c.writeReal(buf[:n])
}

// writeReal writes all of it. The real terminal may be in non-blocking mode, which is shared with whoever else has it open.
func (c *copier) writeReal(data []byte) error {
	p := c.proxy
	for len(data) > 0 {
		n, err := p.kernel.Write(p.real, data)
		switch {
		case errors.Is(err, posix.Errno(unix.EAGAIN)):
			fds := []posix.PollFD{{FD: p.real, Events: unix.POLLOUT}}
			if _, err := p.kernel.Ppoll(fds, nil); err != nil && !errors.Is(err, posix.Errno(unix.EINTR)) {
				return err
			}
		case errors.Is(err, posix.Errno(unix.EINTR)):
		case err != nil:
			return err
		default:
			data = data[n:]
		}
	}
	return nil
}

func (c *copier) writeMaster() error {
	p := c.proxy
	n, err := p.kernel.Write(p.master, c.pending)
	switch {
	case errors.Is(err, posix.Errno(unix.EINTR)), errors.Is(err, posix.Errno(unix.EAGAIN)):
		return nil
	case err != nil:
		return err
	}
	c.pending = c.pending[n:]
	return nil
}
