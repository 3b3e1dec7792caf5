package kernel

import "github.com/bulkhead/bulkhead/posix"

// maxTransfer is how many bytes one call moves at most. Source: read(2), MAX_RW_COUNT.
const maxTransfer = 1<<31 - pageSize

// Read implements [posix.Files].
func (p *Process) Read(fd posix.FD, b []byte) (int, error) {
	c, errno := p.enter(posix.OpRead, uint64(fd), 1, uint64(len(b)))
	n := 0
	if errno == 0 {
		n, errno = p.read(fd, b)
	}
	return n, c.leave(errno)
}

func (p *Process) read(fd posix.FD, b []byte) (int, posix.Errno) {
	f, errno := p.file(fd)
	if errno != 0 {
		return 0, errno
	}
	if !f.readable() {
		return 0, ebadf
	}
	return p.readFrom(f, b[:min(len(b), maxTransfer)])
}

// Write implements [posix.Files].
func (p *Process) Write(fd posix.FD, b []byte) (int, error) {
	c, errno := p.enter(posix.OpWrite, uint64(fd), 1, uint64(len(b)))
	n := 0
	if errno == 0 {
		n, errno = p.write(fd, b)
	}
	return n, c.leave(errno)
}

func (p *Process) write(fd posix.FD, b []byte) (int, posix.Errno) {
	f, errno := p.file(fd)
	if errno != 0 {
		return 0, errno
	}
	if !f.writable() {
		return 0, ebadf
	}
	return p.writeTo(f, b[:min(len(b), maxTransfer)])
}
