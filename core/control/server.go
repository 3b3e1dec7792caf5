package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/aside"
)

// Kernel is what a server asks of the kernel.
type Kernel interface {
	posix.Files
	posix.Sockets
	posix.Polling
}

// Access says who may use a listener.
type Access uint8

const (
	OwnerOnly Access = iota // root and the owner; for unix sockets
	Anybody                 // whoever can connect
)

// Listener is a listening socket with what is served on it.
type Listener struct {
	// FD is owned by the server from [Server.Add] on. It is made non-blocking, for every holder of the socket. It may also be a connection that
	// was made beforehand; then it is served for as long as its other end is open, see connected.go.
	FD      posix.FD
	Handler http.Handler
	Access  Access
	// Connections is how many are served at a time; 0 means 64.
	Connections int
}

// Options configure a server.
type Options struct {
	// Owner is the user who may use listeners that are [OwnerOnly], besides root.
	Owner posix.UID
	// Mapped: this process is in a user namespace that shows nobody but the owner, who has another number outside. Root of outside is a stranger then:
	// all strangers have one number.
	Mapped bool
	// Event is told what somebody should know: strangers that were refused (control.refused), a listener that accepts no more
	// (control.failed). Kind, Level, Text and PID are set. It is called from the server's goroutines. nil ignores events.
	Event func(api.Event)
	// Log takes what goes wrong in handlers. nil discards it.
	Log *slog.Logger
}

// Times and numbers of a server.
const (
	headerTimeout = 5 * time.Second  // from the connection, or the first byte of a further request, to the end of the headers
	readTimeout   = 10 * time.Second // the same to the end of the body
	writeTimeout  = 10 * time.Second // for a response, or a piece of a stream
	idleTimeout   = 60 * time.Second // between requests
	refuseTimeout = 2 * time.Second  // the whole life of a connection that is not served
	maxHeader     = 16 << 10
	maxServed     = 64
	maxRefused    = 8 // connections of a listener that are being told why they are not served, of each kind
)

// Server serves HTTP on listening sockets that somebody else opened. One goroutine accepts for all of them.
type Server struct {
	o       Options
	k       Kernel
	epoll   posix.FD
	wake    posix.FD // an eventfd: somebody was dropped, or the server ends
	http    *http.Server
	taken   chan net.Conn // from the accepting goroutine to net/http
	closing chan struct{}
	running sync.WaitGroup
	refused limiter
	failed  limiter

	mu      sync.Mutex // guards what follows
	closed  bool
	next    Key // of the next site
	sites   map[Key]*site
	dropped []*site // to be closed by the accepting goroutine
	conns   map[*conn]bool
}

// site is a listener that is served.
type site struct {
	Listener
	key       Key
	connected bool       // it is a connection, not a listener
	dead      bool       // it is not waited for any more; guarded by the server's mu
	seats     [fates]int // connections by fate; guarded by the server's mu
	closers   aside.Threads
}

// Key names a listener of a server. It is never used again.
type Key uint64

// wakeKey is the data of the eventfd; sites count from 1.
const wakeKey = 0

// NewServer returns a server without listeners. The caller closes it.
func NewServer(k Kernel, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Event == nil {
		o.Event = func(api.Event) {}
	}
	s := &Server{o: o, k: k, taken: make(chan net.Conn), closing: make(chan struct{}), next: wakeKey + 1, sites: map[Key]*site{}, conns: map[*conn]bool{}}
	var err error
	if s.epoll, err = k.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make an epoll instance for the control socket: %w", err)
	}
	if s.wake, err = k.Eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("make an eventfd for the control socket: %w", err), k.Close(s.epoll))
	}
	if err := k.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, s.wake, &posix.EpollEvent{Events: unix.EPOLLIN, Data: wakeKey}); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for an eventfd: %w", err), k.Close(s.wake), k.Close(s.epoll))
	}
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		DisableGeneralOptionsHandler: true, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(context.WithValue(ctx, connKey{}, c), closingKey{}, s.closing)
		},
		ConnState: func(c net.Conn, state http.ConnState) { c.(*conn).fresh.Store(state == http.StateNew) },
	}
	s.running.Go(s.accept)
	s.running.Go(func() { _ = s.http.Serve(feed{s}) }) // ends with Close, and with nothing else: feed has no errors of its own
	return s, nil
}

