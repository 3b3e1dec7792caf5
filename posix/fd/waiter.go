package fd

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// errPollerClosed is what waiting fails with after Poller.Close.
var errPollerClosed = fmt.Errorf("the poller is closed: %w", net.ErrClosed)

// waiter is what waits for one descriptor: for reading, and for writing.
type waiter struct {
	serial      uint64
	read, write side
}

// side is one direction. Events are edges: count says how many there were, so that one between an attempt that would block and the wait is not lost.
type side struct {
	mu       sync.Mutex // guards what follows
	edges    uint64
	changed  chan struct{} // closed, and replaced, when anything below or above changes
	failed   error         // nobody ever waits again
	deadline time.Time
	timer    *time.Timer
	expired  bool
}

func newWaiter(serial uint64) *waiter {
	w := &waiter{serial: serial}
	w.read.changed, w.write.changed = make(chan struct{}), make(chan struct{})
	return w
}

// ready is told what epoll has said.
func (w *waiter) ready(events uint32) {
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		w.read.edge()
	}
	if events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		w.write.edge()
	}
}

// fail makes waiting fail with err from now on.
func (w *waiter) fail(err error) {
	for _, s := range []*side{&w.read, &w.write} {
		s.mu.Lock()
		if s.failed == nil {
			s.failed = err
		}
		if s.timer != nil {
			s.timer.Stop()
		}
		s.wake()
		s.mu.Unlock()
	}
}

func (s *side) edge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edges++
	s.wake()
}

// wake lets those that wait look again. s.mu is held.
func (s *side) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// now returns the edges there were, and why nobody may try.
func (s *side) now() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.edges, s.refused()
}

func (s *side) refused() error {
	switch {
	case s.failed != nil:
		return s.failed
	case s.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// wait returns when there has been an edge after the first seen ones, or with why nobody may try any more.
func (s *side) wait(seen uint64) error {
	for {
		s.mu.Lock()
		edges, changed, err := s.edges, s.changed, s.refused()
		s.mu.Unlock()
		if err != nil || edges != seen {
			return err
		}
		<-changed
	}
}

// setDeadline makes attempts and waits fail from t on; the zero time is never.
func (s *side) setDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.deadline, s.expired = t, false
	if !t.IsZero() {
		if d := time.Until(t); d <= 0 {
			s.expired = true
		} else {
			s.timer = time.AfterFunc(d, func() { s.expire(t) })
		}
	}
	s.wake()
	return nil
}

// expire is called when a deadline has come, which may have been replaced meanwhile.
func (s *side) expire(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deadline.Equal(t) {
		s.expired = true
		s.wake()
	}
}
