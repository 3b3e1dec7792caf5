package fd_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/nettest"
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fd"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// poller returns one that is closed at the end, when all its descriptors must be.
func poller(t *testing.T, core fd.Kernel) *fd.Poller {
	t.Helper()
	p, err := fd.NewPoller(core)
	if err != nil {
		t.Fatal(err)
	}
	p.Set().Stacks()
	t.Cleanup(func() {
		p.Set().Check(t)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// conns returns both ends of a connection.
func conns(t *testing.T, p *fd.Poller, core posix.Sockets) (a, b *fd.Conn) {
	t.Helper()
	m, n, err := core.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if a, err = p.Conn(m); err != nil {
		t.Fatal(err)
	}
	if b, err = p.Conn(n); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// What net.Conn promises, as the Go project checks it.
func TestNetConn(t *testing.T) {
	core := linux.New()
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		p, err := fd.NewPoller(core)
		if err != nil {
			return nil, nil, nil, err
		}
		m, n, err := core.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, nil, nil, err
		}
		a, err := p.Conn(m)
		if err != nil {
			return nil, nil, nil, err
		}
		b, err := p.Conn(n)
		return a, b, func() { _, _ = a.Close(), b.Close(); _ = p.Close() }, err
	})
}

// loopback returns a socket that listens on a port of 127.0.0.1.
func loopback(t *testing.T, core posix.Core) posix.FD {
	t.Helper()
	n, err := core.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := core.Bind(n, posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	if err := core.Listen(n, 16); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestServeHTTP(t *testing.T) {
	core := linux.New()
	l, err := poller(t, core).Listener(loopback(t, core))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	client := &http.Client{Transport: &http.Transport{}}
	for range 3 {
		r, err := client.Post("http://"+l.Addr().String(), "text/plain", strings.NewReader(strings.Repeat("x", 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err := errors.Join(err, r.Body.Close()); err != nil || len(body) != 1<<20 {
			t.Errorf("%d bytes, %v", len(body), err)
		}
	}
	client.CloseIdleConnections()
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	serving.Wait()
}

func TestCloseEndsWhatWaits(t *testing.T) {
	core := linux.New()
	p := poller(t, core)
	a, b := conns(t, p, core)
	l, err := p.Listener(loopback(t, core))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { _, err := a.Read(make([]byte, 1)); ended <- err }()
	go func() { _, err := l.Accept(); ended <- err }()
	if err := errors.Join(a.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v, want net.ErrClosed", err)
		}
	}
	if err := a.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second close: %v", err)
	}
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the other end: %v, want io.EOF", err)
	}
	if _, err := b.Write(make([]byte, 1)); !errors.Is(err, unix.EPIPE) {
		t.Errorf("write to the other end: %v, want EPIPE", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestHalfClose(t *testing.T) {
	core := linux.New()
	a, b := conns(t, poller(t, core), core)
	defer func() { _, _ = a.Close(), b.Close() }()
	if err := a.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read: %v, want io.EOF", err)
	}
	if _, err := b.Write([]byte("x")); err != nil {
		t.Errorf("the other direction: %v", err)
	}
	if err := a.CloseRead(); err != nil {
		t.Error(err)
	}
}

func TestDeadlines(t *testing.T) {
	core := linux.New()
	p := poller(t, core)
	r, w, err := core.Pipe2(unix.O_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := p.Stream(r)
	if err != nil {
		t.Fatal(err)
	}
	writer, err := p.Stream(w)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = reader.Close(), writer.Close() }()
	for name, at := range map[string]time.Time{"passed": time.Unix(1, 0), "soon": time.Now().Add(time.Millisecond)} {
		if err := reader.SetReadDeadline(at); err != nil {
			t.Fatal(err)
		}
		if n, err := reader.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	// A deadline that is taken back counts for nothing, and a full pipe makes writing wait until it comes.
	if err := errors.Join(reader.SetDeadline(time.Time{}), writer.SetWriteDeadline(time.Now().Add(time.Millisecond))); err != nil {
		t.Fatal(err)
	}
	n, err := writer.Write(make([]byte, 1<<20))
	if n < 4096 || n >= 1<<20 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %d, %v", n, err)
	}
	if got, err := reader.Read(make([]byte, 1<<20)); got == 0 || err != nil {
		t.Errorf("read: %d, %v", got, err)
	}
}

func TestNoStream(t *testing.T) {
	core := linux.New()
	p := poller(t, core)
	n, err := core.MemfdCreate("file", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = core.Close(n) }()
	if _, err := p.Stream(n); !errors.Is(err, unix.EPERM) {
		t.Errorf("a regular file: %v, want EPERM", err)
	}
	if _, err := p.Stream(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("nothing: %v, want EBADF", err)
	}
	if _, err := p.Listener(n); !errors.Is(err, unix.ENOTSOCK) {
		t.Errorf("listen on a file: %v, want ENOTSOCK", err)
	}
	if _, err := p.Conn(n); !errors.Is(err, unix.ENOTSOCK) {
		t.Errorf("a connection of a file: %v, want ENOTSOCK", err)
	}
	s, err := core.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = core.Close(s) }()
	if _, err := p.Listener(s); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a socket that does not listen: %v, want EINVAL", err)
	}
	if _, err := p.Conn(s); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("a socket that is not connected: %v, want ENOTCONN", err)
	}
}

func TestClosedPoller(t *testing.T) {
	core := linux.New()
	p, err := fd.NewPoller(core)
	if err != nil {
		t.Fatal(err)
	}
	a, b := conns(t, p, core)
	ended := make(chan error)
	go func() { _, err := a.Read(make([]byte, 1)); ended <- err }()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("what waits: %v", err)
	}
	if err := p.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second close: %v", err)
	}
	n := open(t, core)
	if _, err := p.Stream(n); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a stream of a closed poller: %v", err)
	}
	if err := errors.Join(core.Close(n), a.Close(), b.Close()); err != nil {
		t.Error(err)
	}
}

// exhausted answers the first accept calls with errors.
type exhausted struct {
	posix.Core
	mu      sync.Mutex
	answers []error
}

func (e *exhausted) Accept4(n posix.FD, flags int) (posix.FD, posix.Sockaddr, error) {
	e.mu.Lock()
	if len(e.answers) > 0 {
		defer e.mu.Unlock()
		err := e.answers[0]
		e.answers = e.answers[1:]
		return -1, posix.Sockaddr{}, err
	}
	e.mu.Unlock()
	return e.Core.Accept4(n, flags)
}

func TestAcceptErrors(t *testing.T) {
	core := &exhausted{Core: linux.New(), answers: []error{unix.ECONNABORTED, unix.EINTR, unix.EMFILE}}
	p := poller(t, core)
	l, err := p.Listener(loopback(t, core))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, err = l.Accept()
	var ne net.Error
	if !errors.Is(err, unix.EMFILE) || !errors.As(err, &ne) || !ne.Temporary() {
		t.Fatalf("%v, want EMFILE that is temporary", err)
	}
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.RemoteAddr().String(), client.LocalAddr().String(); got != want {
		t.Errorf("the other end is %s, want %s", got, want)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
