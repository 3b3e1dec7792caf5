package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Pipe2 implements [posix.Files].
func (p *Process) Pipe2(flags int) (r, w posix.FD, err error) {
	c, errno := p.enter(posix.OpPipe2, 1, uint64(flags))
	r, w = -1, -1
	if errno == 0 {
		r, w, errno = p.pipe2(uint32(flags))
	}
	return r, w, c.leave(errno)
}

func (p *Process) pipe2(flags uint32) (r, w posix.FD, errno posix.Errno) {
	switch {
	case flags&^(unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_DIRECT|unix.O_EXCL) != 0:
		return -1, -1, einval
	case flags&unix.O_EXCL != 0: // O_NOTIFICATION_PIPE, without CONFIG_WATCH_QUEUE
		return -1, -1, unix.ENOPKG
	}
	node := p.k.io.pipefs.newNode(unix.S_IFIFO|0o600, p.cred.uids.Effective, p.cred.gids.Effective, p.k.timestamp())
	end := &pipeEnd{pipe: newPipe(), node: node}
	reader, errno := p.k.newFile(p, end, flags&unix.O_NONBLOCK)
	if errno != 0 {
		return -1, -1, errno
	}
	end.join(reader)
	r, errno = p.install(reader, 0, flags&unix.O_CLOEXEC != 0)
	if errno != 0 {
		return -1, -1, errno
	}
	writer, errno := p.k.newFile(p, end, oWronly|flags&(unix.O_NONBLOCK|unix.O_DIRECT))
	if errno == 0 {
		end.join(writer)
		w, errno = p.install(writer, 0, flags&unix.O_CLOEXEC != 0)
	}
	if errno != 0 {
		p.fds.remove(r)
		return -1, -1, errno
	}
	return r, w, 0
}

// Tee implements [posix.Files].
func (p *Process) Tee(in, out posix.FD, size int, flags int) (int, error) {
	c, errno := p.enter(posix.OpTee, uint64(in), uint64(out), uint64(size), uint64(flags))
	n := 0
	if errno == 0 {
		n, errno = p.tee(in, out, size, uint32(flags))
	}
	return n, c.leave(errno)
}

const spliceFlags = unix.SPLICE_F_MOVE | unix.SPLICE_F_NONBLOCK | unix.SPLICE_F_MORE | unix.SPLICE_F_GIFT

func (p *Process) tee(in, out posix.FD, size int, flags uint32) (int, posix.Errno) {
	if flags&^spliceFlags != 0 {
		return 0, einval
	}
	if size == 0 {
		return 0, 0
	}
	from, errno := p.file(in)
	if errno != 0 {
		return 0, errno
	}
	to, errno := p.file(out)
	if errno != 0 {
		return 0, errno
	}
	if !from.readable() || !to.writable() {
		return 0, ebadf
	}
	source, ok1 := from.object.(*pipeEnd)
	target, ok2 := to.object.(*pipeEnd)
	if !ok1 || !ok2 || source.pipe == target.pipe {
		return 0, einval
	}
	if uint(size) > 1<<31-pageSize { // MAX_RW_COUNT
		size = 1<<31 - pageSize
	}
	p.pin(from)
	p.pin(to)
	n := 0
	errno = p.blocking(flags&unix.SPLICE_F_NONBLOCK != 0 || from.nonblocking() || to.nonblocking(), "tee", func() (errno posix.Errno) {
		n, errno = teePipes(p, source.pipe, target.pipe, size)
		return errno
	})
	p.unpin(from)
	p.unpin(to)
	return n, errno
}

func teePipes(p *Process, from, to *pipe, size int) (int, posix.Errno) {
	switch {
	case from.used == 0 && from.writers > 0:
		return 0, eagain
	case to.readers == 0:
		// Even when there is nothing to copy: the room for it is looked for first.
		p.brokenPipe()
		return 0, epipe
	case from.used == 0:
		return 0, 0
	case to.full():
		return 0, eagain
	}
	return from.tee(to, size), 0
}
