package control

import (
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
}

func (c *conn) Close() error {
	err := c.Conn.Close()
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
