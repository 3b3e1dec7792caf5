package link

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Bounds and times of a link.
const (
	// Window is how many requests are on their way at the same time; the spawner takes twice as many.
	Window = 512
	// MaxQueue is how many frames wait to be sent.
	MaxQueue = 100_000

	pingEvery   = 5 * time.Second
	silentAfter = 15 * time.Second
)

var (
	// ErrClosed is the end of a link: the spawner is gone, or Close was called.
	ErrClosed = errors.New("the channel to the spawner is closed")
	// ErrFull is the error of more requests than anybody waits for.
	ErrFull = errors.New("too many requests wait for the spawner")
)

// Kernel is what a link needs of the system.
type Kernel interface {
	posix.Files
	posix.Sockets
	posix.Polling
}

// Link is the channel. It owns its descriptor.
type Link struct {
	kernel Kernel
	fd     posix.FD
	wake   posix.FD
	now    func() time.Time

	heard   time.Time // when something arrived last
	pinged  time.Time
	silent  bool
	greeted bool

	mu      sync.Mutex // guards what follows
	urgent  [][]byte   // signs of life, which the window does not hold up
	queue   [][]byte   // requests that the socket did not take, or that are beyond the window
	pending map[uint64]wire.Kind
	closed  bool
}

// New takes ownership of the manager's end of the channel. The caller runs it, which gives everything back.
func New(k Kernel, fd posix.FD) (*Link, error) {
	wake, err := k.Eventfd2(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make an eventfd: %w", err), k.Close(fd))
	}
	return &Link{kernel: k, fd: fd, wake: wake, now: time.Now, pending: map[uint64]wire.Kind{}}, nil
}

// Send sends a request. id is not that of another one that waits for its answer. It never blocks.
func (l *Link) Send(id uint64, kind wire.Kind, body []byte) error {
	if !kind.Request() {
		return fmt.Errorf("send a frame of kind %s: it is not a request", kind)
	}
	return l.send(wire.Frame{Kind: kind, ID: id, Body: body})
}

func (l *Link) send(f wire.Frame) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrClosed
	case len(l.queue)+len(l.urgent) >= MaxQueue:
		return ErrFull
	}
	if !f.Kind.Request() {
		l.urgent = append(l.urgent, f.Encode())
		l.interrupt()
		return nil
	}
	if _, twice := l.pending[f.ID]; twice {
		return fmt.Errorf("send a request: the number %d is in use; this is a bug, please report it", f.ID)
	}
	l.pending[f.ID] = f.Kind
	l.queue = append(l.queue, f.Encode())
	if len(l.queue) == 1 {
		l.interrupt()
	}
	return nil
}

var one = []byte{1, 0, 0, 0, 0, 0, 0, 0} // read only

// interrupt has the goroutine of Run look at the queue. A full counter does that as well.
func (l *Link) interrupt() { _, _ = l.kernel.Write(l.wake, one) }

// Close ends Run.
func (l *Link) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.interrupt()
	}
}

// Run passes messages to h until the channel closes, which is [ErrClosed], or something else goes wrong. It gives the descriptors back.
func (l *Link) Run(h Handler) (err error) {
	defer func() {
		l.mu.Lock()
		l.closed = true
		l.queue, l.urgent = nil, nil
		err = errors.Join(err, l.kernel.Close(l.fd), l.kernel.Close(l.wake))
		l.mu.Unlock()
	}()
	r := receiver{data: make([]byte, wire.MaxFrame+1), control: make([]byte, posix.RightsSpace(wire.MaxDescriptors+1))}
	l.heard, l.pinged = l.now(), l.now()
	for {
		blocked, err := l.flush()
		if err != nil {
			return err
		}
		fds := [2]posix.PollFD{{FD: l.fd, Events: unix.POLLIN}, {FD: l.wake, Events: unix.POLLIN}}
		if blocked {
			fds[0].Events |= unix.POLLOUT
		}
		wait := l.beat(h)
		if _, err := l.kernel.Ppoll(fds[:], &posix.Timespec{Sec: int64(wait / time.Second), Nsec: int64(wait % time.Second)}); err != nil && !errors.Is(err, posix.Errno(unix.EINTR)) {
			return fmt.Errorf("wait for the spawner: %w", err)
		}
		if fds[1].Revents != 0 {
			var count [8]byte
			_, _ = l.kernel.Read(l.wake, count[:]) // EAGAIN cannot be: it has just been reported
		}
		if fds[0].Revents&^unix.POLLOUT == 0 {
			continue
		}
		if err := l.receive(&r, h); err != nil {
			return err
		}
	}
}

