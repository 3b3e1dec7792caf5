package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fd"
)

// helper keeps a program running: when it ends, it is started again after a pause.
type helper struct {
	processes posix.Processes
	polling   posix.Polling
	poller    *fd.Poller
	command   posix.Command
	pause     time.Duration
	notify    func(event string)
	done      chan struct{} // closed when keep has ended

	mu      sync.Mutex // guards what follows
	stopped bool
	running *fd.FD     // its pidfd
	pausing *fd.Stream // a timer
}

// keep runs the program until stop is called.
func (h *helper) keep() {
	defer close(h.done)
	for {
		child, err := h.start()
		if errors.Is(err, errStopped) {
			return
		}
		if err != nil {
			h.notify(fmt.Sprintf("helper: %v", err))
		} else {
			h.notify(fmt.Sprintf("helper %d started", child.PID))
			h.notify(fmt.Sprintf("helper %d %s", child.PID, h.wait()))
		}
		if err := h.sleep(); err != nil && !errors.Is(err, errStopped) {
			h.notify(fmt.Sprintf("helper: %v", err)) // better too early than never
		}
	}
}

var errStopped = errors.New("the server ends")

// start starts the program.
func (h *helper) start() (posix.Child, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return posix.Child{}, errStopped
	}
	program, err := h.command.Program()
	if err != nil {
		return posix.Child{}, err
	}
	child, err := h.processes.Clone3(&posix.CloneArgs{ExitSignal: unix.SIGCHLD, Program: program})
	if err != nil {
		return posix.Child{}, fmt.Errorf("start %s: %w", h.command.Path, err)
	}
	h.running = h.poller.Set().Own(child.Pidfd)
	if f := child.Failed; f != nil { // it has ended, and is reaped as usual
		return posix.Child{}, fmt.Errorf("start %s: %w; it %s", h.command.Path, f.Errno, h.wait())
	}
	return child, nil
}

// wait reaps the child and says how it ended. EINTR is not seen here: the layer retry makes the call again.
func (h *helper) wait() string {
	var info posix.WaitInfo
	err := h.running.Do(func(n posix.FD) error { return h.processes.Waitid(posix.PPidfd, int(n), &info, unix.WEXITED) })
	if err = errors.Join(err, h.running.Close()); err != nil {
		return "cannot be waited for: " + err.Error()
	}
	if info.Code == posix.CldExited {
		return fmt.Sprintf("ended with status %d", info.Status)
	}
	return fmt.Sprintf("was killed by %s", unix.SignalName(posix.Signal(info.Status)))
}

// sleep waits for the pause, on a timer of the kernel's, so that a test decides how time passes.
func (h *helper) sleep() error {
	n, err := h.polling.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("make a timer: %w", err)
	}
	timer, err := h.poller.Stream(n)
	if err != nil {
		return fmt.Errorf("wait for a timer: %w", err)
	}
	defer func() { _ = timer.Close() }() // stop may have closed it
	h.mu.Lock()
	h.pausing = timer
	stopped := h.stopped
	h.mu.Unlock()
	if stopped {
		return errStopped
	}
	at := posix.Timespec{Sec: int64(h.pause / time.Second), Nsec: int64(h.pause%time.Second) + 1} // 0 would be no timer
	if err := h.polling.TimerfdSettime(n, 0, posix.Itimerspec{Value: at}); err != nil {
		return fmt.Errorf("set a timer: %w", err)
	}
	_, err = io.ReadFull(timer, make([]byte, 8))
	return err
}

// stop ends the program and waits for it.
func (h *helper) stop() {
	h.mu.Lock()
	h.stopped = true
	if h.running != nil {
		_ = h.running.Do(func(n posix.FD) error { return h.processes.PidfdSendSignal(n, unix.SIGTERM) }) // it may have ended
	}
	if h.pausing != nil {
		_ = h.pausing.Close()
	}
	h.mu.Unlock()
	<-h.done
}
