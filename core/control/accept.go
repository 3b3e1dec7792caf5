package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/aside"
)

const (
	// batch is how many connections are taken from one listener before the others have their turn.
	batch = 16
	// breather is how long nothing is accepted after the system had no descriptor or memory for it.
	breather = 100 * time.Millisecond
)

// accept takes connections until the server ends. It is the only one that closes listening sockets, so none is closed, and its number
// used again, while it is asked for a connection.
func (s *Server) accept() {
	defer s.closeSites()
	var events [16]posix.EpollEvent
wait:
	for {
		n, err := s.k.EpollWait(s.epoll, events[:], -1)
		if err != nil && !errors.Is(err, posix.Errno(unix.EINTR)) {
			s.fail("wait for connections: %v", err)
			<-s.closing
			return
		}
		for _, e := range events[:max(n, 0)] {
			if e.Data == wakeKey {
				if s.woken() {
					return
				}
				continue
			}
			switch t := s.site(Key(e.Data)); {
			case t == nil:
			case t.connected:
				s.takeOver(t)
			case !s.takeFrom(t):
				continue wait
			}
		}
	}
}

func (s *Server) site(key Key) *site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sites[key]
}

// woken closes what was dropped, and tells whether the server ends.
func (s *Server) woken() bool {
	var count [8]byte
	_, _ = s.k.Read(s.wake, count[:]) // EAGAIN: it was read before
	s.mu.Lock()
	dropped := s.dropped
	s.dropped = nil
	closed := s.closed
	s.mu.Unlock()
	for _, t := range dropped {
		s.closeSite(t)
	}
	return closed
}

func (s *Server) closeSites() {
	s.mu.Lock()
	sites := s.dropped
	for _, t := range s.sites {
		sites = append(sites, t)
	}
	s.dropped, s.sites = nil, map[Key]*site{}
	s.mu.Unlock()
	for _, t := range sites {
		s.closeSite(t)
	}
}

// closeSite closes a listening socket. Others may have it open too, and then epoll would go on telling of it.
func (s *Server) closeSite(t *site) {
	s.giveUp(t)
	if err := aside.Close(s.k, t.FD); err != nil {
		s.o.Log.Error("close a listening socket of the control API", "error", err)
	}
}

// takeFrom takes what is in a listener's queue. It returns false when the others would fare no better.
func (s *Server) takeFrom(t *site) bool {
	for range batch {
		fd, _, err := s.k.Accept4(t.FD, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		switch {
		case err == nil:
			s.admit(t, fd)
		case is(err, unix.EAGAIN):
			return true
		case is(err, unix.ECONNABORTED, unix.EPERM, unix.EPROTO, unix.ENETDOWN, unix.EHOSTDOWN, unix.ENETUNREACH, unix.EHOSTUNREACH):
			// that connection is gone, or a firewall forbids it; accept(2) says to go on
		case is(err, unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM):
			s.fail("accept a connection: %v; trying again", err)
			_, _ = s.k.Ppoll([]posix.PollFD{{FD: s.wake, Events: unix.POLLIN}}, &posix.Timespec{Nsec: int64(breather)})
			return false
		default:
			s.fail("accept a connection: %v; this listener is given up", err)
			s.giveUp(t)
			return true
		}
	}
	return true
}

func is(err error, errnos ...posix.Errno) bool {
	for _, e := range errnos {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// giveUp waits no more for a listener, until it is dropped.
func (s *Server) giveUp(t *site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.dead {
		return
	}
	t.dead = true
	if err := s.k.EpollCtl(s.epoll, unix.EPOLL_CTL_DEL, t.FD, nil); err != nil {
		s.o.Log.Error("give a listening socket of the control API up", "error", err)
	}
}

// admit decides what becomes of a connection, whose descriptor it takes over.
func (s *Server) admit(t *site, fd posix.FD) {
	c := &conn{site: t, kernel: s.k}
	if t.Access == OwnerOnly {
		var err error
		if c.peer, err = s.k.GetsockoptUcred(fd); err != nil {
			s.fail("ask who has connected: %v", err)
			s.closeConn(fd)
			return
		}
		if c.peer.UID != 0 && c.peer.UID != s.o.Owner {
			c.fate = stranger
			s.refuseStranger(c.peer)
		}
	}
	s.mu.Lock()
	if c.fate == served && t.seats[served] >= t.Connections {
		c.fate = crowded
	}
	full := c.fate != served && t.seats[c.fate] >= maxRefused
	if !full {
		t.seats[c.fate]++
	}
	s.mu.Unlock()
	if full {
		s.closeConn(fd)
		return
	}
	c.release = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		t.seats[c.fate]--
		delete(s.conns, c)
		if t.connected {
			s.watch(t)
		}
	}
	f := os.NewFile(uintptr(fd), "connection")
	var err error
	if c.Conn, err = net.FileConn(f); err != nil { // which has a descriptor of its own
		s.fail("take a connection: %v", err)
		_ = f.Close()
		c.release()
		return
	}
	_ = f.Close()
	c.fresh.Store(true)
	if c.fate != served {
		c.latest = time.Now().Add(refuseTimeout)
		_ = c.SetDeadline(c.latest)
	}
	s.mu.Lock()
	s.conns[c] = true
	gone := s.closed || s.sites[t.key] != t
	s.mu.Unlock()
	if gone {
		_ = c.Close()
		return
	}
	select {
	case s.taken <- c:
	case <-s.closing:
		_ = c.Close()
	}
}

func (s *Server) closeConn(fd posix.FD) {
	if err := aside.Close(s.k, fd); err != nil {
		s.o.Log.Error("close a connection of the control API", "error", err)
	}
}

// refuseStranger says who was refused, once a second at most.
func (s *Server) refuseStranger(peer posix.Ucred) {
	missed, now := s.refused.allow(time.Now())
	if !now {
		return
	}
	text := fmt.Sprintf("refused uid %d (pid %d) at the control socket%s; root and uid %d may use it", peer.UID, peer.PID, more(missed), s.o.Owner)
	if s.o.Mapped {
		text = fmt.Sprintf("refused somebody else (pid %d) at the control socket%s; only the user who started the supervisor may use it", peer.PID, more(missed))
	}
	s.o.Event(api.Event{Kind: "control.refused", Level: "warn", PID: int(peer.PID), Text: text})
}

func (s *Server) fail(format string, args ...any) {
	if missed, now := s.failed.allow(time.Now()); now {
		s.o.Event(api.Event{Kind: "control.failed", Level: "error", Text: "control socket: " + fmt.Sprintf(format, args...) + more(missed)})
	}
}

func more(missed int) string {
	if missed == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d times before that was not told", missed)
}