// flush sends what waits, as far as the window and the socket allow. blocked: the socket takes nothing now.
func (l *Link) flush() (blocked bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false, ErrClosed
	}
	if blocked, err = l.drain(&l.urgent, len(l.urgent)); blocked || err != nil {
		return blocked, err
	}
	// A request is on its way when it is pending and not in the queue.
	room := Window - (len(l.pending) - len(l.queue))
	return l.drain(&l.queue, min(max(room, 0), len(l.queue)))
}

// drain sends the first n frames of a queue, as far as the socket takes them.
func (l *Link) drain(queue *[][]byte, n int) (blocked bool, err error) {
	for ; n > 0; n-- {
		switch _, err := l.kernel.Sendmsg(l.fd, &posix.Msg{Data: (*queue)[0]}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL); {
		case err == nil:
		case errors.Is(err, posix.Errno(unix.EAGAIN)), errors.Is(err, posix.Errno(unix.ENOBUFS)):
			return true, nil
		case gone(err):
			return false, ErrClosed
		default:
			return false, fmt.Errorf("send to the spawner: %w", err)
		}
		if *queue = (*queue)[1:]; len(*queue) == 0 {
			*queue = nil // with the memory of a long one
		}
	}
	return false, nil
}

// gone tells whether an error means that there is nobody at the other end.
func gone(err error) bool {
	return errors.Is(err, posix.Errno(unix.EPIPE)) || errors.Is(err, posix.Errno(unix.ECONNRESET)) || errors.Is(err, posix.Errno(unix.ENOTCONN))
}

// beat asks the spawner for a sign of life when it is time to, and returns how long until it is again.
func (l *Link) beat(h Handler) time.Duration {
	now := l.now()
	if now.Sub(l.pinged) >= pingEvery {
		l.pinged = now
		if l.send(wire.Frame{Kind: wire.KindPing}) == nil {
			return 0 // it is sent before the next wait
		}
	}
	if silent := now.Sub(l.heard) >= silentAfter; silent && !l.silent {
		l.silent = true
		h.Silent(true)
	}
	return max(time.Millisecond, pingEvery-now.Sub(l.pinged))
}

// first is err, joined with another one if there is one.
func first(err, another error) error {
	if another == nil {
		return err
	}
	return errors.Join(err, another)
}

// receiver has the memory for a frame.
type receiver struct{ data, control []byte }

// receive passes on the messages that are there, but not so many that nothing is sent meanwhile.
func (l *Link) receive(r *receiver, h Handler) error {
	for range 64 {
		p, err := r.next(l.kernel, l.fd)
		if err != nil {
			err = first(err, p.close(l.kernel))
		}
		switch {
		case errors.Is(err, posix.Errno(unix.EAGAIN)):
			return nil
		case err == io.EOF || gone(err):
			return ErrClosed
		case err != nil:
			return err
		}
		l.heard = l.now()
		if l.silent {
			l.silent = false
			h.Silent(false)
		}
		err = l.dispatch(&p, h)
		if err := errors.Join(err, p.close(l.kernel)); err != nil {
			return err
		}
	}
	return nil
}

// next receives a frame. The caller owns the descriptors; the body is valid until the next call.
func (r *receiver) next(k posix.Sockets, fd posix.FD) (parcel, error) {
	m := posix.Msg{Data: r.data, Control: r.control}
	n, err := k.Recvmsg(fd, &m, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return parcel{}, err
	}
	p := parcel{}
	if p.fds, err = posix.ParseRights(m.Control[:m.ControlLen]); err != nil {
		return p, fmt.Errorf("%w: %w", ErrGarbage, err)
	}
	switch {
	case n == 0 && len(p.fds) == 0:
		return p, io.EOF
	case m.Flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
		return p, garbage("a frame that is too long, or with too many descriptors")
	}
	if p.Frame, err = wire.DecodeFrame(r.data[:n]); err != nil {
		return p, fmt.Errorf("%w: %w", ErrGarbage, err)
	}
	return p, nil
}
