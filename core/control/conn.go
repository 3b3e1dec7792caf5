package control

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkhead/bulkhead/posix"
)

// fate is what becomes of a connection.
type fate uint8

const (
	served   fate = iota
	stranger      // is told that it may not
	crowded       // is told to come again
	fates
)

// conn is an accepted connection. Closing it gives its place to another one.
type conn struct {
	net.Conn
	site *site
	fate fate
	peer posix.Ucred // of an OwnerOnly listener's
	mu   sync.Mutex  // held while a deadline is set; guards latest
	// latest is when it is over, whatever net/http thinks; zero is never.
	latest  time.Time
	fresh   atomic.Bool // nothing has come in yet
	once    sync.Once
	release func()
	kernel  posix.Files
	control []byte // for Read, on a unix socket
}

var errDescriptors = errors.New("descriptors came along")

// closers is how many threads the connections of one listener may hold up: a client decides how long it takes to close what it sends.
const closers = 2

// Read implements [net.Conn]. Who sends descriptors is not listened to any more. They are taken, because the kernel would close them here and now
// otherwise, and read(2) would wait for that.
func (c *conn) Read(p []byte) (int, error) {
	u, ok := c.Conn.(*net.UnixConn)
	if !ok {
		return c.Conn.Read(p)
	}
	if c.control == nil {
		c.control = make([]byte, posix.RightsSpace(posix.MaxRights))
	}
	n, control, _, _, err := u.ReadMsgUnix(p, c.control)
	if control == 0 {
		return max(n, 0), err // it is -1 with some errors
	}
	fds, _ := posix.ParseRights(c.control[:control])
	_ = c.site.closers.Do(func() error {
		for _, fd := range fds {
			_ = c.kernel.Close(fd)
		}
		return nil
	})
	return 0, &net.OpError{Op: "read", Net: "unix", Err: errDescriptors} // which net/http does not answer
}

// Close implements [net.Conn]. It does not wait for what has not been read, and the client does not either.
func (c *conn) Close() error {
	if u, ok := c.Conn.(*net.UnixConn); ok && !c.site.connected { // that one is to be served again
		_ = u.CloseWrite()
	}
	err := c.site.closers.Do(c.Conn.Close)
	c.once.Do(c.release)
	return err
}

// kill makes reading and writing fail from now on, so that net/http closes it.
func (c *conn) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest = time.Unix(1, 0)
	_ = c.Conn.SetDeadline(c.latest)
}

func (c *conn) SetDeadline(t time.Time) error      { return c.limit(t, c.Conn.SetDeadline) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.limit(t, c.Conn.SetReadDeadline) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.limit(t, c.Conn.SetWriteDeadline) }

// limit sets a deadline that is not after the latest.
func (c *conn) limit(t time.Time, set func(time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.latest.IsZero() && (t.IsZero() || t.After(c.latest)) {
		t = c.latest
	}
	return set(t)
}
