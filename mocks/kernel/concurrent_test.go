package kernel_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// crowd is a machine on which many goroutines make calls that wait, in several processes, while others close, kill and advance the clock.
type crowd struct {
	k      *kernel.Kernel
	done   chan struct{}
	making sync.WaitGroup // goroutines
}

// TestCrowd is for the race detector, and for whoever waits for ever: when all is over, everybody has ended.
func TestCrowd(t *testing.T) {
	k := kernel.New(kernel.Config{Concurrent: true})
	fine(t, k.Mkdir("/tmp", 0o1777))
	c := &crowd{k: k, done: make(chan struct{})}
	for i := range 4 {
		p, err := k.Init().Child()
		fine(t, err)
		// A signal interrupts calls that wait; who kills asks for that.
		fine(t, p.Sigaction(unix.SIGUSR1, kernel.Action{Handler: func(posix.SignalInfo) {}}))
		c.populate(t, p, uint64(i))
	}
	c.goes(k.Init(), 100, func(*rand.Rand) { k.Advance(10 * time.Millisecond) })
	c.goes(k.Init(), 101, func(rng *rand.Rand) { _ = k.Init().Kill(posix.PID(2+rng.IntN(12)), unix.SIGUSR1) })
	c.goes(k.Init(), 102, func(*rand.Rand) { _ = k.Inventory(); _ = k.Now() })

	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	<-timer.C
	close(c.done)
	over := make(chan struct{})
	go func() { c.making.Wait(); close(over) }()
	// Whoever waits now is waited for by nobody: the machine is shut down, which ends them.
	var left *kernel.Leftovers
	if err := k.Close(); err != nil && !errors.As(err, &left) {
		t.Error(err)
	}
	select {
	case <-over:
	case <-time.After(time.Minute):
		t.Fatal("there are goroutines that neither end nor are ended")
	}
}

// goes makes calls on a goroutine of its own, until the test is over or the process has ended.
func (c *crowd) goes(p *kernel.Process, seed uint64, call func(rng *rand.Rand)) {
	rng := rand.New(rand.NewPCG(seed, 7))
	c.making.Go(func() {
		defer func() { c.over(recover()) }()
		for {
			select {
			case <-c.done:
				return
			default:
				call(rng)
			}
		}
	})
}

// over takes what ended a goroutine: a process that is no more, or a call after the machine was shut down. Anything else is a failure.
func (c *crowd) over(why any) {
	var ended *kernel.Ended
	if err, is := why.(error); why == nil || is && errors.As(err, &ended) {
		return
	}
	select {
	case <-c.done:
		if strings.HasSuffix(fmt.Sprint(why), "after Close of its kernel") {
			return
		}
	default:
	}
	panic(why)
}

// populate starts the goroutines of one process.
func (c *crowd) populate(t *testing.T, p *kernel.Process, seed uint64) {
	t.Helper()
	r, w, err := p.Pipe2(unix.O_CLOEXEC)
	fine(t, err)
	ep, err := p.EpollCreate1(unix.EPOLL_CLOEXEC)
	fine(t, err)
	event, err := p.Eventfd2(0, unix.EFD_CLOEXEC)
	fine(t, err)
	timer, err := p.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	fine(t, err)
	l, err := p.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	fine(t, err)
	name := posix.Sockaddr{Family: unix.AF_UNIX, Path: "@crowd" + string(rune('a'+seed))}
	fine(t, p.Bind(l, name), p.Listen(l, 2))
	for _, fd := range []posix.FD{r, event, timer, l} {
		fine(t, p.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &posix.EpollEvent{Events: unix.EPOLLIN, Data: uint64(fd)}))
	}
	second := posix.Timespec{Sec: 1}
	for i, call := range []func(rng *rand.Rand){
		func(*rand.Rand) { _, _ = p.Read(r, make([]byte, 100)) },
		func(rng *rand.Rand) { _, _ = p.Write(w, make([]byte, 1+rng.IntN(5000))) },
		func(*rand.Rand) { _, _ = p.EpollWait(ep, make([]posix.EpollEvent, 4), -1) },
		func(*rand.Rand) { _, _ = p.EpollWait(ep, make([]posix.EpollEvent, 1), 100) },
		func(*rand.Rand) {
			_, _ = p.Ppoll([]posix.PollFD{{FD: r, Events: unix.POLLIN}, {FD: l, Events: unix.POLLIN}}, &second)
		},
		func(*rand.Rand) { _, _ = p.Read(event, make([]byte, 8)) },
		func(*rand.Rand) { _, _ = p.Write(event, []byte{1, 0, 0, 0, 0, 0, 0, 0}) },
		func(*rand.Rand) {
			_ = p.TimerfdSettime(timer, 0, posix.Itimerspec{Value: posix.Timespec{Nsec: 5e6}})
			_, _ = p.Read(timer, make([]byte, 8))
		},
		func(*rand.Rand) { _ = p.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, posix.Timespec{Nsec: 3e6}, nil) },
		func(rng *rand.Rand) { c.accept(p, l, rng) },
		func(rng *rand.Rand) { c.dial(p, name, r, rng) },
		func(rng *rand.Rand) { c.breed(p, rng) },
		func(*rand.Rand) { _ = p.Waitid(posix.PAll, 0, &posix.WaitInfo{}, unix.WEXITED) },
		func(rng *rand.Rand) { c.turnover(p, ep, rng) },
	} {
		c.goes(p, seed<<8+uint64(i), call)
	}
}

