package logs

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/poll"
	"github.com/bulkhead/bulkhead/posix"
)

// turn is how much of a pipe is looked at before the next one has its turn, in bytes. It is also the size of an ordinary pipe.
const turn = 64 << 10

// A line that has not ended is looked at again after soon, then after twice as long each time, and for ever after each stall; from then on it is
// asked whether the line is one that cannot end. There need be no event: a write that fills the pipe, and waits for room, is told of to who waits for
// edges only when the pipe was empty before. Source: pipe_write in the kernel's fs/pipe.c.
const (
	soon  = time.Millisecond
	stall = time.Second
)

// pipe is the reading end of what an instance writes. It owns the descriptor.
type pipe struct {
	c        *Collector
	of       *instance
	fd       posix.FD // -1 when closed
	stream   Stream
	hangup   bool          // nobody can write any more
	queued   bool          // its next turn is arranged
	unended  int           // bytes of a line that has not ended, at the last look
	patience time.Duration // until the next look at it
	stalling *poll.Timer
}

// ready is called when something was written, or the last writer has gone.
func (p *pipe) ready(events uint32) {
	if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		p.hangup = true
	}
	p.queue()
}

// queue arranges a turn, after all others that are due.
func (p *pipe) queue() {
	if p.queued || p.fd < 0 {
		return
	}
	p.queued = true
	p.c.loop.Next(func() {
		p.queued = false
		if p.fd >= 0 {
			p.turn(false)
		}
	})
}

// turn passes on the complete lines that are in the pipe. full: the pipe cannot take more, so that a line in it cannot end.
func (p *pipe) turn(full bool) {
	data, err := p.look()
	switch {
	case errors.Is(err, posix.Errno(unix.EAGAIN)):
		p.unended = 0
		if p.of.ended {
			p.close() // somebody else may hold the other end, but not the instance
		}
		return
	case err != nil:
		p.c.broken(p, err)
		p.close()
		return
	case len(data) == 0:
		p.close()
		return
	}
	used := p.pass(data, full || p.hangup || p.of.ended)
	p.c.o.Writer.Flush()
	if used == 0 {
		if len(data) != p.unended {
			p.unended, p.patience = len(data), soon
			p.stalling.Stop()
			p.stalling = nil
		}
		if p.stalling == nil {
			p.stalling = p.c.loop.After(min(p.patience, stall), p.stalled)
		}
		return
	}
	if err := p.consume(used); err != nil {
		p.c.broken(p, err)
		p.close()
		return
	}
	p.unended = 0
	p.queue() // for what came meanwhile, or is beyond this turn
}

// pass adds the lines in data to the log, and the beginning of one only when last says that there is no more to come. It returns how many
// bytes they took.
func (p *pipe) pass(data []byte, last bool) (used int) {
	now := p.c.o.Now()
	for used < len(data) {
		line, n := cut(data[used:])
		if n == 0 {
			if !last || used > 0 {
				break // the next look shows whether there is more of it
			}
			line, n = data, len(data)
		}
		used += n
		l := Line{Source: p.of.Source, Time: now, Stream: p.stream, Text: line}
		p.c.o.Writer.Add(l)
		p.c.o.Ring.Add(l)
	}
	return used
}

// look returns a copy of what is in the pipe, where it stays: nothing at its end, EAGAIN when it is empty.
func (p *pipe) look() ([]byte, error) {
	k := p.c.kernel
	n, err := k.Tee(p.fd, p.c.scratch.w, turn, unix.SPLICE_F_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return p.c.data[:n], p.c.read(p.c.scratch.r, p.c.data[:n])
}

// consume reads n bytes, which are there, from the pipe.
func (p *pipe) consume(n int) error {
	for n > 0 {
		m, err := p.c.kernel.Read(p.fd, p.c.data[:n])
		switch {
		case err != nil:
			return fmt.Errorf("read what has been looked at: %w", err)
		case m == 0:
			return errors.New("read what has been looked at: somebody else has taken it")
		default:
			n -= m
		}
	}
	return nil
}

// stalled looks again at a line that has not ended, and breaks it when it has been there for long and fills its pipe.
func (p *pipe) stalled() {
	p.stalling = nil
	if p.fd < 0 || p.unended == 0 {
		return
	}
	if p.patience = min(2*p.patience, 2*stall); p.patience < stall {
		p.turn(false)
		return
	}
	full, err := p.c.full(p.fd)
	if err != nil {
		p.c.broken(p, err)
		full = true // better broken than stuck
	}
	p.turn(full)
}

func (p *pipe) close() {
	p.stalling.Stop()
	if err := errors.Join(p.c.loop.Remove(p.fd), p.c.kernel.Close(p.fd)); err != nil {
		p.c.broken(p, err)
	}
	p.fd = -1
	p.of.left--
	p.c.settle(p.of)
}
