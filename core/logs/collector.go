package logs

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/poll"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Kernel is what a collector needs of the system.
type Kernel interface {
	posix.Files
	posix.Polling
}

// Source is where lines come from.
type Source struct {
	Instance wire.InstanceID
	Module   string
	Replica  int
	PID      int
}

// Options configure a Collector. All but Now must be set. The functions are called by its goroutine.
type Options struct {
	Writer *Writer
	Ring   *Ring
	// Drained tells that an instance has ended and all that it wrote was passed on.
	Drained func(wire.InstanceID)
	// Broken tells that a pipe could not be read, which is a bug of somebody's.
	Broken func(Source, Stream, error)
	Now    func() time.Time // nil means time.Now
}

// Collector reads the output of all instances.
type Collector struct {
	kernel    Kernel
	o         Options
	loop      *poll.Loop
	scratch   struct{ r, w posix.FD }
	data      []byte
	instances map[wire.InstanceID]*instance
}

// instance is one whose output is being read, or that has not been said to have ended.
type instance struct {
	Source
	pipes []*pipe
	left  int // open pipes
	ended bool
}

// New makes a collector. Its owner calls Run.
func New(k Kernel, o Options) (*Collector, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Collector{kernel: k, o: o, data: make([]byte, turn), instances: map[wire.InstanceID]*instance{}}
	var err error
	if c.scratch.r, c.scratch.w, err = k.Pipe2(unix.O_CLOEXEC | unix.O_NONBLOCK); err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	if c.loop, err = poll.New(k); err != nil {
		return nil, errors.Join(err, k.Close(c.scratch.r), k.Close(c.scratch.w))
	}
	return c, nil
}

// Run reads until Stop, and gives all descriptors back. Output that was not read stays in its pipe, for whoever has another copy of it.
func (c *Collector) Run() error {
	errs := []error{c.loop.Run()}
	for _, i := range c.instances {
		for _, p := range i.pipes {
			if p.fd >= 0 {
				errs = append(errs, c.kernel.Close(p.fd))
			}
		}
	}
	return errors.Join(append(errs, c.kernel.Close(c.scratch.r), c.kernel.Close(c.scratch.w))...)
}

// Stop ends Run. It does not wait: a write of Run may block for ever.
func (c *Collector) Stop() { c.loop.Stop() }

// Attach takes ownership of the reading ends of an instance's output, and reads them.
func (c *Collector) Attach(s Source, stdout, stderr posix.FD) {
	ok := c.loop.Post(func() {
		i := &instance{Source: s}
		c.instances[s.Instance] = i
		for n, fd := range [...]posix.FD{stdout, stderr} {
			p := &pipe{c: c, of: i, fd: fd, stream: Stream(n + 1)}
			i.pipes = append(i.pipes, p)
			i.left++
			if err := c.loop.Add(fd, unix.EPOLLIN|unix.EPOLLET, p.ready); err != nil {
				c.broken(p, err)
				p.close()
			}
		}
	})
	if !ok {
		_, _ = c.kernel.Close(stdout), c.kernel.Close(stderr)
	}
}

// Ended tells that an instance has ended. What is left in its pipes is passed on, and a last line that has no end.
func (c *Collector) Ended(id wire.InstanceID) {
	c.loop.Post(func() {
		i := c.instances[id]
		if i == nil {
			c.o.Drained(id) // nothing was ever attached
			return
		}
		i.ended = true
		for _, p := range i.pipes {
			p.queue()
		}
		c.settle(i)
	})
}

// settle tells when nothing is left to be read of an instance that has ended.
func (c *Collector) settle(i *instance) {
	if i.ended && i.left == 0 && c.instances[i.Instance] == i {
		delete(c.instances, i.Instance)
		c.o.Drained(i.Instance)
	}
}

func (c *Collector) broken(p *pipe, err error) { c.o.Broken(p.of.Source, p.stream, err) }

// read fills p from a pipe that has as much.
func (c *Collector) read(fd posix.FD, p []byte) error {
	for len(p) > 0 {
		n, err := c.kernel.Read(fd, p)
		switch {
		case err != nil:
			return fmt.Errorf("read a copy: %w", err)
		case n == 0:
			return fmt.Errorf("read a copy: %w", io.ErrUnexpectedEOF)
		default:
			p = p[n:]
		}
	}
	return nil
}

// full tells whether a pipe can take nothing more. Its bytes do not say so, because pieces of any size can take all of its places; a copy in a pipe of
// the same size does: it is full when the original is.
func (c *Collector) full(fd posix.FD) (full bool, err error) {
	size, err := c.kernel.Fcntl(fd, unix.F_GETPIPE_SZ, 0)
	if err != nil {
		return false, fmt.Errorf("read the size of a pipe: %w", err)
	}
	r, w, err := c.kernel.Pipe2(unix.O_CLOEXEC | unix.O_NONBLOCK)
	if err != nil {
		return false, fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { err = errors.Join(err, c.kernel.Close(r), c.kernel.Close(w)) }()
	if _, err := c.kernel.Fcntl(w, unix.F_SETPIPE_SZ, size); err != nil {
		return false, fmt.Errorf("make a pipe of %d bytes: %w", size, err)
	}
	if _, err := c.kernel.Tee(fd, w, size, unix.SPLICE_F_NONBLOCK); err != nil {
		if errors.Is(err, posix.Errno(unix.EAGAIN)) {
			return false, nil
		}
		return false, fmt.Errorf("look at a pipe: %w", err)
	}
	n, err := c.kernel.Ppoll([]posix.PollFD{{FD: w, Events: unix.POLLOUT}}, &posix.Timespec{})
	return n == 0, err
}
