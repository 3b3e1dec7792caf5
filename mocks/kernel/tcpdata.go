package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func (t *tcpSocket) prepare(_ *Process, m *outgoing) posix.Errno { return t.prepareInet(m) }

func (t *tcpSocket) send(_ *Process, m *outgoing) posix.Errno {
	switch t.state {
	case tcpEstablished, tcpCloseWait:
	case tcpSynSent:
		return eagain
	default:
		return t.broken(m)
	}
	if t.err != 0 || t.shut&shutWrite != 0 {
		return t.broken(m)
	}
	peer := t.peer
	if peer == nil { // it has been closed: it answers with a reset
		m.sent = len(m.data)
		if m.sent > 0 {
			t.reset(econnreset)
		}
		return 0
	}
	room := tcpRoom - (len(peer.in) - peer.at)
	n := min(room, len(m.data)-m.sent)
	if n <= 0 && len(m.data) > 0 {
		return eagain
	}
	if peer.at == len(peer.in) {
		peer.in, peer.at = peer.in[:0], 0
	}
	peer.in = append(peer.in, m.data[m.sent:m.sent+n]...)
	m.sent += n
	if n > 0 {
		peer.q.notify(readMask)
	}
	if m.sent < len(m.data) {
		return eagain
	}
	return 0
}

// broken is what a send is told that cannot go anywhere: the pending error, or EPIPE with the signal.
func (t *tcpSocket) broken(m *outgoing) posix.Errno {
	if m.sent > 0 {
		return 0
	}
	if errno := t.takeError(); errno != 0 && errno != epipe {
		return errno
	}
	m.signal = true
	return epipe
}

func (t *tcpSocket) receive(_ *Process, m *incoming) posix.Errno {
	if t.state == tcpListen {
		return enotconn
	}
	if m.flags&unix.MSG_OOB != 0 {
		return einval
	}
	if t.at < len(t.in) {
		n := copy(m.data[m.n:], t.in[t.at:])
		m.n += n
		if m.peeks() {
			return 0
		}
		wasFull := len(t.in)-t.at >= tcpRoom
		t.at += n
		if t.at == len(t.in) {
			t.in, t.at = t.in[:0], 0
		}
		if wasFull && t.peer != nil {
			t.peer.q.notify(unix.EPOLLOUT | unix.EPOLLWRNORM)
		}
		if m.flags&unix.MSG_WAITALL == 0 || m.n == len(m.data) {
			return 0
		}
	}
	switch {
	case t.done:
		return 0
	case m.n > 0 && (t.err != 0 || t.shut&shutRead != 0 || t.state == tcpClose):
		return 0
	case t.err != 0:
		return t.takeError()
	case t.shut&shutRead != 0:
		return 0
	case t.state == tcpClose:
		return enotconn
	}
	return eagain
}

func (t *tcpSocket) events(*file) uint32 {
	if t.state == tcpListen {
		if len(t.queue) > 0 {
			return readMask
		}
		return 0
	}
	var mask uint32
	if t.shut == shutBoth || t.state == tcpClose {
		mask |= unix.EPOLLHUP
	}
	if t.shut&shutRead != 0 {
		mask |= readMask | unix.EPOLLRDHUP
	}
	if t.state != tcpSynSent {
		if t.at < len(t.in) {
			mask |= readMask
		}
		if t.shut&shutWrite != 0 || t.peer == nil || len(t.peer.in)-t.peer.at < tcpRoom {
			mask |= unix.EPOLLOUT | unix.EPOLLWRNORM
		}
	}
	if t.err != 0 {
		mask |= unix.EPOLLERR
	}
	return mask
}
