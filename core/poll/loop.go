package poll

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Kernel is what a loop needs of the system.
type Kernel interface {
	posix.Files
	posix.Polling
}

// Loop waits for descriptors, timers and posted functions. It owns its epoll instance and its eventfd, not the descriptors it watches.
type Loop struct {
	kernel  Kernel
	epoll   posix.FD
	wake    posix.FD
	watched map[posix.FD]*watch
	serial  uint32
	timers  timers
	next    []func()
	atEnd   []func()

	mu      sync.Mutex // guards what follows
	posted  []func()
	stopped bool
}

// watch is the interest in a descriptor. Its serial tells it apart from earlier ones in a descriptor of the same number, whose events
// may still be waiting to be handled.
type watch struct {
	serial uint32
	f      func(events uint32)
}

// New makes a loop. Its owner calls Run, which gives everything back.
func New(k Kernel) (*Loop, error) {
	l := &Loop{kernel: k, watched: map[posix.FD]*watch{}}
	var err error
	if l.epoll, err = k.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make an epoll instance: %w", err)
	}
	if l.wake, err = k.Eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("make an eventfd: %w", err), k.Close(l.epoll))
	}
	if err := l.Add(l.wake, unix.EPOLLIN, func(uint32) { l.woken() }); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// Add calls f with the events (EPOLLIN …) of a descriptor whenever it has some.
func (l *Loop) Add(fd posix.FD, events uint32, f func(events uint32)) error {
	l.serial++
	w := &watch{serial: l.serial, f: f}
	if err := l.kernel.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, w.event(fd, events)); err != nil {
		return fmt.Errorf("wait for a descriptor: %w", err)
	}
	l.watched[fd] = w
	return nil
}

// Change replaces the events that are waited for; none leaves EPOLLHUP and EPOLLERR.
func (l *Loop) Change(fd posix.FD, events uint32) error {
	w, ok := l.watched[fd]
	if !ok {
		return fmt.Errorf("wait for other events: descriptor %d is not watched", fd)
	}
	if err := l.kernel.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, fd, w.event(fd, events)); err != nil {
		return fmt.Errorf("wait for other events: %w", err)
	}
	return nil
}

// Remove ends the interest in a descriptor, which is done before it is closed: a copy elsewhere would keep it in the epoll instance.
func (l *Loop) Remove(fd posix.FD) error {
	if _, ok := l.watched[fd]; !ok {
		return nil
	}
	delete(l.watched, fd)
	if err := l.kernel.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil); err != nil {
		return fmt.Errorf("wait for a descriptor no more: %w", err)
	}
	return nil
}

func (w *watch) event(fd posix.FD, events uint32) *posix.EpollEvent {
	return &posix.EpollEvent{Events: events, Data: uint64(w.serial)<<32 | uint64(uint32(fd))}
}

// Next calls f in the next round, after what else is ready has had its turn.
func (l *Loop) Next(f func()) { l.next = append(l.next, f) }

// AtEnd has f called by the loop before it gives its descriptors back: after Stop, or when it cannot wait any more.
func (l *Loop) AtEnd(f func()) { l.atEnd = append(l.atEnd, f) }

// Post has f called by the loop. It never blocks. False: the loop has stopped, and f is not going to be called.
func (l *Loop) Post(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return false
	}
	l.posted = append(l.posted, f)
	if len(l.posted) == 1 {
		l.interrupt()
	}
	return true
}

// Stop ends Run after the functions that were posted before.
func (l *Loop) Stop() { l.Post(func() { l.mu.Lock(); l.stopped = true; l.mu.Unlock() }) }

var one = []byte{1, 0, 0, 0, 0, 0, 0, 0} // read only

// interrupt makes a wait return. The only error is a full counter, which does the same.
func (l *Loop) interrupt() { _, _ = l.kernel.Write(l.wake, one) }

func (l *Loop) woken() {
	var count [8]byte
	_, _ = l.kernel.Read(l.wake, count[:]) // EAGAIN: another round has read it
	l.mu.Lock()
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range posted {
		f()
	}
}

// Run calls functions until Stop, and gives the loop's descriptors back. An error means that it cannot wait any more.
func (l *Loop) Run() error {
	events := make([]posix.EpollEvent, 64)
	for {
		l.mu.Lock()
		stopped := l.stopped
		l.mu.Unlock()
		if stopped {
			return l.end()
		}
		n, err := l.kernel.EpollWait(l.epoll, events, l.timeout(time.Now()))
		if err != nil && !errors.Is(err, posix.Errno(unix.EINTR)) {
			l.mu.Lock()
			l.stopped = true
			l.mu.Unlock()
			return errors.Join(fmt.Errorf("wait for events: %w", err), l.end())
		}
		// What was put off gets its turn between what is new.
		next := l.next
		l.next = nil
		for _, e := range events[:max(n, 0)] {
			if w, ok := l.watched[posix.FD(uint32(e.Data))]; ok && w.serial == uint32(e.Data>>32) {
				w.f(e.Events)
			}
		}
		for _, f := range next {
			f()
		}
		if len(l.timers) > 0 {
			l.timers.expire(time.Now())
		}
	}
}

// timeout is how long to wait, in milliseconds.
func (l *Loop) timeout(now time.Time) int {
	if len(l.next) > 0 {
		return 0
	}
	at, ok := l.timers.first()
	if !ok {
		return -1
	}
	return int(max(0, (at.Sub(now)+time.Millisecond-1)/time.Millisecond))
}

// end is the end of a loop that takes no functions any more: those that were posted before it had stopped are called.
func (l *Loop) end() error {
	l.woken()
	for _, f := range l.atEnd {
		f()
	}
	return l.close()
}

func (l *Loop) close() error { return errors.Join(l.kernel.Close(l.wake), l.kernel.Close(l.epoll)) }
