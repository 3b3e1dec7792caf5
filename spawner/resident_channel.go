package spawner

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/aside"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Limits of what waits for a manager that does not read, in frames. Beyond them it is killed.
const (
	maxUnanswered = 1024 // requests whose answers it has not taken
	maxQueue      = 8192
)

// outgoing is a frame for the manager. Its descriptors are duplicated by the kernel when it is sent.
type outgoing struct {
	frame wire.Frame
	// fds are closed once they are sent, or will not be.
	fds []posix.FD
	// lent go along behind them, and stay open.
	lent []posix.FD
	// of, when it is not nil, is the instance whose descriptors go along; it is kept until then.
	of *instance
}

// channel is the spawner's end of the socket pair. It owns the descriptor.
type channel struct {
	kernel  Kernel
	fd      posix.FD
	queue   []*outgoing
	answers int  // of those in the queue
	attach  int  // as well
	waiting bool // for room, which epoll tells of
	buf     []byte
	control []byte
}

func newChannel(k Kernel, fd posix.FD) *channel {
	return &channel{kernel: k, fd: fd, buf: make([]byte, wire.MaxFrame+1),
		control: make([]byte, posix.RightsSpace(posix.MaxRights))} // the kernel itself would close those that do not fit
}

// errBusy is a channel that takes nothing for the moment, for want of something that epoll does not tell of.
var errBusy = errors.New("try again in a moment")

// errGone is a channel whose other end is closed.
var errGone = errors.New("closed its end of the channel")

