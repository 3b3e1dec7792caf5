package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// maxControl is net.core.optmem_max.
const maxControl = 131072

// Sendmsg implements [posix.Sockets].
func (p *Process) Sendmsg(fd posix.FD, m *posix.Msg, flags int) (int, error) {
	c, errno := p.enter(posix.OpSendmsg, uint64(fd), 1, uint64(flags))
	n := 0
	if errno == 0 {
		n, errno = p.sendmsg(fd, m, int(int32(flags)))
	}
	return n, c.leave(errno)
}

func (p *Process) sendmsg(fd posix.FD, m *posix.Msg, flags int) (int, posix.Errno) {
	if m.Addr.Family != unix.AF_UNSPEC {
		if errno := encodable(m.Addr); errno != 0 {
			return 0, errno
		}
		if _, errno := scopeOf(m.Addr); errno != 0 {
			return 0, errno
		}
	}
	s, f, errno := p.socketAt(fd)
	if errno != 0 {
		return 0, errno
	}
	if len(m.Control) > maxControl {
		return 0, unix.ENOBUFS
	}
	out := &p.k.io.out
	*out = outgoing{
		data: m.Data[:min(len(m.Data), maxTransfer)], addr: m.Addr, flags: flags, control: m.Control,
		nonblock: flags&unix.MSG_DONTWAIT != 0 || f.nonblocking(),
	}
	errno = s.prepare(p, out)
	if errno == 0 {
		errno = s.send(p, out)
	}
	if errno == eagain && !out.nonblock {
		return p.waitToSend(s, f, *out)
	}
	return p.sent(out, errno)
}

// waitToSend has a message of its own, so that the one of a call that does not wait can stay on the stack.
func (p *Process) waitToSend(s socket, f *file, m outgoing) (int, posix.Errno) {
	p.pin(f)
	errno := p.blocking(false, "sendmsg", func() posix.Errno {
		before := m.sent
		errno := s.send(p, &m)
		p.k.sched.moved = p.k.sched.moved || m.sent != before
		return errno
	})
	p.unpin(f)
	return p.sent(&m, errno)
}

// sent is the end of sending.
func (p *Process) sent(m *outgoing, errno posix.Errno) (int, posix.Errno) {
	m.dropFiles()
	if errno == epipe && m.signal && m.flags&unix.MSG_NOSIGNAL == 0 {
		p.brokenPipe()
	}
	if m.sent > 0 {
		return m.sent, 0
	}
	return 0, errno
}

// Recvmsg implements [posix.Sockets].
func (p *Process) Recvmsg(fd posix.FD, m *posix.Msg, flags int) (int, error) {
	c, errno := p.enter(posix.OpRecvmsg, uint64(fd), 1, uint64(flags))
	n := 0
	if errno == 0 {
		n, errno = p.recvmsg(fd, m, int(int32(flags)))
	}
	return n, c.leave(errno)
}

func (p *Process) recvmsg(fd posix.FD, m *posix.Msg, flags int) (int, posix.Errno) {
	s, f, errno := p.socketAt(fd)
	if errno != 0 {
		return 0, errno
	}
	in := &p.k.io.in
	*in = incoming{
		data: m.Data[:min(len(m.Data), maxTransfer)], flags: flags, wantsFiles: true,
		nonblock: flags&unix.MSG_DONTWAIT != 0 || f.nonblocking(),
	}
	errno = s.receive(p, in)
	if errno == eagain && !in.nonblock {
		return p.waitToReceive(s, f, m, *in)
	}
	return p.received(s, m, in, errno)
}

func (p *Process) waitToReceive(s socket, f *file, m *posix.Msg, in incoming) (int, posix.Errno) {
	p.pin(f)
	errno := p.blocking(false, "recvmsg", func() posix.Errno {
		before := in.n
		errno := s.receive(p, &in)
		p.k.sched.moved = p.k.sched.moved || in.n != before
		return errno
	})
	p.unpin(f)
	return p.received(s, m, &in, errno)
}

// received is the end of receiving.
func (p *Process) received(s socket, m *posix.Msg, in *incoming, errno posix.Errno) (int, posix.Errno) {
	if in.n > 0 && (errno == eagain || errno == eintr) {
		errno = 0
	}
	if errno != 0 {
		in.dropFiles()
		return 0, errno
	}
	m.Flags = in.flags&unix.MSG_CMSG_CLOEXEC | in.result
	m.Addr = in.addr
	w := controlWriter{p: p, buf: m.Control}
	w.write(in)
	m.Flags |= w.flags
	m.ControlLen = w.used
	in.dropFiles()
	if in.returns > 0 {
		return in.returns, 0
	}
	return in.n, 0
}
