package main

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// fakeTerminals are standard streams: the error of each.
type fakeTerminals struct {
	posix.Terminals
	answers map[posix.FD]error
}

func (f *fakeTerminals) Tcgetwinsize(fd posix.FD, _ *posix.Winsize) error { return f.answers[fd] }

// TestHangup: what SIGHUP means, and that others mean what they are.
func TestHangup(t *testing.T) {
	none, dead := posix.Errno(unix.ENOTTY), posix.Errno(unix.EIO)
	type answers = map[posix.FD]error
	for name, c := range map[string]struct {
		before, after answers
		sent, want    []os.Signal
	}{
		"no terminal": {answers{0: none, 1: none, 2: none}, answers{0: none, 1: none, 2: none},
			[]os.Signal{unix.SIGHUP, unix.SIGTERM}, []os.Signal{unix.SIGHUP, unix.SIGTERM}},
		"it lives": {answers{}, answers{}, []os.Signal{unix.SIGHUP, unix.SIGHUP, unix.SIGINT}, []os.Signal{unix.SIGHUP, unix.SIGHUP, unix.SIGINT}},
		"it was gone before": {answers{0: none, 1: dead, 2: dead}, answers{0: none, 1: dead, 2: dead},
			[]os.Signal{unix.SIGHUP, unix.SIGINT}, []os.Signal{unix.SIGHUP, unix.SIGINT}},
		"one of them is gone": {answers{0: none, 1: none}, answers{0: none, 1: none, 2: dead},
			[]os.Signal{unix.SIGHUP, unix.SIGHUP, unix.SIGINT}, []os.Signal{unix.SIGTERM, unix.SIGINT}},
	} {
		t.Run(name, func(t *testing.T) {
			k := &fakeTerminals{answers: c.before}
			screen := newTerminals(k)
			k.answers = c.after
			from, stop := make(chan os.Signal, len(c.sent)), make(chan struct{})
			defer close(stop)
			to := screen.translate(from, stop)
			for _, s := range c.sent {
				from <- s
			}
			for i, want := range c.want {
				if got := <-to; got != want {
					t.Errorf("signal %d means %v, want %v", i, got, want)
				}
			}
		})
	}
}
