package fd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Conn is a net.Conn over a connected stream socket.
type Conn struct {
	stream        *Stream
	local, remote net.Addr
}

var _ net.Conn = (*Conn)(nil)

// Conn takes ownership of n, a connected stream socket, and makes it non-blocking. After an error n is still the caller's. Errors: ENOTSOCK, ENOTCONN, and those of
// [Poller.Stream].
func (p *Poller) Conn(n posix.FD) (*Conn, error) {
	local, err := p.core.Getsockname(n)
	if err != nil {
		return nil, fmt.Errorf("ask for a socket's address: %w", err)
	}
	remote, err := p.core.Getpeername(n)
	if err != nil {
		return nil, fmt.Errorf("ask for the other end's address: %w", err)
	}
	s, err := p.Stream(n)
	if err != nil {
		return nil, err
	}
	return &Conn{stream: s, local: Addr(local), remote: Addr(remote)}, nil
}

// Addr returns an address as package net has it: a *net.TCPAddr or a *net.UnixAddr.
func Addr(a posix.Sockaddr) net.Addr {
	if a.Family == unix.AF_INET || a.Family == unix.AF_INET6 {
		return net.TCPAddrFromAddrPort(a.Addr)
	}
	return &net.UnixAddr{Name: a.Path, Net: "unix"}
}

// Read implements [net.Conn].
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.stream.Read(b)
	return n, c.wrap("read", err)
}

// Write implements [net.Conn]. A connection that the other end has closed is EPIPE or ECONNRESET, without a signal.
func (c *Conn) Write(b []byte) (int, error) {
	var m posix.Msg
	n, err := c.stream.write(b, func(n posix.FD, rest []byte) (int, error) {
		m = posix.Msg{Data: rest}
		return c.stream.poller.core.Sendmsg(n, &m, unix.MSG_NOSIGNAL)
	})
	return n, c.wrap("write", err)
}

// Close implements [net.Conn].
func (c *Conn) Close() error { return c.wrap("close", c.stream.Close()) }

// CloseRead ends reading: what is still sent to us is lost.
func (c *Conn) CloseRead() error { return c.shutdown(unix.SHUT_RD) }

// CloseWrite tells the other end that nothing more will come.
func (c *Conn) CloseWrite() error { return c.shutdown(unix.SHUT_WR) }

func (c *Conn) shutdown(how int) error {
	return c.wrap("close", closedIsNet(c.stream.fd.Do(func(n posix.FD) error { return c.stream.poller.core.Shutdown(n, how) })))
}

// LocalAddr implements [net.Conn].
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements [net.Conn].
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error { return c.wrap("set", c.stream.SetDeadline(t)) }

// SetReadDeadline implements [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error { return c.wrap("set", c.stream.SetReadDeadline(t)) }

// SetWriteDeadline implements [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.wrap("set", c.stream.SetWriteDeadline(t))
}

// wrap makes an error as package net does, but for io.EOF.
func (c *Conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return opError(op, c.local, c.remote, err)
}

func opError(op string, source, addr net.Addr, err error) error {
	e := &net.OpError{Op: op, Net: source.Network(), Source: source, Addr: addr, Err: err}
	if addr == nil {
		e.Source, e.Addr = nil, source
	}
	return e
}

// Listener is a net.Listener over a socket that listens.
type Listener struct {
	stream *Stream // for waiting: it is never read
	addr   net.Addr
}

var _ net.Listener = (*Listener)(nil)

// Listener takes ownership of n, a stream socket that listens, and makes it non-blocking: that is a property of the socket, shared with whoever else holds it. After an
// error n is still the caller's. Errors: ENOTSOCK, EINVAL (it does not listen), and those of [Poller.Stream].
func (p *Poller) Listener(n posix.FD) (*Listener, error) {
	addr, err := p.core.Getsockname(n)
	if err != nil {
		return nil, fmt.Errorf("ask for a socket's address: %w", err)
	}
	listens, err := p.core.GetsockoptInt(n, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return nil, fmt.Errorf("ask whether a socket listens: %w", err)
	}
	if listens == 0 {
		return nil, fmt.Errorf("accept connections at %s: the socket does not listen: %w", addr, posix.Errno(unix.EINVAL))
	}
	s, err := p.Stream(n)
	if err != nil {
		return nil, err
	}
	return &Listener{stream: s, addr: Addr(addr)}, nil
}

// Accept implements [net.Listener]: it returns a [*Conn]. A connection that was gone before it was accepted is passed over. EMFILE and ENFILE are errors that say Temporary,
// so that net/http waits and tries again.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.accept()
	if err != nil {
		return nil, opError("accept", l.addr, nil, err)
	}
	return c, nil
}

func (l *Listener) accept() (*Conn, error) {
	p := l.stream.poller
	l.stream.reading.Lock()
	defer l.stream.reading.Unlock()
	for {
		conn := posix.NoFD
		err := l.stream.attempt(&l.stream.waiter.read, func(n posix.FD) (err error) {
			conn, _, err = p.core.Accept4(n, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
			return err
		})
		if errors.Is(err, posix.Errno(unix.ECONNABORTED)) || errors.Is(err, posix.Errno(unix.EINTR)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c, err := p.Conn(conn)
		if err == nil {
			return c, nil
		}
		if err := errors.Join(err, p.core.Close(conn)); !errors.Is(err, posix.Errno(unix.ENOTCONN)) { // reset before we asked who it is
			return nil, err
		}
	}
}

// Close implements [net.Listener]. A path of a unix socket is left: whoever made it removes it.
func (l *Listener) Close() error {
	if err := l.stream.Close(); err != nil {
		return opError("close", l.addr, nil, err)
	}
	return nil
}

// Addr implements [net.Listener].
func (l *Listener) Addr() net.Addr { return l.addr }
