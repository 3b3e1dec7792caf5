package kernel

import "github.com/bulkhead/bulkhead/posix"

// Readlinkat implements [posix.Files].
func (p *Process) Readlinkat(dir posix.FD, path string, buf []byte) (int, error) {
	if hasNUL(path) {
		return 0, einval
	}
	c, errno := p.enter(posix.OpReadlinkat, uint64(dir), 1, 1, uint64(len(buf)))
	n := 0
	if errno == 0 {
		n, errno = p.readlinkat(dir, path, buf)
	}
	return n, c.leave(errno)
}

func (p *Process) readlinkat(dir posix.FD, path string, buf []byte) (int, posix.Errno) {
	if len(buf) == 0 {
		return 0, einval
	}
	at, errno := p.lookup(dir, path, emptyPath)
	if errno != 0 {
		return 0, errno
	}
	l, ok := at.entry.inode.body.(link)
	switch {
	case !ok && path == "":
		return 0, enoent
	case !ok:
		return 0, einval
	}
	target, errno := l.target(p, at.entry.inode)
	if errno != 0 {
		return 0, errno
	}
	at.entry.inode.accessed(at.mount)
	return copy(buf, target), 0
}
