package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/poll"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Kernel is what a prober needs of the system.
type Kernel interface {
	posix.Files
	posix.Sockets
}

// Target is what is probed for an instance.
type Target struct {
	Instance wire.InstanceID
	Addr     netip.AddrPort
	Interval time.Duration // from one try to the next
	Timeout  time.Duration // of a try
}

// Prober makes the tries. Its methods can be called by any goroutine.
type Prober struct {
	loop   *poll.Loop
	kernel Kernel
	result func(wire.InstanceID, error)
	probes map[wire.InstanceID]*probe
}

// probe is that of one instance.
type probe struct {
	p     *Prober
	t     Target
	fd    posix.FD // of a connection that is being made; -1 is none
	next  *poll.Timer
	limit *poll.Timer
}

// New makes a prober that lives on a loop, which does not run yet, and ends with it. Its goroutine calls result with the outcome of each try: nil, or an error that says why not.
func New(loop *poll.Loop, k Kernel, result func(wire.InstanceID, error)) *Prober {
	p := &Prober{loop: loop, kernel: k, result: result, probes: map[wire.InstanceID]*probe{}}
	loop.AtEnd(p.close)
	return p
}

// Start probes a target until Stop. A probe of the same instance that there was is stopped.
func (p *Prober) Start(t Target) {
	p.loop.Post(func() {
		p.stop(t.Instance)
		pr := &probe{p: p, t: t, fd: -1}
		p.probes[t.Instance] = pr
		pr.try()
	})
}

// Stop ends the probe of an instance. No result of it comes after the loop has done so.
func (p *Prober) Stop(id wire.InstanceID) { p.loop.Post(func() { p.stop(id) }) }

// Close is Stop for all of them.
func (p *Prober) Close() { p.loop.Post(p.close) }

func (p *Prober) close() {
	for id := range p.probes {
		p.stop(id)
	}
}

func (p *Prober) stop(id wire.InstanceID) {
	if pr, ok := p.probes[id]; ok {
		delete(p.probes, id)
		pr.next.Stop()
		pr.hangUp()
	}
}

// try makes a connection.
func (pr *probe) try() {
	pr.next = pr.p.loop.After(pr.t.Interval, pr.try)
	if pr.fd >= 0 {
		return // the timeout is longer than the interval
	}
	if done, err := pr.connect(); done {
		pr.finish(err)
	}
}

// connect begins to. done: the outcome is known.
func (pr *probe) connect() (done bool, err error) {
	k, family := pr.p.kernel, uint16(unix.AF_INET6)
	if pr.t.Addr.Addr().Is4() {
		family = unix.AF_INET
	}
	if pr.fd, err = k.Socket(int(family), unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		pr.fd = -1
		return true, err
	}
	err = k.Connect(pr.fd, posix.Sockaddr{Family: family, Addr: pr.t.Addr})
	if !errors.Is(err, posix.Errno(unix.EINPROGRESS)) && !errors.Is(err, posix.Errno(unix.EINTR)) {
		return true, err
	}
	if err := pr.p.loop.Add(pr.fd, unix.EPOLLOUT, func(uint32) { pr.connected() }); err != nil {
		return true, err
	}
	pr.limit = pr.p.loop.After(pr.t.Timeout, func() { pr.finish(fmt.Errorf("no answer within %s", pr.t.Timeout)) })
	return false, nil
}

func (pr *probe) connected() {
	errno, err := pr.p.kernel.GetsockoptInt(pr.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && errno != 0 {
		err = posix.Errno(errno)
	}
	pr.finish(err)
}

// finish ends a try with its outcome.
func (pr *probe) finish(err error) {
	pr.hangUp()
	if err != nil {
		// The number of a descriptor that is gone helps nobody.
		var errno posix.Errno
		if errors.As(err, &errno) {
			err = errno
		}
		err = fmt.Errorf("connect to %s: %w", pr.t.Addr, err)
	}
	pr.p.result(pr.t.Instance, err)
}

func (pr *probe) hangUp() {
	pr.limit.Stop()
	pr.limit = nil
	if pr.fd >= 0 {
		_ = pr.p.loop.Remove(pr.fd) // closing does the same
		_ = pr.p.kernel.Close(pr.fd)
		pr.fd = -1
	}
}
