package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// server is the HTTP server with what ends it without failing a request.
type server struct {
	http     http.Server
	failed   chan error // what ended serving before it was asked to stop
	loops    sync.WaitGroup
	draining atomic.Bool

	mu    sync.Mutex // guards what follows
	open  int        // connections
	empty chan struct{}
}

// newServer makes a server. wait is called before each request is answered.
func newServer(h http.Handler, wait func()) *server {
	s := &server{failed: make(chan error, 1)}
	s.http = http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			wait()
			if s.draining.Load() {
				w.Header().Set("Connection", "close")
			}
			h.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ConnState:         func(_ net.Conn, state http.ConnState) { s.count(state) },
	}
	return s
}

// count keeps the number of connections, and tells drain when there are none.
func (s *server) count(state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.open++
	case http.StateClosed, http.StateHijacked:
		s.open--
	}
	if s.open == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

// start serves on sockets in the background.
func (s *server) start(sockets []socket, instance string) {
	for _, socket := range sockets {
		s.loops.Go(func() {
			var err error
			if socket.listener != nil {
				err = s.http.Serve(socket.listener)
			} else {
				err = answerDatagrams(socket.packets, instance)
			}
			if !s.draining.Load() {
				select {
				case s.failed <- err:
				default:
				}
			}
		})
	}
}

// drain ends the server. For the time goodbye it goes on accepting, and who asks is told to close the connection; then it accepts no more, and
// waits for the time rest for those who did not ask, because a connection that is closed while a request is on its way fails that
// request. It returns earlier when nobody is connected.
func (s *server) drain(goodbye, rest time.Duration, sockets []socket) error {
	s.draining.Store(true)
	s.untilEmpty(goodbye)
	err := closeAll(sockets)
	// When the loops have ended every connection that was accepted is counted. One of them does not, where somebody else who holds the
	// socket made it blocking: that flag belongs to all.
	looped := make(chan struct{})
	go func() {
		s.loops.Wait()
		close(looped)
	}()
	select {
	case <-looped:
	case <-time.After(rest):
	}
	s.untilEmpty(rest)
	ctx, cancel := context.WithTimeout(context.Background(), rest)
	defer cancel()
	if e := s.http.Shutdown(ctx); e != nil {
		err = errors.Join(err, fmt.Errorf("wait for the last answers: %w", e), s.http.Close())
	}
	return err
}

// untilEmpty waits until nobody is connected, or for a time.
func (s *server) untilEmpty(most time.Duration) {
	s.mu.Lock()
	if s.open == 0 {
		s.mu.Unlock()
		return
	}
	empty := make(chan struct{})
	s.empty = empty
	s.mu.Unlock()
	select {
	case <-empty:
	case <-time.After(most):
	}
}