// accept takes a connection, and what comes over it.
func (c *crowd) accept(p *kernel.Process, l posix.FD, rng *rand.Rand) {
	fd, _, err := p.Accept4(l, unix.SOCK_CLOEXEC)
	if err != nil {
		return
	}
	m := posix.Msg{Data: make([]byte, 100), Control: make([]byte, 64)}
	if _, err := p.Recvmsg(fd, &m, unix.MSG_CMSG_CLOEXEC); err == nil && m.ControlLen > 0 {
		messages, _ := unix.ParseSocketControlMessage(m.Control[:m.ControlLen])
		for i := range messages {
			fds, _ := unix.ParseUnixRights(&messages[i])
			for _, fd := range fds {
				_ = p.Close(posix.FD(fd))
			}
		}
	}
	if rng.IntN(2) == 0 {
		_ = p.Shutdown(fd, unix.SHUT_RDWR)
	}
	_ = p.Close(fd)
}

// dial connects, and sends a descriptor.
func (c *crowd) dial(p *kernel.Process, to posix.Sockaddr, pass posix.FD, rng *rand.Rand) {
	fd, err := p.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	if p.Connect(fd, to) == nil && rng.IntN(4) > 0 {
		_, _ = p.Sendmsg(fd, &posix.Msg{Data: []byte("x"), Control: unix.UnixRights(int(pass))}, unix.MSG_NOSIGNAL)
	}
	_ = p.Close(fd)
}

// breed makes a child that waits, and sometimes kills it; somebody else reaps it.
func (c *crowd) breed(p *kernel.Process, rng *rand.Rand) {
	life := time.Duration(rng.IntN(20)) * time.Millisecond
	pid, err := p.Fork(func(child *kernel.Process) { _ = sleep(child, life) })
	if err == nil && rng.IntN(2) == 0 {
		_ = p.Kill(pid, unix.SIGKILL)
	}
}

// turnover makes a pipe, watches it, lets somebody wait for it, and closes it under them.
func (c *crowd) turnover(p *kernel.Process, ep posix.FD, rng *rand.Rand) {
	r, w, err := p.Pipe2(unix.O_CLOEXEC)
	if err != nil {
		return
	}
	_ = p.EpollCtl(ep, unix.EPOLL_CTL_ADD, r, &posix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET})
	var reading sync.WaitGroup
	c.making.Add(1)
	reading.Go(func() {
		defer c.making.Done()
		defer func() { c.over(recover()) }()
		_, _ = p.Read(r, make([]byte, 1)) // the end of the file, or what is written
	})
	if rng.IntN(2) == 0 {
		_, _ = p.Write(w, []byte{1})
	}
	_ = p.Close(w)
	_ = p.Close(r)
	reading.Wait()
}
