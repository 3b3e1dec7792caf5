package fd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Stream is an io.ReadWriteCloser with deadlines over a descriptor: a pipe's end, a socket, a terminal. Its methods may be called from any goroutine;
// reads exclude each other, and so do writes.
type Stream struct {
	poller *Poller
	fd     *FD
	waiter *waiter

	reading, writing sync.Mutex
}

var _ io.ReadWriteCloser = (*Stream)(nil)

// Stream takes ownership of n, makes it non-blocking, and returns a stream. After an error n is still the caller's. Errors: EBADF; EPERM for a
// file that cannot be waited for; net.ErrClosed when the poller is closed.
func (p *Poller) Stream(n posix.FD) (*Stream, error) {
	flags, err := p.core.Fcntl(n, unix.F_GETFL, 0)
	if err != nil {
		return nil, fmt.Errorf("make descriptor %d non-blocking: %w", n, err)
	}
	if flags&unix.O_NONBLOCK == 0 {
		if _, err := p.core.Fcntl(n, unix.F_SETFL, flags|unix.O_NONBLOCK); err != nil {
			return nil, fmt.Errorf("make descriptor %d non-blocking: %w", n, err)
		}
	}
	w, err := p.watch(n)
	if err != nil {
		return nil, err
	}
	return &Stream{poller: p, fd: p.set.Own(n), waiter: w}, nil
}

// attempt makes a call again and again until it is answered with something else than EAGAIN or EINTR, or may not be made any more.
func (s *Stream) attempt(side *side, call func(n posix.FD) error) error {
	for {
		seen, err := side.now()
		if err != nil {
			return err
		}
		switch err := s.fd.Do(call); {
		case errors.Is(err, posix.Errno(unix.EINTR)): // nothing was transferred
		case errors.Is(err, posix.Errno(unix.EAGAIN)):
			if err := side.wait(seen); err != nil {
				return err
			}
		default:
			return closedIsNet(err)
		}
	}
}

// closedIsNet makes the error of a descriptor that was closed meanwhile the one that users of package net look for.
func closedIsNet(err error) error {
	var misuse *MisuseError
	if errors.As(err, &misuse) {
		return net.ErrClosed
	}
	return err
}

// Read reads at most len(b) bytes and waits until there are some. At the end of the file it returns io.EOF.
func (s *Stream) Read(b []byte) (int, error) {
	return s.read(b, func(n posix.FD) (int, error) { return s.poller.core.Read(n, b) })
}

func (s *Stream) read(b []byte, call func(n posix.FD) (int, error)) (count int, err error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if len(b) == 0 {
		_, err := s.waiter.read.now()
		return 0, err
	}
	err = s.attempt(&s.waiter.read, func(n posix.FD) (err error) {
		count, err = call(n)
		return err
	})
	if err == nil && count == 0 {
		return 0, io.EOF
	}
	return count, err
}

// Write writes all of b, waiting as often as it must. With an error it returns how much was written before.
func (s *Stream) Write(b []byte) (int, error) {
	return s.write(b, func(n posix.FD, rest []byte) (int, error) { return s.poller.core.Write(n, rest) })
}

func (s *Stream) write(b []byte, call func(n posix.FD, rest []byte) (int, error)) (total int, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if len(b) == 0 {
		_, err := s.waiter.write.now()
		return 0, err
	}
	for total < len(b) {
		err := s.attempt(&s.waiter.write, func(n posix.FD) error {
			count, err := call(n, b[total:])
			total += max(count, 0)
			if err == nil && count == 0 {
				return io.ErrUnexpectedEOF // nobody knows what it means, and trying for ever is worse
			}
			return err
		})
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Close closes the descriptor. What waits fails with net.ErrClosed, and so does another Close.
func (s *Stream) Close() error {
	s.waiter.fail(net.ErrClosed)
	n, err := s.fd.take("close")
	if err != nil {
		return closedIsNet(err)
	}
	s.poller.forget(s.waiter, n)
	return s.poller.core.Close(n)
}

// SetDeadline sets both deadlines: from t on, reads and writes fail with os.ErrDeadlineExceeded; the zero time is never.
func (s *Stream) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// SetReadDeadline sets the deadline of reads.
func (s *Stream) SetReadDeadline(t time.Time) error { return s.waiter.read.setDeadline(t) }

// SetWriteDeadline sets the deadline of writes.
func (s *Stream) SetWriteDeadline(t time.Time) error { return s.waiter.write.setDeadline(t) }
