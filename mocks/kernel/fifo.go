package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// fifo is the body of a FIFO: a pipe with a name. Source: fifo(7), fifo_open() in fs/pipe.c.
type fifo struct{ pipe *pipe }

func (fifo) size() int64 { return 0 }

func (b fifo) open(p *Process, n *inode, f *file) (object, posix.Errno) {
	return p.openPipe(b.pipe, n, f)
}

// reopen is an open by way of /proc/PID/fd.
func (e *pipeEnd) reopen(p *Process, f *file) (object, posix.Errno) {
	return p.openPipe(e.pipe, e.node, f)
}

// openPipe opens an end of a pipe, or both, and waits for the other one. ENXIO: nobody reads, and O_NONBLOCK. EINTR: a signal came first.
func (p *Process) openPipe(pi *pipe, n *inode, f *file) (object, posix.Errno) {
	end := &pipeEnd{pipe: pi, node: n}
	reads, writes := f.readable(), f.writable()
	named := n.super != &p.k.io.pipefs
	switch {
	case !reads && !writes:
		return nil, einval
	case writes && !reads && named && f.nonblocking() && pi.readers == 0:
		return nil, enxio
	}
	alone, other := pi.writers == 0, 1
	if writes {
		alone, other = pi.readers == 0, 0
	}
	end.join(f)
	if reads && writes || !alone || !named {
		return end, 0
	}
	before := pi.opened[other]
	if f.nonblocking() {
		end.calm, end.writers = true, before
		return end, 0
	}
	if p.k.wait(p, "open of a FIFO", never, func() bool { return pi.opened[other] != before }) == interrupted {
		end.release(f)
		return nil, eintr
	}
	return end, 0
}

// Mkfifo makes a FIFO with exactly these permission bits. Directories that are missing are made with mode 0755.
func (k *Kernel) Mkfifo(path string, mode uint32) error {
	return k.asAdmin("make FIFO", path, func(p *Process) posix.Errno {
		n, errno := p.make(path, unix.S_IFIFO|mode&0o7777, fifo{newPipe()})
		if errno == 0 {
			n.mode = unix.S_IFIFO | mode&0o7777
		}
		return errno
	})
}