// flush sends what it can.
func (c *channel) flush() error {
	for len(c.queue) > 0 {
		o := c.queue[0]
		fds := slices.Concat(o.fds, o.lent)
		if o.of != nil {
			fds = append(fds, o.of.descriptors()...)
		}
		m := posix.Msg{Data: o.frame.Encode(), Control: posix.Rights(fds...)}
		_, err := c.kernel.Sendmsg(c.fd, &m, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch {
		case err == nil:
		case is(err, unix.EAGAIN):
			return nil // epoll tells when there is room
		case is(err, unix.ETOOMANYREFS), is(err, unix.ENOBUFS), is(err, unix.ENOMEM):
			return errBusy
		case is(err, unix.EPIPE), is(err, unix.ECONNRESET), is(err, unix.ENOTCONN):
			return errGone
		default:
			return fmt.Errorf("send it a frame of kind %s: %w", o.frame.Kind, err)
		}
		c.queue[0] = nil
		c.queue = c.queue[1:]
		c.drop(o)
	}
	return nil
}

// count keeps account of what waits.
func (c *channel) count(o *outgoing, by int) {
	switch o.frame.Kind {
	case wire.KindReply:
		c.answers += by
	case wire.KindAttach:
		c.attach += by
	}
	if o.of != nil {
		o.of.unsent += by
	}
}

// drop is called for a frame that has been sent, or will not be.
func (c *channel) drop(o *outgoing) {
	c.count(o, -1)
	for _, fd := range o.fds {
		_ = c.kernel.Close(fd) // a file in memory
	}
}

// receive takes a frame. Its body is only valid until the next call. io errors: EAGAIN when nothing is there, errGone at the end.
func (c *channel) receive() (wire.Frame, error) {
	m := posix.Msg{Data: c.buf, Control: c.control}
	n, err := c.kernel.Recvmsg(c.fd, &m, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if is(err, unix.ECONNRESET) {
		err = errGone
	}
	if err != nil {
		return wire.Frame{}, err
	}
	fds, err := posix.ParseRights(m.Control[:m.ControlLen])
	if len(fds) > 0 {
		err = errors.Join(err, aside.Close(c.kernel, fds...))
	}
	switch {
	case err != nil:
		return wire.Frame{}, fmt.Errorf("%w: control data: %w", wire.ErrMalformed, err)
	case len(fds) > 0 || m.ControlLen > 0 || m.Flags&unix.MSG_CTRUNC != 0:
		return wire.Frame{}, fmt.Errorf("%w: descriptors came along", wire.ErrMalformed)
	case m.Flags&unix.MSG_TRUNC != 0:
		return wire.Frame{}, fmt.Errorf("%w: more than %d bytes", wire.ErrMalformed, wire.MaxFrame)
	case n == 0:
		return wire.Frame{}, errGone // an empty datagram looks the same, and is none of ours
	}
	return wire.DecodeFrame(c.buf[:n])
}

// close drops what was not sent.
func (c *channel) close() error {
	if c.fd < 0 {
		return nil
	}
	for _, o := range c.queue {
		c.drop(o)
	}
	c.queue = nil
	err := aside.Close(c.kernel, c.fd)
	c.fd = -1
	return err
}

func is(err error, errno posix.Errno) bool { return errors.Is(err, errno) }

// send gives the manager a frame. Without a manager it is dropped: the next one finds everything in its snapshot.
func (r *Resident) send(o *outgoing) {
	if !r.manager.serves() {
		for _, fd := range o.fds {
			_ = r.kernel.Close(fd)
		}
		return
	}
	c := r.manager.channel
	c.count(o, 1)
	if c.queue = append(c.queue, o); len(c.queue) > 1 && (c.waiting || r.manager.pause != nil) {
		r.checkQueue()
		return
	}
	r.flush()
}

// checkQueue kills a manager that asks and does not listen.
func (r *Resident) checkQueue() {
	m := r.manager
	switch {
	case m.channel.answers+r.unanswered() > maxUnanswered:
		r.killManager(fmt.Sprintf("has more than %d requests open and does not take the answers", maxUnanswered))
	case len(m.channel.queue)-m.channel.attach > maxQueue:
		r.killManager(fmt.Sprintf("does not take what it is told: %d frames wait", len(m.channel.queue)))
	}
}

// unanswered is how many requests wait for something other than the channel.
func (r *Resident) unanswered() int {
	n := len(r.manager.statistics)
	if r.preparing != nil {
		n++
	}
	return n
}

// flush sends what it can, and sees to it that the rest is tried again.
func (r *Resident) flush() {
	m := r.manager
	err := m.channel.flush()
	switch {
	case errors.Is(err, errBusy):
		r.waitForRoom(false)
		if m.pause == nil {
			m.pause = r.alarms.set(20*time.Millisecond, func() {
				if m.pause = nil; r.manager == m && m.serves() {
					r.flush()
				}
			})
		}
	case errors.Is(err, errGone):
		// Its end is noticed when it is heard. One that has only shut its end down for reading goes on to ask; what it asked for must not pile up.
	case err != nil:
		r.killManager("cannot be told anything: " + err.Error())
		return
	default:
		r.waitForRoom(len(m.channel.queue) > 0)
	}
	r.checkQueue()
}

// waitForRoom has the loop flush when the channel takes something again, or not.
func (r *Resident) waitForRoom(wait bool) {
	c := r.manager.channel
	if wait == c.waiting {
		return
	}
	events := uint32(unix.EPOLLIN)
	if wait {
		events |= unix.EPOLLOUT
	}
	if err := r.poller.rewatch(c.fd, events); err != nil {
		r.fail(err)
	}
	c.waiting = wait
}

// reply answers a request.
func (r *Resident) reply(id uint64, reply wire.Reply, fds ...posix.FD) {
	r.send(&outgoing{frame: wire.Frame{Kind: wire.KindReply, ID: id, Body: reply.Encode()}, fds: fds})
}

func (r *Resident) refuse(id uint64, format string, args ...any) {
	r.reply(id, wire.Reply{Code: wire.Refused, Text: fmt.Sprintf(format, args...)})
}

// answer says that a request was carried out, or what stood in the way.
func (r *Resident) answer(id uint64, err error) {
	if err != nil {
		r.reply(id, wire.Reply{Code: wire.Failed, Text: err.Error()})
		return
	}
	r.reply(id, wire.Reply{})
}
