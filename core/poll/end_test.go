package poll

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
)

// However a loop ends, what was posted is called, then what gives the rest back, and the loop's own descriptors are closed.
func TestAtEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		rule []fault.Rule
		want posix.Errno
	}{
		{"it is stopped", nil, 0},
		{"it cannot wait", []fault.Rule{fault.Always(posix.Errno(unix.ENOMEM)).On(posix.OpEpollWait)}, posix.Errno(unix.ENOMEM)},
		{"an interrupted wait is no end", []fault.Rule{fault.Nth(1, posix.Errno(unix.EINTR)).On(posix.OpEpollWait)}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := kernel.New(kernel.Config{GoTime: true})
			core := fault.New(k.Init())
			l, err := New(core)
			if err != nil {
				t.Fatal(err)
			}
			var called []string
			l.AtEnd(func() { called = append(called, "at end") })
			l.Post(func() { called = append(called, "posted") })
			l.Stop()
			core.Set(0, tt.rule...)
			switch err := l.Run(); {
			case tt.want == 0 && err != nil:
				t.Error(err)
			case tt.want != 0 && !errors.Is(err, tt.want):
				t.Errorf("%v, want %v", err, tt.want)
			}
			if len(called) != 2 || called[0] != "posted" || called[1] != "at end" {
				t.Errorf("called: %q", called)
			}
			if l.Post(func() {}) {
				t.Error("a loop that has ended takes functions")
			}
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Each call of New fails in turn.
func TestNewWithFaults(t *testing.T) {
	k := kernel.New(kernel.Config{})
	before := len(k.Inventory())
	failed := fault.Sweep(t, k.Init(), posix.Errno(unix.EMFILE), func(core posix.Core) error {
		l, err := New(core)
		if err == nil {
			l.Stop()
			return l.Run()
		}
		if now := k.Inventory(); len(now) != before {
			t.Errorf("left behind: %q", now)
		}
		return err
	}, posix.OpRead, posix.OpWrite) // of an eventfd: see eventfd(2)
	if len(failed) < 5 {
		t.Errorf("these failed: %v", failed)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}