// Add serves one more listener, and returns what to call it. It takes ownership of l.FD, also when it returns an error.
func (s *Server) Add(l Listener) (Key, error) {
	if l.Connections == 0 {
		l.Connections = maxServed
	}
	listening, err := s.setUp(l.FD)
	if err != nil {
		return 0, errors.Join(err, s.k.Close(l.FD))
	}
	events := uint32(unix.EPOLLIN)
	if !listening {
		events |= unix.EPOLLONESHOT
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errors.Join(errClosed, s.k.Close(l.FD))
	}
	t := &site{Listener: l, key: s.next, connected: !listening, closers: make(aside.Threads, closers)}
	if err := s.k.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, l.FD, &posix.EpollEvent{Events: events, Data: uint64(t.key)}); err != nil {
		return 0, errors.Join(fmt.Errorf("wait for connections: %w", err), s.k.Close(l.FD))
	}
	s.next++
	s.sites[t.key] = t
	return t.key, nil
}

// setUp makes a socket non-blocking and tells whether it listens.
func (s *Server) setUp(fd posix.FD) (listening bool, err error) {
	flags, err := s.k.Fcntl(fd, unix.F_GETFL, 0)
	if err == nil && flags&unix.O_NONBLOCK == 0 {
		_, err = s.k.Fcntl(fd, unix.F_SETFL, flags|unix.O_NONBLOCK)
	}
	if err != nil {
		return false, fmt.Errorf("make a socket non-blocking: %w", err)
	}
	n, err := s.k.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return false, fmt.Errorf("ask whether a socket listens: %w", err)
	}
	return n != 0, nil
}

var errClosed = errors.New("the control server is closed")

// Drop stops serving a listener: its descriptor and its connections are closed. One that was dropped before is ignored.
func (s *Server) Drop(key Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.sites[key]
	if t == nil {
		return
	}
	delete(s.sites, key)
	s.dropped = append(s.dropped, t)
	for c := range s.conns {
		if c.site == t {
			c.kill()
		}
	}
	s.rouse()
}

// Close stops accepting, ends streams, lets requests that are being answered have their answer until ctx is done, and closes
// everything. Further calls do nothing.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	s.rouse()
	for c := range s.conns {
		if c.fresh.Load() { // it has asked nothing yet
			c.kill()
		}
	}
	s.mu.Unlock()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("finish what the control socket answers: %w", err), s.http.Close())
	}
	s.running.Wait()
	return errors.Join(err, s.k.Close(s.wake), s.k.Close(s.epoll))
}

// rouse wakes the accepting goroutine up.
func (s *Server) rouse() {
	_, _ = s.k.Write(s.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // EAGAIN: the counter is full, so it is going to wake up
}

// ServeHTTP implements [http.Handler]: it passes a request on to the handler of its listener.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		p := recover()
		switch {
		case p == nil:
		case p == http.ErrAbortHandler: //nolint:errorlint // it is compared as net/http does
			panic(p)
		default:
			s.o.Log.Error("a bug in the control API; please report it", "request", r.Method+" "+r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			panic(http.ErrAbortHandler) // a part of the answer may have been sent
		}
	}()
	c := r.Context().Value(connKey{}).(*conn)
	if c.fate != served {
		w.Header().Set("Connection", "close")
	}
	switch c.fate {
	case stranger:
		if s.o.Mapped {
			refuse(http.StatusForbidden, codeNotAllowed, "ask as that one: root can, with setpriv --reuid or sudo -u",
				"only the user who started the supervisor may use this socket").write(w)
			return
		}
		refuse(http.StatusForbidden, codeNotAllowed, "ask as one of them: with sudo, for example",
			"uid %d may not use this socket; root and uid %d may", c.peer.UID, s.o.Owner).write(w)
	case crowded:
		w.Header().Set("Retry-After", "1")
		refuse(http.StatusServiceUnavailable, codeBusy, "close some, or try again", "%d connections are open", c.site.Connections).write(w)
	default:
		c.site.Handler.ServeHTTP(w, r)
	}
}

type (
	connKey    struct{}
	closingKey struct{}
)

// ending returns a channel that is closed when the server of a request ends; nil outside of a server.
func ending(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(closingKey{}).(chan struct{})
	return c
}

// feed hands accepted connections to net/http.
type feed struct{ s *Server }

func (f feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.s.taken:
		return c, nil
	case <-f.s.closing:
		return nil, net.ErrClosed
	}
}

func (f feed) Close() error   { return nil }
func (f feed) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }

var _ io.Closer = feed{}
