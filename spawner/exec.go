package spawner

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
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
	// Terminal is what its standard input is connected through; nil when that is not a terminal.
	Terminal *terminal.Proxy
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

// CatchSignals begins to catch signals, without waiting for it to be done: that takes the runtime as long as a process takes to start.
func CatchSignals() *Signals {
	s := &Signals{arrived: make(chan os.Signal, 16), caught: make(chan struct{})}
	go func() {
		signal.Notify(s.arrived, forwarded...)
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
	h.alone = true
	i, err := h.Start(f.Module, "exec", stdio, f.Listeners)
	if err != nil {
		return Exit{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- wait(h.Kernel, i.Pidfd) }()
	var passed chan error // nil when there is no terminal, and when it has said how it ended
	var failed error
	if f.Terminal != nil {
		passed = make(chan error, 1)
		done := make(chan struct{})
		go func() { passed <- f.Terminal.Run(done) }()
		defer func() {
			close(done)
			if passed != nil {
				failed = <-passed
			}
			err = errors.Join(err, failed)
		}()
	}
	var grace <-chan time.Time
	var asked time.Time
	for {
		select {
		case err := <-ended:
			exit, finish := i.Finish()
			return exit, errors.Join(err, finish)
		case failed = <-passed:
			passed = nil
			err = i.Signal(unix.SIGKILL)
		case <-grace:
			err = i.Signal(unix.SIGKILL)
		case s := <-f.Signals.arrived:
			sig := s.(posix.Signal)
			switch {
			case sig != unix.SIGTERM:
			case asked.IsZero():
				asked, grace = time.Now(), time.After(i.Module.StopGracePeriod)
			case time.Since(asked) > echo:
				sig = unix.SIGKILL
			}
			err = i.Signal(sig)
		}
		if err != nil {
			return Exit{}, errors.Join(fmt.Errorf("signal the command: %w", err), i.Signal(unix.SIGKILL))
		}
	}
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
