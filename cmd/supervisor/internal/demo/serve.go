package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/footprint"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// Role is the first argument that makes the supervisor's binary the demo.
const Role = "role:demo"

const (
	memoryGoal  = 32 << 20 // bytes; the policy's limit is twice that
	goodbyeTime = 400 * time.Millisecond
	drainTime   = 5 * time.Second
)

// Serve serves the inherited sockets until ctx ends or SIGTERM or SIGINT comes. Then it answers what has been asked and returns nil.
func Serve(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM, unix.SIGINT)
	defer stop()
	debug.SetMemoryLimit(memoryGoal)
	in, err := inherited(os.Getenv, os.Getpid())
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the own program: %w", err)
	}
	g := ground{scratch: "/tmp", program: program, listener: firstFD}
	c := content{look: func() Confinement { return look(g, time.Now()) }}
	if in.control != nil {
		c.ask = newLife(in.control).ask
	}
	var n *notifier
	if in.notify != nil {
		if n, err = newNotifier(in.notify, os.Getenv, os.Getpid()); err != nil {
			return err
		}
		go n.run(ctx)
	}
	go abandoned(os.Stdout)
	var s *server
	c.misdeeds = newMisbehaviour(os.Stdout,
		func() { os.Exit(3) },
		func() { n.hush(); s.hang() },
		func() { _ = unix.Shutdown(firstFD, unix.SHUT_RDWR) })
	s = newServer(newHandler(c), os.Stdout)
	s.ready = func() { n.say("READY=1\nSTATUS=serving") }
	s.leaving = func() { n.say("STOPPING=1\nSTATUS=answering what has been asked") }
	defer time.AfterFunc(footprint.Rest, func() {
		if err := footprint.Shrink(linux.New()); err != nil {
			fmt.Fprintln(os.Stdout, "the demo stays larger than it needs to be:", err)
		}
	}).Stop()
	return s.serve(ctx, in.listeners)
}

// abandoned ends the process in one line when the watchdog does. Go's own answer to SIGABRT is the stacks of all goroutines, which is
// what a program that really hangs should leave, and not one that was asked to.
func abandoned(log io.Writer) {
	abort := make(chan os.Signal, 1)
	signal.Notify(abort, unix.SIGABRT)
	<-abort
	fmt.Fprintln(log, "SIGABRT: the watchdog has noticed that no signs of life come")
	os.Exit(128 + int(unix.SIGABRT))
}

// server is the HTTP server with what ends it.
type server struct {
	http     http.Server
	open     atomic.Int64 // connections
	draining atomic.Bool
	hung     atomic.Bool
	patient  []*patientListener
	// ready is called when it accepts connections, leaving when it begins to end.
	ready, leaving func()
}

func newServer(h http.Handler, log io.Writer) *server {
	s := &server{ready: func() {}, leaving: func() {}}
	s.http = http.Server{
		Handler:           logged(log, s.goodbye(h)),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				s.open.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.open.Add(-1)
			}
		},
	}
	return s
}

// serve serves until ctx ends. It takes ownership of the listeners.
func (s *server) serve(ctx context.Context, listeners []net.Listener) error {
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		s.patient = append(s.patient, newPatientListener(l))
	}
	for _, l := range s.patient {
		go func() { ended <- s.http.Serve(l) }()
	}
	s.ready()
	select {
	case err := <-ended:
		return errors.Join(err, s.http.Close())
	case <-ctx.Done():
	}
	s.leaving()
	return s.drain()
}

// hang stops answering: new connections wait, and so does what comes on the old ones.
func (s *server) hang() {
	s.hung.Store(true)
	for _, l := range s.patient {
		l.hang()
	}
}

// drain ends the server without failing a request: whoever keeps a connection is told to close it, and is given the time to hear it,
// because one that is closed while a request is on its way fails that request.
func (s *server) drain() error {
	s.draining.Store(true)
	for wait := goodbyeTime; wait > 0 && s.open.Load() > 0; wait -= goodbyeTime / 10 {
		time.Sleep(goodbyeTime / 10)
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("wait for the last answers: %w", errors.Join(err, s.http.Close()))
	}
	return nil
}

// goodbye tells clients to close their connections while the server drains.
func (s *server) goodbye(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		if s.hung.Load() {
			<-r.Context().Done()
			return
		}
		next.ServeHTTP(w, r)
	})
}
