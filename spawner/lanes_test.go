package spawner

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// laneTest is a loop with lanes.
type laneTest struct {
	lanes
	alarms alarms
	posted chan func()

	mu   sync.Mutex // guards said: what is cancelled may be so on a lane
	said []string
}

func newLaneTest(t *testing.T, open func() (*launch.Launcher, error)) *laneTest {
	t.Helper()
	leak.Check(t)
	s := &laneTest{posted: make(chan func(), 100)}
	s.lanes = lanes{alarms: &s.alarms, post: func(f func()) { s.posted <- f }, open: open}
	return s
}

// errand says what becomes of it; it ends when end is closed.
func (s *laneTest) errand(name string, limit time.Duration, end <-chan struct{}) {
	s.run(&errand{
		do:     func(*launch.Launcher) error { <-end; return nil },
		cancel: func() error { s.say("cancel " + name); return nil },
		then: func(err error) {
			if err != nil {
				s.say(name + ": " + err.Error())
				return
			}
			s.say(name)
		},
		limit: limit, late: func() { s.say("late " + name) },
	})
}

func (s *laneTest) say(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, what)
}

func (s *laneTest) heard(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.said, what)
}

// until runs the loop until something was said.
func (s *laneTest) until(t *testing.T, what string) {
	t.Helper()
	for !s.heard(what) {
		wait := s.alarms.patience()
		if wait < 0 {
			wait = soon
		}
		select {
		case f := <-s.posted:
			f()
		case <-time.After(wait):
			if s.alarms.patience() < 0 {
				t.Fatalf("%q is never said; %q was", what, s.said)
			}
			_ = s.alarms.ring(func() error { return nil })
		}
	}
}

// call is what the end of everything does with what was posted.
func (s *laneTest) call() {
	for {
		select {
		case f := <-s.posted:
			f()
		default:
			return
		}
	}
}

func onLinux() (*launch.Launcher, error) { return launch.New(linux.New(), launch.Options{}) }

// TestLanes: what takes long holds nobody up, and what is late is said and forgotten.
func TestLanes(t *testing.T) {
	s := newLaneTest(t, onLinux)
	now, never, later := make(chan struct{}), make(chan struct{}), make(chan struct{})
	close(now)
	s.errand("first", soon, now)
	s.until(t, "first")
	if len(s.idle) != 1 {
		t.Errorf("%d lanes after one errand", len(s.idle))
	}
	s.errand("slow", soon, later)
	s.errand("stuck", 50*time.Millisecond, never)
	s.errand("quick", soon, now)
	s.until(t, "quick")
	s.until(t, "late stuck")
	if s.heard("slow") {
		t.Error("what is slow has ended")
	}
	if s.free() {
		t.Error("it is free while something slow goes on")
	}
	close(later)
	s.until(t, "slow")
	if !s.free() {
		t.Error("what is late keeps it busy")
	}
	s.settle(s.call) // does not wait for what is late
	close(never)
	s.until(t, "stuck")
	s.close()
}

// TestLanesSettle: at the end what is begun is waited for, up to its limit, and what is not is cancelled.
func TestLanesSettle(t *testing.T) {
	s := newLaneTest(t, onLinux)
	end, never := make(chan struct{}), make(chan struct{})
	s.errand("begun", soon, end)
	s.errand("waits", soon, never)
	time.AfterFunc(10*time.Millisecond, func() { close(end) })
	s.settle(s.call)
	if want := []string{"cancel waits", "waits: " + errEnding.Error(), "begun"}; !slices.Equal(s.said, want) {
		t.Errorf("it was said %q, want %q", s.said, want)
	}
	s.errand("stuck", 20*time.Millisecond, never)
	s.settle(s.call)
	if !s.heard("late stuck") {
		t.Errorf("it was said %q", s.said)
	}
	close(never)
	s.until(t, "stuck")
	s.close()
}

// TestLanesCannotOpen: a lane without a launcher says so to each errand.
func TestLanesCannotOpen(t *testing.T) {
	s := newLaneTest(t, func() (*launch.Launcher, error) { return nil, errors.New("no memory for it") })
	for _, name := range []string{"first", "second"} {
		s.errand(name, soon, nil)
		s.until(t, name+": no memory for it")
		if !s.heard("cancel " + name) {
			t.Errorf("%s was not cancelled", name)
		}
	}
	s.close()
}
