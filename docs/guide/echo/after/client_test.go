package main

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// client is one connection to the server.
type client struct {
	t    testing.TB
	core posix.Core
	fd   posix.FD
}

// dialer makes a socket, which is not connected yet.
func (m *machine) dialer(t testing.TB) *client {
	n, err := m.client.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	return &client{t, m.client, n}
}

// dial connects to the server.
func (m *machine) dial(t testing.TB, s *server) *client {
	return m.dialer(t).connect(s)
}

func (c *client) connect(s *server) *client {
	at := netip.MustParseAddrPort(s.listener.Addr().String())
	must(c.t, c.core.Connect(c.fd, posix.Sockaddr{Family: unix.AF_INET, Addr: at}))
	return c
}

// ask sends a line and returns the answer.
func (c *client) ask(line string) string {
	c.t.Helper()
	n, err := c.core.Write(c.fd, []byte(line+"\n"))
	must(c.t, err)
	if n != len(line)+1 {
		c.t.Fatalf("%d bytes of %d were sent", n, len(line)+1)
	}
	return c.answer()
}

// answer returns the next line that the server sends, which says nothing unless it is asked; empty: it has closed the connection.
func (c *client) answer() string {
	c.t.Helper()
	var line []byte
	for b := make([]byte, 4096); ; {
		n, err := c.core.Read(c.fd, b)
		must(c.t, err)
		line = append(line, b[:n]...)
		if text, whole := strings.CutSuffix(string(line), "\n"); whole || n == 0 {
			return text
		}
	}
}

func (c *client) close() { must(c.t, c.core.Close(c.fd)) }
