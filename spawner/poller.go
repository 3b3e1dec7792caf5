package spawner

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// poller calls a function for each descriptor that has something to read or has hung up.
type poller struct {
	kernel  Kernel
	epoll   posix.FD
	wake    posix.FD // an eventfd: a signal has arrived
	ready   map[posix.FD]watch
	serial  uint32 // of the last watch
	stopped chan struct{}
	waker   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	pending []os.Signal
	posted  []func()
	closed  bool
}

// watch is a descriptor that is waited for. The serial tells it from another one that had the same number, for which an event may
// still be on its way.
type watch struct {
	serial uint32
	f      func(events uint32) error
}

// newPoller makes a poller that signals interrupt. The caller closes it.
func newPoller(k Kernel, signals <-chan os.Signal) (*poller, error) {
	p := &poller{kernel: k, epoll: -1, wake: -1, ready: map[posix.FD]watch{}, stopped: make(chan struct{})}
	var err error
	if p.epoll, err = k.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make an epoll instance: %w", err)
	}
	if p.wake, err = k.Eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("make an eventfd: %w", err), k.Close(p.epoll))
	}
	if err := p.add(p.wake, p.woken); err != nil {
		return nil, errors.Join(err, k.Close(p.wake), k.Close(p.epoll))
	}
	p.waker.Go(func() { p.deliver(signals) })
	return p, nil
}

// deliver turns signals, which arrive on a channel, into something that epoll waits for.
func (p *poller) deliver(signals <-chan os.Signal) {
	for {
		select {
		case <-p.stopped:
			return
		case s := <-signals:
			p.mu.Lock()
			p.pending = append(p.pending, s)
			p.mu.Unlock()
			p.rouse()
		}
	}
}

// rouse has wait return.
func (p *poller) rouse() {
	_, _ = p.kernel.Write(p.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // EAGAIN: the counter is full, so the loop is going to wake up
}

// post has the loop call f. It may be called by any goroutine; when the poller is closed nothing happens.
func (p *poller) post(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.posted = append(p.posted, f)
		p.rouse()
	}
}

// callPosted calls what was posted since the last call.
func (p *poller) callPosted() {
	p.mu.Lock()
	fs := p.posted
	p.posted = nil
	p.mu.Unlock()
	for _, f := range fs {
		f()
	}
}

func (p *poller) woken() error {
	var count [8]byte
	_, err := p.kernel.Read(p.wake, count[:])
	if errors.Is(err, posix.Errno(unix.EAGAIN)) {
		return nil
	}
	return err
}

// signals returns those that have arrived since the last call.
func (p *poller) signals() []os.Signal {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.pending
	p.pending = nil
	return out
}

// add has f called when fd can be read or has hung up.
func (p *poller) add(fd posix.FD, f func() error) error {
	return p.watch(fd, unix.EPOLLIN, func(uint32) error { return f() })
}

// watch has f called when one of events is there, or EPOLLHUP or EPOLLERR, which always count.
func (p *poller) watch(fd posix.FD, events uint32, f func(events uint32) error) error {
	p.serial++
	data := uint64(fd) | uint64(p.serial)<<32
	if err := p.kernel.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &posix.EpollEvent{Events: events, Data: data}); err != nil {
		return fmt.Errorf("wait for a descriptor: %w", err)
	}
	p.ready[fd] = watch{p.serial, f}
	return nil
}

// rewatch changes the events that a descriptor is watched for.
func (p *poller) rewatch(fd posix.FD, events uint32) error {
	data := uint64(fd) | uint64(p.ready[fd].serial)<<32
	if err := p.kernel.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, fd, &posix.EpollEvent{Events: events, Data: data}); err != nil {
		return fmt.Errorf("wait for a descriptor: %w", err)
	}
	return nil
}

func (p *poller) remove(fd posix.FD) error {
	delete(p.ready, fd)
	return p.kernel.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, fd, nil)
}

// forget is remove for those of the descriptors that it waits for.
func (p *poller) forget(fds ...posix.FD) error {
	var errs []error
	for _, fd := range fds {
		if _, ok := p.ready[fd]; ok {
			errs = append(errs, p.remove(fd))
		}
	}
	return errors.Join(errs...)
}

// wait calls the functions of all descriptors that are ready, waiting for at most d; negative is for ever.
func (p *poller) wait(d time.Duration) error {
	timeout := -1
	if d >= 0 {
		timeout = int((d + time.Millisecond - 1) / time.Millisecond)
	}
	var events [64]posix.EpollEvent
	n, err := p.kernel.EpollWait(p.epoll, events[:], timeout)
	if err != nil && !errors.Is(err, posix.Errno(unix.EINTR)) {
		return fmt.Errorf("wait for events: %w", err)
	}
	for _, e := range events[:max(n, 0)] {
		// An earlier function of this round may have removed it, and the number may be another descriptor's by now.
		if w, ok := p.ready[posix.FD(uint32(e.Data))]; ok && w.serial == uint32(e.Data>>32) {
			if err := w.f(e.Events); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *poller) close() error {
	close(p.stopped)
	p.waker.Wait()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	return errors.Join(p.kernel.Close(p.wake), p.kernel.Close(p.epoll))
}
