package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// server answers everybody who connects, in one thread.
type server struct {
	k        kernel
	poll     posix.FD
	listener posix.FD
	owed     map[posix.FD][]byte // of each connection, what has not been sent back
	buffer   []byte
	events   []posix.EpollEvent
}

// newServer takes ownership of listener.
func newServer(k kernel, listener posix.FD) (*server, error) {
	poll, err := k.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("wait for connections: %w", err)
	}
	s := &server{k: k, poll: poll, listener: listener, owed: map[posix.FD][]byte{}, buffer: make([]byte, 4096), events: make([]posix.EpollEvent, 16)}
	return s, s.watch(unix.EPOLL_CTL_ADD, listener, unix.EPOLLIN)
}

func (s *server) watch(op int, fd posix.FD, events uint32) error {
	return s.k.EpollCtl(s.poll, op, fd, &posix.EpollEvent{Events: events, Data: uint64(fd)})
}

// turn waits and does what there is to do.
func (s *server) turn() error {
	n, err := s.k.EpollWait(s.poll, s.events, -1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait: %w", err)
	}
	for _, e := range s.events[:max(n, 0)] {
		fd := posix.FD(e.Data)
		if fd == s.listener {
			s.accept()
		} else if err := s.answer(fd); err != nil {
			delete(s.owed, fd)
			_ = s.k.Close(fd) // the client sees the end, whatever Close says
		}
	}
	return nil
}

// accept takes one connection. A client that is gone again, or one too many, is no reason to end.
func (s *server) accept() {
	fd, _, err := s.k.Accept4(s.listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err != nil {
		return
	}
	if s.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN) != nil {
		_ = s.k.Close(fd)
	}
}

var errEnd = errors.New("the client has closed its side")

// answer sends back what is owed, and takes more when nothing is.
func (s *server) answer(fd posix.FD) error {
	if len(s.owed[fd]) == 0 {
		n, err := s.k.Read(fd, s.buffer)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case err != nil:
			return err
		case n == 0:
			return errEnd
		}
		s.owed[fd] = append(s.owed[fd], s.buffer[:n]...)
	}
	n, err := s.k.Write(fd, s.owed[fd])
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		return err
	}
	s.owed[fd] = s.owed[fd][max(n, 0):]
	if len(s.owed[fd]) > 0 {
		return s.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLOUT)
	}
	return s.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN)
}
