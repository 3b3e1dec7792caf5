package listener

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// States of a TCP socket. Source: the kernel's include/net/tcp_states.h.
const (
	stateClose  = 7
	stateListen = 10
)

var errNotListening = errors.New("the socket does not listen")

// Down tells whether one of the processes that hold the socket has put it out of service, for everybody: with shutdown(2), or with connect(2) to
// AF_UNSPEC or to somewhere. A socket that is only reserved is not. Which of them it was cannot be known. A socket that a poller watches for POLLHUP and POLLRDHUP needs to
// be asked only then; it says nothing about a TCP listener that has been made to listen at another port.
func (s *Socket) Down(k Kernel) bool {
	if s.reserved {
		return false
	}
	fds := []posix.PollFD{{FD: s.FD, Events: unix.POLLRDHUP}}
	for {
		_, err := k.Ppoll(fds, &posix.Timespec{})
		if errors.Is(err, posix.Errno(unix.EINTR)) {
			continue
		}
		if err != nil || fds[0].Revents&(unix.POLLHUP|unix.POLLRDHUP|unix.POLLERR|unix.POLLNVAL) != 0 {
			return true
		}
		return s.tcp() && !s.inPlace(k)
	}
}

func (s *Socket) tcp() bool {
	return s.Identity.Family != unix.AF_UNIX && s.Identity.Type == unix.SOCK_STREAM
}

// inPlace tells whether a TCP socket listens, and where it should.
func (s *Socket) inPlace(k Kernel) bool {
	var info posix.TCPInfo
	if err := k.GetsockoptTCPInfo(s.FD, &info); err != nil || info.State != stateListen {
		return false
	}
	addr, err := k.Getsockname(s.FD)
	return err == nil && addr.Addr == s.Addr
}

// Heal puts a socket that is [Socket.Down] back into service at the same address, also where the kernel had chosen the port. Connections that
// waited to be accepted are lost.
//
// A TCP socket listens again, and so it does for everybody who holds it. Where that is impossible, because it was connected or bound
// to another port, and with unix sockets always, another socket takes its place, and replaced is true: FD is a new descriptor, the
// old one is closed, and processes that hold the old socket must be replaced. A UDP socket cannot be healed while a process
// holds it, because that one keeps the port. After an error the socket is as it was before.
func (s *Socket) Heal(k Kernel) (replaced bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("heal the listener on %s: %w", s.Identity, err)
		}
	}()
	switch {
	case !s.Down(k):
		return false, nil
	case s.tcp() && s.again(k):
		return false, nil
	case s.Identity.Type == unix.SOCK_DGRAM:
		return false, errors.New("a UDP socket that a process has shut down keeps its port until all processes that hold it have ended; stop the modules that have it")
	}
	l := s.listener
	l.Addr = s.Addr
	fresh, err := Open(k, l)
	if err != nil {
		return false, err
	}
	fresh.Identity, fresh.listener = s.Identity, s.listener
	err = s.closeFD(k)
	*s = *fresh
	return true, err
}

// again makes a closed TCP socket listen where it did, binding it once more if it lost the port. It returns false when the socket cannot.
func (s *Socket) again(k Kernel) bool {
	var info posix.TCPInfo
	if err := k.GetsockoptTCPInfo(s.FD, &info); err != nil || info.State != stateClose {
		return false
	}
	if err := k.SetsockoptInt(s.FD, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return false
	}
	// A port that the kernel chose is lost with the listening, although getsockname(2) goes on to name it. EINVAL: it has one.
	if s.Identity.Addr.Port() == 0 {
		err := k.Bind(s.FD, posix.Sockaddr{Family: s.Identity.Family, Addr: s.Addr})
		if err != nil && !errors.Is(err, posix.Errno(unix.EINVAL)) {
			return false
		}
	}
	addr, err := k.Getsockname(s.FD)
	if err != nil || addr.Addr != s.Addr {
		return false
	}
	return k.Listen(s.FD, s.Backlog) == nil && s.inPlace(k)
}

// Queue returns how many connections wait to be accepted, and how many may. The kernel tells this of TCP listeners only; of
// others it is an error for which errors.Is(err, errors.ErrUnsupported) holds.
func (s *Socket) Queue(k Kernel) (length, limit uint32, err error) {
	if !s.tcp() {
		return 0, 0, fmt.Errorf("ask for the queue of the listener on %s: %w", s.Identity, errors.ErrUnsupported)
	}
	var info posix.TCPInfo
	if err = k.GetsockoptTCPInfo(s.FD, &info); err == nil && info.State != stateListen {
		err = errNotListening
	}
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the queue of the listener on %s: %w", s.Identity, posix.Answer(err))
	}
	return info.Unacked, info.Sacked, nil
}
