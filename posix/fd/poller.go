package fd

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Kernel is what a poller needs of the system.
type Kernel interface {
	posix.Files
	posix.Sockets
	posix.Polling
}

// Poller waits for descriptors. Its methods may be called from any goroutine.
type Poller struct {
	core   Kernel
	set    *Set
	epoll  posix.FD
	wake   posix.FD
	done   chan struct{} // closed when the goroutine has ended
	failed error         // read after done

	mu      sync.Mutex // guards what follows
	serial  uint64
	watched map[uint64]*waiter
	closed  bool
}

// NewPoller returns a poller whose descriptors belong to a set of its own: see [Poller.Set]. Close gives it back. Errors: EMFILE, ENFILE, ENOMEM.
func NewPoller(core Kernel) (*Poller, error) {
	p := &Poller{core: core, set: NewSet(core), done: make(chan struct{}), watched: map[uint64]*waiter{}}
	var err error
	if p.epoll, err = core.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make an epoll instance: %w", err)
	}
	if p.wake, err = core.Eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("make an eventfd: %w", err), core.Close(p.epoll))
	}
	event := posix.EpollEvent{Events: unix.EPOLLIN} // data 0 is nobody's
	if err := core.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.wake, &event); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for an eventfd: %w", err), core.Close(p.wake), core.Close(p.epoll))
	}
	go p.run()
	return p, nil
}

// Set returns the set that the poller's descriptors belong to.
func (p *Poller) Set() *Set { return p.set }

// run hands events to those that wait, until Close.
func (p *Poller) run() {
	defer close(p.done)
	events := make([]posix.EpollEvent, 64)
	for {
		n, err := p.core.EpollWait(p.epoll, events, -1)
		if err != nil && !errors.Is(err, posix.Errno(unix.EINTR)) {
			p.failed = fmt.Errorf("wait for events: %w", err)
			p.end(p.failed)
			return
		}
		p.mu.Lock()
		closed := p.closed
		for _, e := range events[:max(n, 0)] {
			if w := p.watched[e.Data]; w != nil {
				w.ready(e.Events)
			}
		}
		p.mu.Unlock()
		if closed {
			return
		}
	}
}

// end makes everybody's waiting fail.
func (p *Poller) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, w := range p.watched {
		w.fail(err)
	}
}

// Close ends the poller's goroutine. Streams, connections and listeners that are still open can be closed, but no longer wait: what waits fails with net.ErrClosed.
func (p *Poller) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return errPollerClosed
	}
	p.mu.Unlock()
	p.end(errPollerClosed)
	_, err := p.core.Write(p.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	if err != nil && !errors.Is(err, posix.Errno(unix.EAGAIN)) {
		return fmt.Errorf("wake the poller: %w", err)
	}
	<-p.done
	return errors.Join(p.failed, p.core.Close(p.wake), p.core.Close(p.epoll))
}

// watch registers n, edge-triggered, for reading and writing. It is removed with forget before n is closed.
func (p *Poller) watch(n posix.FD) (*waiter, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errPollerClosed
	}
	p.serial++
	w := newWaiter(p.serial)
	event := posix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | uint32(unix.EPOLLET&0xffffffff), Data: p.serial}
	if err := p.core.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, n, &event); err != nil {
		return nil, fmt.Errorf("wait for a descriptor: %w", err)
	}
	p.watched[p.serial] = w
	return w, nil
}

// forget removes what watch registered. A copy of the descriptor elsewhere would otherwise keep it in the epoll instance.
func (p *Poller) forget(w *waiter, n posix.FD) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.watched, w.serial)
	if p.failed == nil {
		_ = p.core.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, n, nil) // the poller may be closed already
	}
}
