package control

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// A module can inherit a connection instead of a path to connect to. Its near end is kept by the spawner too, so it outlives the manager:
// whichever serves it reads on. Here it is watched, once, for something to read; then a copy of the descriptor is served like an accepted
// connection, and when net/http has closed that copy (nothing came for a while, or what came was no HTTP) it is watched again.

// takeOver serves a connection that has something to read, or gives it up at its end.
func (s *Server) takeOver(t *site) {
	n, err := s.k.Recvmsg(t.FD, &posix.Msg{Data: make([]byte, 1)}, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	switch {
	case is(err, unix.EAGAIN):
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watch(t)
		return
	case err != nil || n == 0: // the other end is closed: nobody will ask any more
		s.giveUp(t)
		return
	}
	fd, err := s.k.Fcntl(t.FD, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		s.fail("copy a connection: %v; it is given up", err)
		s.giveUp(t)
		return
	}
	s.admit(t, posix.FD(fd))
}

// watch waits for something to read on a connection that is not being served. The caller holds mu.
func (s *Server) watch(t *site) {
	if s.closed || s.sites[t.key] != t || t.dead {
		return
	}
	err := s.k.EpollCtl(s.epoll, unix.EPOLL_CTL_MOD, t.FD, &posix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Data: uint64(t.key)})
	if err != nil {
		s.o.Log.Error("a module's connection is not watched any more", "error", fmt.Errorf("watch a connection: %w", err))
	}
}
