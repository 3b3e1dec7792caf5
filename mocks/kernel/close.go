package kernel

import "github.com/bulkhead/bulkhead/posix"

// Close implements [posix.Files].
func (p *Process) Close(fd posix.FD) error {
	c, errno := p.enter(posix.OpClose, uint64(fd))
	if errno == 0 {
		errno = p.close(fd)
	}
	return c.leave(errno)
}

func (p *Process) close(fd posix.FD) posix.Errno {
	if p.fds.get(fd) == nil {
		return ebadf
	}
	p.fds.remove(fd)
	return 0
}
