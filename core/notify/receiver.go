package notify

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/poll"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

const (
	// perSecond is how many datagrams of an instance are read in a second.
	perSecond = 64
	// refusals are reported at most this often for an instance.
	refusals = 10 * time.Second
)

// Kernel is what a receiver needs of the system.
type Kernel interface {
	posix.Files
	posix.Sockets
}

// Options are who gets to know. The functions are called by the loop's goroutine.
type Options struct {
	// Notified gets a message of an instance's main process.
	Notified func(wire.InstanceID, Message)
	// Refused gets why datagrams to an instance's socket were refused, and how many since the last report.
	Refused func(id wire.InstanceID, why string, n int)
}

// Receiver reads the notification sockets of instances. Its methods can be called by any goroutine.
type Receiver struct {
	loop    *poll.Loop
	kernel  Kernel
	o       Options
	sockets map[wire.InstanceID]*socket
	data    []byte
	control []byte
}

// socket is that of one instance. It owns the descriptor.
type socket struct {
	r       *Receiver
	id      wire.InstanceID
	pid     posix.PID
	fd      posix.FD
	read    int         // datagrams in this second
	second  *poll.Timer // its end
	paused  bool
	closing bool // what came with the last datagram
	refused int  // and not reported
	why     string
	quiet   *poll.Timer // until when refusals are not reported
}

// New makes a receiver that lives on a loop, and ends with it. The loop does not run yet.
func New(loop *poll.Loop, k Kernel, o Options) *Receiver {
	// There is room for all descriptors that can come along: the kernel would close those that do not fit, and we would wait for it.
	r := &Receiver{loop: loop, kernel: k, o: o, sockets: map[wire.InstanceID]*socket{}, data: make([]byte, MaxDatagram+1),
		control: make([]byte, posix.CredentialsSpace+posix.RightsSpace(posix.MaxRights))}
	loop.AtEnd(r.close)
	return r
}

// Add takes ownership of a datagram socket with SO_PASSCRED, and reads what the main process of an instance sends to it.
func (r *Receiver) Add(id wire.InstanceID, pid posix.PID, fd posix.FD) {
	ok := r.loop.Post(func() {
		s := &socket{r: r, id: id, pid: pid, fd: fd}
		if err := r.loop.Add(fd, unix.EPOLLIN, func(uint32) { s.ready() }); err != nil {
			r.o.Refused(id, err.Error(), 1)
			_ = r.kernel.Close(fd)
			return
		}
		r.sockets[id] = s
	})
	if !ok {
		_ = r.kernel.Close(fd)
	}
}

// Remove ends the reading for an instance. One that is not there is removed already.
func (r *Receiver) Remove(id wire.InstanceID) {
	r.loop.Post(func() {
		if s, ok := r.sockets[id]; ok {
			s.close()
		}
	})
}

// Close is Remove for all of them.
func (r *Receiver) Close() {
	r.loop.Post(r.close)
}

func (r *Receiver) close() {
	for _, s := range r.sockets {
		s.close()
	}
}

func (s *socket) close() {
	s.second.Stop()
	s.quiet.Stop()
	delete(s.r.sockets, s.id)
	_ = s.r.loop.Remove(s.fd)    // what cannot be watched any more is closed all the same
	closeAside(s.r.kernel, s.fd) // with what was not read
}

// ready reads datagrams, but not so many that others wait.
func (s *socket) ready() {
	for range 16 {
		if s.read++; s.read > perSecond {
			s.pause()
			return
		}
		if s.second == nil {
			s.second = s.r.loop.After(time.Second, s.resume)
		}
		m := posix.Msg{Data: s.r.data, Control: s.r.control}
		n, err := s.r.kernel.Recvmsg(s.fd, &m, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if err != nil {
			s.read--
			if !errors.Is(err, posix.Errno(unix.EAGAIN)) {
				s.refuse(fmt.Sprintf("it cannot be read: %v", err))
				s.pause()
			}
			return
		}
		s.take(&m, n)
		if s.closing {
			return
		}
	}
}

// pause stops reading until the second is over, and makes the senders wait.
func (s *socket) pause() {
	s.paused = true
	s.watch()
	if s.second == nil {
		s.second = s.r.loop.After(time.Second, s.resume)
	}
}

func (s *socket) resume() {
	s.second, s.read = nil, 0
	if s.paused {
		s.paused = false
		s.watch()
	}
}

// take checks the sender of a datagram, and passes on what it says.
func (s *socket) take(m *posix.Msg, n int) {
	control := m.Control[:m.ControlLen]
	fds, err := posix.ParseRights(control)
	if len(fds) > 0 {
		s.discard(fds)
	}
	who, known := posix.ParseCredentials(control)
	switch {
	case err != nil || !known:
		s.refuse("nobody knows who sent it")
		return
	case who.PID != s.pid:
		s.refuse(fmt.Sprintf("it was sent by process %d of user %d, and not by the main process %d", who.PID, who.UID, s.pid))
		return
	case m.Flags&unix.MSG_TRUNC != 0 || n > MaxDatagram:
		s.refuse(fmt.Sprintf("it is longer than %d bytes", MaxDatagram))
		return
	}
	msg, err := Parse(s.r.data[:n])
	if err != nil {
		s.refuse(err.Error())
		return
	}
	if msg.MainPID {
		s.refuse("MAINPID= is not taken: the main process is the one that was started")
	}
	s.r.o.Notified(s.id, msg)
}

// refuse reports a refusal, now or when it is time to.
func (s *socket) refuse(why string) {
	s.refused++
	s.why = why
	if s.quiet != nil {
		return
	}
	s.report()
}

func (s *socket) report() {
	s.r.o.Refused(s.id, s.why, s.refused)
	s.refused = 0
	s.quiet = s.r.loop.After(refusals, func() {
		s.quiet = nil
		if s.refused > 0 {
			s.report()
		}
	})
}
