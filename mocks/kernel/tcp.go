package kernel

import (
	"maps"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// tcpSocket is a socket of TCP. Packets are not modelled: what is sent has arrived and is acknowledged. Source: net/ipv4/tcp.c.
type tcpSocket struct {
	inetSocket
	state   tcpState
	pending bool         // connect has been called and has not been told how it ended
	peer    *tcpSocket   // nil: none, or it has gone
	queue   []*tcpSocket // connections to accept
	backlog int
	in      []byte // what has arrived
	at      int    // and has been read
	done    bool   // the other end has finished
	retry   *timer // a listener without room is asked again
	tries   int
	ghost   *tcpGhost // what is left of the other end, when it has been closed
}

// tcpState is that of TCP_INFO.
type tcpState uint8

const (
	tcpEstablished tcpState = 1
	tcpSynSent     tcpState = 2
	tcpFinWait2    tcpState = 5
	tcpClose       tcpState = 0 // 7 in TCP_INFO; the zero value here
	tcpCloseWait   tcpState = 8
	tcpListen      tcpState = 10
)

const (
	tcpRoom    = 5 << 19          // bytes that a connection holds; Linux adapts it
	tcpRetries = 6                // net.ipv4.tcp_syn_retries
	timeWait   = 60 * time.Second // TCP_TIMEWAIT_LEN
)

func (t *tcpSocket) read(p *Process, f *file, b []byte) (int, posix.Errno) {
	return readSocket(t, p, f, b)
}
func (t *tcpSocket) write(p *Process, f *file, b []byte) (int, posix.Errno) {
	return writeSocket(t, p, f, b)
}

func (t *tcpSocket) info() posix.TCPInfo {
	i := posix.TCPInfo{State: uint8(t.state)}
	switch t.state {
	case tcpClose:
		i.State = 7
	case tcpListen:
		i.Unacked, i.Sacked = uint32(len(t.queue)), uint32(t.backlog)
	}
	return i
}

func (t *tcpSocket) peerName() (posix.Sockaddr, posix.Errno) {
	switch t.state {
	case tcpClose, tcpSynSent, tcpListen:
		return posix.Sockaddr{}, enotconn
	}
	return t.sockaddr(t.remote), 0
}

func (t *tcpSocket) listen(_ *Process, backlog int) posix.Errno {
	if t.state == tcpListen {
		t.backlog = backlog
		return 0
	}
	if t.state != tcpClose || t.pending {
		return einval
	}
	if !t.boundTo && !t.autobind(t.local.Addr()) {
		return eaddrinuse
	}
	t.listening = true
	if t.conflict(t.local.Port(), false) {
		t.listening = false
		return eaddrinuse
	}
	t.state, t.listens, t.backlog = tcpListen, true, backlog
	return 0
}

func (t *tcpSocket) acceptable() posix.Errno {
	if t.state != tcpListen {
		return einval
	}
	return 0
}

func (t *tcpSocket) accept(_ *Process, _ bool) (socket, posix.Errno) {
	if t.state != tcpListen {
		return nil, einval
	}
	if len(t.queue) == 0 {
		return nil, eagain
	}
	conn := t.queue[0]
	t.queue = append(t.queue[:0], t.queue[1:]...)
	return conn, 0
}

func (t *tcpSocket) connect(p *Process, a posix.Sockaddr, nonblock, again bool) posix.Errno {
	if a.Family == unix.AF_UNSPEC {
		t.disconnect()
		return 0
	}
	answer := ealready
	switch {
	case again:
	case t.pending:
	case t.state == tcpListen || t.state != tcpClose:
		return eisconn
	default:
		if errno := t.begin(a); errno != 0 {
			return errno
		}
		answer = einprogress
	}
	if t.state == tcpSynSent || nonblock && answer == einprogress {
		if nonblock {
			return answer
		}
		return eagain
	}
	t.pending = false
	if t.state == tcpClose {
		errno := t.takeError()
		if errno == 0 {
			errno = unix.ECONNABORTED
		}
		t.disconnect()
		return errno
	}
	return 0
}

// begin sends the first packet.
func (t *tcpSocket) begin(a posix.Sockaddr) posix.Errno {
	switch {
	case !t.v6() && length(a) < unix.SizeofSockaddrInet4, t.v6() && length(a) < 24:
		return einval
	case int(a.Family) != t.family:
		return eafnosupport
	}
	to, errno := t.target(a)
	if errno != 0 {
		return errno
	}
	from := t.source(to.Addr())
	if !t.boundTo {
		if !t.autobind(from) {
			return eaddrnotavail
		}
	} else {
		t.local = netip.AddrPortFrom(from, t.local.Port())
	}
	t.remote, t.pending, t.state, t.tries = to, true, tcpSynSent, 0
	t.err, t.shut, t.done = 0, 0, false
	t.knock()
	return 0
}

// knock asks the listener for a connection. One without room does not answer: it is asked again after a second, then two …
func (t *tcpSocket) knock() {
	t.retry = nil
	l := t.ns.inet.listener(t.remote, t.k)
	switch {
	case l == nil:
		t.reset(econnrefused)
	case len(l.queue) <= l.backlog:
		t.establish(l)
	case t.tries == tcpRetries:
		t.reset(etimedout)
	default:
		t.retry = t.k.after(t.k.now+time.Second<<t.tries, t.knock)
		t.tries++
	}
}

func (t *tcpSocket) establish(l *tcpSocket) {
	conn := &tcpSocket{inetSocket: inetSocket{sockBase: l.sockBase, ns: l.ns, uid: l.uid}, state: tcpEstablished, peer: t}
	conn.self = conn
	conn.q, conn.err, conn.listens, conn.shut = waitq{}, 0, false, 0
	conn.options.others = maps.Clone(l.options.others)
	conn.node = l.k.io.sockfs.newNode(unix.S_IFSOCK|0o777, l.node.uid, l.node.gid, posix.Timespec{})
	conn.local, conn.remote = t.remote, t.local
	conn.attach()
	t.peer, t.state = conn, tcpEstablished
	l.queue = append(l.queue, conn)
	l.q.notify(dataReady)
	t.stateChanged()
}

// listener returns who takes a connection; of several with SO_REUSEPORT the seed decides.
func (t *inetTable) listener(to netip.AddrPort, k *Kernel) *tcpSocket {
	var best []*tcpSocket
	score := 0
	for _, s := range t.ports[portKey{unix.SOCK_STREAM, to.Port()}] {
		fit := s.takes(to)
		if !s.listening || fit == 0 || fit < score {
			continue
		}
		if fit > score {
			best, score = best[:0], fit
		}
		best = append(best, s.self.(*tcpSocket))
	}
	switch len(best) {
	case 0:
		return nil
	case 1:
		return best[0]
	}
	return best[k.rng.IntN(len(best))]
}

// disconnect is tcp_disconnect: whatever the socket was, it is as new, except that a port that bind was told is kept.
func (t *tcpSocket) disconnect() {
	t.cancel()
	if t.state == tcpListen {
		t.stopListening()
	} else if t.peer != nil {
		t.peer.reset(econnreset)
		t.peer = nil
	}
	t.state, t.pending, t.done, t.shut, t.err = tcpClose, false, false, 0, 0
	t.in, t.at, t.remote = nil, 0, netip.AddrPort{}
	t.unbind()
	t.stateChanged()
}

func (t *tcpSocket) cancel() {
	if t.retry != nil {
		t.k.cancel(t.retry)
		t.retry = nil
	}
}

func (t *tcpSocket) stopListening() {
	for _, conn := range t.queue {
		if conn.peer != nil {
			conn.peer.reset(econnreset)
			conn.peer = nil
		}
		conn.detach()
	}
	t.queue, t.listening, t.listens = nil, false, false
}

// reset is told that the other end has gone, or never was. Source: tcp_reset.
func (t *tcpSocket) reset(why posix.Errno) {
	t.cancel()
	t.ghost.gone()
	if t.state == tcpCloseWait {
		why = epipe
	}
	t.err = why
	t.finish()
}

// finish is tcp_done.
func (t *tcpSocket) finish() {
	t.peer = nil
	t.state, t.shut = tcpClose, shutBoth
	if !t.portLocked {
		t.detach()
	}
	t.stateChanged()
}

func (t *tcpSocket) shutdown(_ *Process, how int) posix.Errno {
	if how < unix.SHUT_RD || how > unix.SHUT_RDWR {
		return einval
	}
	mode := uint8(how + 1)
	switch t.state {
	case tcpClose:
		t.shut |= mode
		t.stateChanged()
		return enotconn
	case tcpListen, tcpSynSent:
		if t.state == tcpListen && mode&shutRead == 0 {
			return 0
		}
		t.disconnect()
		return 0
	}
	t.shut |= mode
	if mode&shutWrite != 0 {
		t.sendFin()
	}
	t.stateChanged()
	return 0
}

// sendFin tells the other end that nothing more will come.
func (t *tcpSocket) sendFin() {
	peer := t.peer
	switch t.state {
	case tcpEstablished:
		t.state = tcpFinWait2
		peer.shut |= shutRead
		peer.done = true
		peer.state = tcpCloseWait
		peer.stateChanged()
	case tcpCloseWait: // both have finished: the other end, which was the first, keeps the port for a while
		t.ghost.linger()
		t.finish()
		if peer != nil {
			newGhost(peer)
			peer.shut |= shutRead
			peer.done = true
			peer.finish()
		}
	}
}

func (t *tcpSocket) release(*file) {
	t.cancel()
	peer := t.peer
	switch {
	case t.state == tcpListen:
		t.stopListening()
	case t.at < len(t.in) && peer != nil:
		peer.reset(econnreset)
	case t.at < len(t.in):
		t.ghost.gone()
	case t.state == tcpEstablished, t.state == tcpCloseWait:
		t.sendFin()
		fallthrough
	case t.state == tcpFinWait2:
		if peer != nil && peer.peer == t {
			peer.peer = nil
			peer.ghost = newGhost(t)
		}
	}
	t.peer, t.state = nil, tcpClose
	t.detach()
}

// tcpGhost is a port that is still in use though its socket has been closed: FIN_WAIT2 and TIME_WAIT.
type tcpGhost struct {
	inetSocket
	timer *timer
}

func newGhost(t *tcpSocket) *tcpGhost {
	g := &tcpGhost{inetSocket: inetSocket{sockBase: t.sockBase, ns: t.ns, local: t.local, remote: t.remote, uid: t.uid}}
	g.q = waitq{}
	g.self = g
	g.attach()
	g.timer = t.k.after(t.k.now+timeWait, g.detach)
	return g
}

// linger begins TIME_WAIT.
func (g *tcpGhost) linger() {
	if g != nil {
		g.k.cancel(g.timer)
		g.timer = g.k.after(g.k.now+timeWait, g.detach)
	}
}

// gone: the other end has been answered with a reset.
func (g *tcpGhost) gone() {
	if g != nil {
		g.k.cancel(g.timer)
		g.detach()
	}
}
