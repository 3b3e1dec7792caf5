package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fd"
)

// system is what the server asks of the kernel.
type system interface {
	posix.Files
	posix.Sockets
	posix.Polling
	posix.Processes
}

// config says what the server does.
type config struct {
	Listen  netip.AddrPort
	Dir     posix.FD // what Journal is relative to
	Journal string
	Helper  posix.Command      // kept running, unless its Path is empty
	Pause   time.Duration      // between the end of the helper and its next start
	Notify  func(event string) // is told what happens
}

// server answers lines.
type server struct {
	core     system
	notify   func(event string)
	poller   *fd.Poller
	listener *fd.Listener
	journal  *journal
	helper   *helper  // nil: none
	spare    posix.FD // given up to take a connection that there is no descriptor for; NoFD when it is gone

	mu     sync.Mutex // guards what follows
	closed bool
	conns  map[net.Conn]bool

	accepting sync.Mutex // held by serve
	ending    sync.Once
	ended     error // of end, written once
	talking   sync.WaitGroup
}

// newServer opens what the server needs.
func newServer(core system, c config) (_ *server, err error) {
	s := &server{core: core, notify: c.Notify, spare: posix.NoFD, conns: map[net.Conn]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.poller, err = fd.NewPoller(core); err != nil {
		return nil, err
	}
	if s.journal, err = openJournal(core, c.Dir, c.Journal); err != nil {
		return nil, err
	}
	if s.listener, err = s.listen(c.Listen); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	if err = s.reserve(); err != nil {
		return nil, fmt.Errorf("reserve a descriptor: %w", err)
	}
	if c.Helper.Path != "" {
		s.helper = &helper{processes: core, polling: core, poller: s.poller, command: c.Helper, pause: c.Pause, notify: c.Notify, done: make(chan struct{})}
		go s.helper.keep()
	}
	return s, nil
}

// listen makes a listening socket.
func (s *server) listen(at netip.AddrPort) (*fd.Listener, error) {
	n, err := s.core.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	var l *fd.Listener
	err = s.core.SetsockoptInt(n, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = s.core.Bind(n, posix.Sockaddr{Family: unix.AF_INET, Addr: at})
	}
	if err == nil {
		err = s.core.Listen(n, 128)
	}
	if err == nil {
		l, err = s.poller.Listener(n) // n is l's now
	}
	if err != nil {
		return nil, errors.Join(err, s.core.Close(n))
	}
	return l, nil
}

// reserve takes the spare descriptor.
func (s *server) reserve() error {
	n, err := s.core.Fcntl(s.journal.fd, unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		s.spare = posix.FD(n)
	}
	return err
}

// release gives the spare descriptor back.
func (s *server) release() error {
	n := s.spare
	if s.spare = posix.NoFD; n == posix.NoFD {
		return nil
	}
	return s.core.Close(n)
}

// serve answers until close is called.
func (s *server) serve() error {
	s.accepting.Lock()
	defer s.accepting.Unlock()
	for {
		c, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case full(err) && s.spare != posix.NoFD:
			s.notify("too many open files: connections are turned away")
			if err := s.release(); err != nil {
				return fmt.Errorf("give up a descriptor: %w", err)
			}
			continue
		case err != nil:
			return err
		}
		if s.spare == posix.NoFD && s.reserve() != nil {
			_, _ = fmt.Fprintln(c, "busy: too many open files") // whether it arrives, the client knows
			_ = c.Close()
			if s.reserve() == nil {
				continue
			}
			return errors.New("accept: somebody else took the last descriptor")
		}
		if !s.track(c) {
			return c.Close()
		}
		s.talking.Go(func() { s.talk(c) })
	}
}

// full tells whether a descriptor could not be had.
func full(err error) bool {
	return errors.Is(err, posix.Errno(unix.EMFILE)) || errors.Is(err, posix.Errno(unix.ENFILE))
}

// track remembers an open connection, for close. False: the server ends.
func (s *server) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
	return !s.closed
}

// talk answers each line with the line, or with why it was not kept.
func (s *server) talk(c net.Conn) {
	in := bufio.NewScanner(c)
	for in.Scan() {
		answer := in.Text()
		if err := s.journal.append(answer); err != nil {
			s.notify(err.Error())
			answer = "not kept: " + reason(err)
		}
		if _, err := fmt.Fprintln(c, answer); err != nil {
			break
		}
	}
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	_ = c.Close() // close may have done it
}

// reason is what a client is told of an error: what the kernel said, and not where the journal is.
func reason(err error) string {
	var errno posix.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return "internal error"
}

// close ends the server and gives everything back, once; serve returns.
func (s *server) close() error {
	s.ending.Do(func() { s.ended = s.end() })
	return s.ended
}

func (s *server) end() error {
	var errs []error
	if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.accepting.Lock() // serve has returned, and does nothing if it begins now
	defer s.accepting.Unlock()
	s.talking.Wait()
	if s.helper != nil {
		s.helper.stop()
	}
	if s.journal != nil {
		errs = append(errs, s.release(), s.journal.close())
	}
	if s.poller != nil {
		errs = append(errs, s.poller.Close())
	}
	return errors.Join(errs...)
}
