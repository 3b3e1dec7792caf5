package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// terminals are the standard streams of this process that were terminals when it was started.
type terminals struct {
	kernel posix.Terminals
	fds    []posix.FD
}

func newTerminals(k posix.Terminals) terminals {
	t := terminals{kernel: k}
	var size posix.Winsize
	for fd := posix.FD(0); fd <= 2; fd++ {
		if k.Tcgetwinsize(fd, &size) == nil {
			t.fds = append(t.fds, fd)
		}
	}
	return t
}

// gone tells that somebody has closed the window, or the connection has ended: what is left of a terminal that was hung up answers EIO, ioctl_tty(2).
func (t terminals) gone() bool {
	var size posix.Winsize
	for _, fd := range t.fds {
		if errors.Is(t.kernel.Tcgetwinsize(fd, &size), posix.Errno(unix.EIO)) {
			return true
		}
	}
	return false
}

// translate passes signals on as what they mean, until stop is closed. SIGHUP asks for a reload, but for an end when the terminal is gone that it
// speaks of, because nobody would see or find what runs on without one. The kernel and the shell both send it then: it is asked for once.
func (t terminals) translate(from <-chan os.Signal, stop <-chan struct{}) <-chan os.Signal {
	to := make(chan os.Signal, cap(from)+1)
	go func() {
		hungUp := t.gone() // while SIGHUP was still ignored
		if hungUp {
			to <- unix.SIGTERM
		}
		for {
			var s os.Signal
			select {
			case <-stop:
				return
			case s = <-from:
			}
			if s == unix.SIGHUP && t.gone() {
				if hungUp {
					continue
				}
				hungUp, s = true, unix.SIGTERM
			}
			select {
			case <-stop:
				return
			case to <- s:
			}
		}
	}()
	return to
}
