package notify

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// patience is how long the loop waits for descriptors of a module's to be closed: socket(7), SO_LINGER, lets who has made one decide
// how long that takes.
const patience = 20 * time.Millisecond

// closeAside closes descriptors, waiting for a moment only. The channel is closed when all of them are.
func closeAside(k posix.Files, fds ...posix.FD) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, fd := range fds {
			_ = k.Close(fd)
		}
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
	return done
}

// discard closes descriptors that came with a datagram. While that takes, nothing more is read from the socket, so that
// a module holds up one thread at most.
func (s *socket) discard(fds []posix.FD) {
	done := closeAside(s.r.kernel, fds...)
	select {
	case <-done:
		return
	default:
	}
	s.closing = true
	s.watch()
	go func() {
		<-done
		s.r.loop.Post(func() {
			s.closing = false
			if s.r.sockets[s.id] == s {
				s.watch()
			}
		})
	}()
}

// watch waits for datagrams, or does not while they are not to be read.
func (s *socket) watch() {
	events := uint32(unix.EPOLLIN)
	if s.paused || s.closing {
		events = 0
	}
	if err := s.r.loop.Change(s.fd, events); err != nil {
		s.refuse(err.Error())
	}
}
