package spawner

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/bulkhead/bulkhead/spawner/launch"
)

// lanes are threads that launch: a launch that waits for a file system waits in the kernel, where nothing can call it back, and it is not
// the loop that waits. One is enough as long as each launch comes to its end; while one takes long, those behind it get a lane of their own.
//
// A lane is never given up before the end: the kernel kills the children of a thread that ends. Everything but the lanes' own goroutines
// belongs to the loop.
type lanes struct {
	alarms *alarms
	post   func(f func())
	open   func() (*launch.Launcher, error) // on the lane's thread

	idle    []*lane
	busy    []*errand
	waiting []*errand
	growth  *alarm
	ended   sync.WaitGroup
}

// lane is one thread.
type lane struct{ work chan *errand }

// errand is what a lane does.
type errand struct {
	do   func(l *launch.Launcher) error // on the lane
	then func(err error)                // on the loop
	// cancel takes the place of do when that is never called.
	cancel func() error
	// limit is how long it may take from when a lane began with it; late is called when it has taken longer. It goes on all the same.
	limit time.Duration
	late  func()

	lane  *lane
	alarm *alarm
	done  chan struct{}
	stuck bool
}

const (
	// slowLaunch is how long an errand takes before those that wait behind it get another lane.
	slowLaunch = 50 * time.Millisecond
	// mostLanes is how many are busy with errands that are not late: more than there are slow file systems.
	mostLanes = 32
)

// run has a lane do something, when there is one for it.
func (s *lanes) run(e *errand) {
	e.done = make(chan struct{})
	s.waiting = append(s.waiting, e)
	s.next()
}

// free tells whether an errand would begin at once.
func (s *lanes) free() bool { return len(s.waiting) == 0 && len(s.running()) == 0 }

// running are the errands that lanes do, but for those that are late.
func (s *lanes) running() []*errand {
	return slices.DeleteFunc(slices.Clone(s.busy), func(e *errand) bool { return e.stuck })
}

// next gives what waits to lanes.
func (s *lanes) next() {
	for len(s.waiting) > 0 {
		if len(s.idle) == 0 && len(s.running()) > 0 {
			s.grow()
			return
		}
		s.begin(s.lane())
	}
}

// grow makes room for what waits when nothing has ended for a while.
func (s *lanes) grow() {
	if s.growth != nil || len(s.running()) >= mostLanes {
		return
	}
	s.growth = s.alarms.set(slowLaunch, func() {
		s.growth = nil
		if len(s.waiting) > 0 && len(s.idle) == 0 && len(s.running()) < mostLanes {
			s.begin(s.lane())
		}
		s.next()
	})
}

// lane returns one that has nothing to do.
func (s *lanes) lane() *lane {
	if n := len(s.idle); n > 0 {
		n := s.idle[n-1]
		s.idle = s.idle[:len(s.idle)-1]
		return n
	}
	n := &lane{work: make(chan *errand, 1)}
	s.ended.Add(1)
	go s.serve(n)
	return n
}

// begin gives a lane the errand that waits longest.
func (s *lanes) begin(n *lane) {
	e := s.waiting[0]
	s.waiting = slices.Delete(s.waiting, 0, 1)
	e.lane = n
	s.busy = append(s.busy, e)
	if s.growth != nil { // one has begun: what waits now waits for that
		s.alarms.stop(s.growth)
		s.growth = nil
	}
	e.alarm = s.alarms.set(e.limit, func() {
		e.stuck = true
		e.late()
		s.next()
	})
	n.work <- e
}

// serve is the goroutine of a lane.
func (s *lanes) serve(n *lane) {
	defer s.ended.Done()
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	l, broken := s.open()
	for e := range n.work {
		var err error
		if broken == nil {
			err = e.do(l)
		} else {
			err = errors.Join(broken, e.cancel())
		}
		close(e.done)
		s.post(func() { s.finish(n, e, err) })
	}
	if broken == nil {
		_ = l.Close() // descriptors that were only read from
	}
}

// finish goes on when an errand has come to its end.
func (s *lanes) finish(n *lane, e *errand, err error) {
	s.busy = slices.DeleteFunc(s.busy, func(x *errand) bool { return x == e })
	s.alarms.stop(e.alarm)
	s.idle = append(s.idle, n)
	e.then(err)
	s.next()
}

// errEnding is what becomes of an errand that nobody has begun when everything ends.
var errEnding = errors.New("the supervisor ends")

// settle waits, when everything ends, for what lanes do, but for what is late. Nothing new begins; what was posted is still to be called.
func (s *lanes) settle(call func()) {
	for len(s.waiting) > 0 || len(s.running()) > 0 {
		for _, e := range s.waiting {
			e.then(errors.Join(errEnding, e.cancel()))
		}
		s.waiting = nil
		for _, e := range s.running() {
			select {
			case <-e.done:
			case <-time.After(max(time.Until(e.alarm.at), 0)):
				e.stuck = true
				e.late()
			}
		}
		call()
	}
}

// close ends the threads, and waits for those that have nothing to do; one that is late ends when it can, and what it has created with it.
// What the others created must have ended.
func (s *lanes) close() {
	for _, n := range s.idle {
		close(n.work)
	}
	for _, e := range s.busy {
		close(e.lane.work)
	}
	s.idle = nil
	if len(s.busy) == 0 {
		s.ended.Wait()
	}
}
