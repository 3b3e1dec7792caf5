package kernel

import "github.com/bulkhead/bulkhead/posix"

// gradual is an object that takes as much of a write as it has room for: a write that may block goes on until it has taken everything.
type gradual interface{ gradual() }

// readFrom is read(2) on a description that may be read.
func (p *Process) readFrom(f *file, b []byte) (int, posix.Errno) {
	n, errno := f.object.read(p, f, b)
	if errno != eagain || f.nonblocking() {
		return n, errno
	}
	return p.waitToRead(f, b)
}

func (p *Process) waitToRead(f *file, b []byte) (n int, errno posix.Errno) {
	p.pin(f)
	errno = p.blocking(false, "read", func() (errno posix.Errno) {
		n, errno = f.object.read(p, f, b)
		return errno
	})
	p.unpin(f)
	return n, errno
}

// writeTo is write(2) on a description that may be written.
func (p *Process) writeTo(f *file, b []byte) (int, posix.Errno) {
	n, errno := f.object.write(p, f, b)
	switch {
	case f.nonblocking():
		return n, errno
	case errno == eagain, errno == 0 && n < len(b) && isGradual(f.object):
		return p.waitToWrite(f, b, n)
	}
	return n, errno
}

func isGradual(o object) bool {
	_, ok := o.(gradual)
	return ok
}

// waitToWrite goes on with a write of which n bytes have been taken.
func (p *Process) waitToWrite(f *file, b []byte, n int) (int, posix.Errno) {
	p.pin(f)
	goesOn := isGradual(f.object)
	errno := p.blocking(false, "write", func() posix.Errno {
		taken, errno := f.object.write(p, f, b[n:])
		n += taken
		p.k.sched.moved = p.k.sched.moved || taken > 0
		if errno == 0 && n < len(b) && goesOn {
			return eagain
		}
		return errno
	})
	p.unpin(f)
	if n > 0 {
		return n, 0
	}
	return 0, errno
}

// pin keeps a description while a call waits on it, even if its last descriptor is closed meanwhile. A process that is killed in the wait lets it go in
// [Kernel.unwind].
func (p *Process) pin(f *file) { p.pinned = append(p.pinned, f.hold()) }

func (p *Process) unpin(f *file) {
	for i := len(p.pinned) - 1; i >= 0; i-- {
		if p.pinned[i] == f {
			p.pinned = append(p.pinned[:i], p.pinned[i+1:]...)
			f.drop()
			return
		}
	}
}

func (p *Process) unpinAll() {
	for len(p.pinned) > 0 {
		p.unpin(p.pinned[0])
	}
}
