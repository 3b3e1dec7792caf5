package spawner

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/terminal"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Foreground is one command that is run in the foreground.
type Foreground struct {
	Module    *wire.Module
	Listeners map[string]posix.FD
	// Ahead is the instance, begun by [Host.Alone], which Run takes over; nil: Run begins one.
	Ahead *Ahead
	// Terminal is what its standard input is connected through; nil when that is not a terminal.
	Terminal *terminal.Proxy
	// Timeout is how long it may run before its stop signal is sent; 0 is for ever.
	Timeout time.Duration
	// Started is called when it runs; nil is nothing. An error ends the command.
	Started func(*Instance) error
	// Signals are those to pass on; nil when none were caught before: then Run catches them.
	Signals *Signals
}

// forwarded are the signals that are passed on to the command.
var forwarded = []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGCONT, unix.SIGALRM}

// Signals are the signals that a command gets which is still to be started. They are caught until the process ends.
type Signals struct {
	arrived chan os.Signal
	caught  chan struct{} // closed when they are
}

// CatchSignals begins to catch signals, without waiting for it to be done: that takes the runtime as long as a process takes to start. SIGHUP and SIGINT
// stay ignored where they are from the start, as nohup(1) and a shell without job control want it: the command never sees those.
func CatchSignals() *Signals {
	s := &Signals{arrived: make(chan os.Signal, 16), caught: make(chan struct{})}
	go func() {
		signal.Notify(s.arrived, slices.DeleteFunc(slices.Clone(forwarded), signal.Ignored)...)
		close(s.caught)
	}()
	return s
}

// Run launches the command, passes signals on, and waits for its end. Nothing else is launched on the host, before or after. A second SIGTERM, or the end of the grace period after the
// first, kills it. Everything that the command started ends with it.
//
// When its terminal cannot be passed through any more, the command is killed: nobody would take what it writes, and it would wait for ever.
func (h *Host) Run(f Foreground) (exit Exit, err error) {
	if f.Signals == nil {
		f.Signals = CatchSignals()
		defer signal.Stop(f.Signals.arrived)
	}
	<-f.Signals.caught

	stdio := [3]posix.FD{0, 1, 2}
	if f.Terminal != nil {
		stdio = f.Terminal.Stdio()
	}
	if f.Ahead == nil {
		f.Ahead = h.Alone(f.Module, "exec")
	}
	i, err := h.StartAhead(f.Ahead, stdio, f.Listeners)
	if err != nil {
		return Exit{}, err
	}
	p := &passing{to: i, timeout: f.Timeout}
	var told error
	if f.Started != nil {
		if told = f.Started(i); told != nil {
			p.signal(unix.SIGKILL)
		}
	}
	done := make(chan struct{})
	var passed chan error // nil without a terminal
	if f.Terminal != nil {
		passed = make(chan error, 1)
		go func() {
			err := f.Terminal.Run(done)
			p.signal(unix.SIGKILL)
			passed <- err
		}()
	}
	go p.signals(f.Signals.arrived, done)
	swept := h.sweep() // while the command runs: nothing of it depends on that
	// This thread waits itself: to be woken by another one takes about as long as to reap the command.
	if err = wait(h.Kernel, i.Pidfd); err != nil {
		p.signal(unix.SIGKILL) // nothing that comes could be passed on
	}
	timedOut, stopped := p.stop()
	err = errors.Join(told, swept, err, stopped)
	exit, finish := i.Finish()
	exit.TimedOut = timedOut
	close(done)
	err = errors.Join(err, finish)
	if passed != nil {
		err = errors.Join(err, <-passed)
	}
	return exit, err
}

// passing passes signals on to a command, until it is stopped.
type passing struct {
	to      *Instance
	timeout time.Duration // 0 is none

	mu       sync.Mutex // guards what follows, and keeps the command's descriptor open while it is used
	over     bool
	timedOut bool
	failed   error
}

// signals passes on what arrives. A second SIGTERM, or the end of the grace period after the first, kills.
func (p *passing) signals(arrived <-chan os.Signal, done <-chan struct{}) {
	var grace <-chan time.Time
	var asked time.Time
	var late <-chan time.Time
	if p.timeout > 0 {
		timer := time.NewTimer(p.timeout)
		defer timer.Stop()
		late = timer.C
	}
	for {
		select {
		case <-done:
			return
		case <-grace:
			p.signal(unix.SIGKILL)
		case <-late:
			if asked.IsZero() {
				asked, grace = time.Now(), time.After(p.to.Module.StopGracePeriod)
			}
			p.expire()
		case s := <-arrived:
			sig := s.(posix.Signal)
			switch {
			case sig != unix.SIGTERM:
			case asked.IsZero():
				asked, grace = time.Now(), time.After(p.to.Module.StopGracePeriod)
			case time.Since(asked) > echo:
				sig = unix.SIGKILL
			}
			p.signal(sig)
		}
	}
}

// signal sends one. A command that cannot be told something is killed.
func (p *passing) signal(sig posix.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	if err := p.to.Signal(sig); err != nil {
		p.failed = errors.Join(p.failed, fmt.Errorf("signal the command: %w", err), p.to.Signal(unix.SIGKILL))
	}
}

// expire sends the stop signal, because the time is over.
func (p *passing) expire() {
	p.mu.Lock()
	p.timedOut = !p.over
	p.mu.Unlock()
	p.signal(posix.Signal(p.to.Module.StopSignal))
}

// stop has no signal sent any more, and returns whether the time was over and what went wrong.
func (p *passing) stop() (timedOut bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	return p.timedOut, p.failed
}

// wait returns when the process behind a pidfd has ended. It does not reap it.
func wait(k posix.Polling, pidfd posix.FD) error {
	fds := []posix.PollFD{{FD: pidfd, Events: unix.POLLIN}}
	for {
		_, err := k.Ppoll(fds, nil)
		if !errors.Is(err, posix.Errno(unix.EINTR)) {
			return err
		}
	}
}
