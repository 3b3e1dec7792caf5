package core

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/link/linktest"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// stage is a manager with a spawner that is played.
type stage struct {
	t       *testing.T
	kernel  posix.Core
	spawner *linktest.Spawner
	r       *Runtime
	log     *os.File
	done    chan error
	ended   bool
}

// newStage plays a spawner with some modules. Its fields can be set before start.
func newStage(t *testing.T, modules ...wire.Module) *stage {
	t.Helper()
	leak.Check(t)
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	s := &stage{t: t, kernel: linux.New(), log: log}
	s.spawner = linktest.New(t, s.kernel, wire.Outline{Generation: 1, Files: []string{"web.yaml"}, Modules: modules})
	return s
}

// start runs a manager.
func (s *stage) start(change ...func(*Config)) {
	s.t.Helper()
	control, err := s.kernel.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	c := Config{Kernel: s.kernel, Channel: s.spawner.Connect(control), Stdout: posix.FD(s.log.Fd()), Stderr: posix.FD(s.log.Fd()),
		PID: os.Getpid(), Random: rand.Reader, Jitter: func() float64 { return 0.5 }, Level: &slog.LevelVar{}}
	for _, f := range change {
		f(&c)
	}
	s.t.Cleanup(func() { _ = s.kernel.Close(control) })
	if s.r, err = New(c); err != nil {
		s.t.Fatal(err)
	}
	s.done, s.ended = make(chan error, 1), false
	go func(done chan error) { done <- s.r.Run() }(s.done)
	s.t.Cleanup(func() {
		if !s.ended {
			s.spawner.HangUp()
			if err := s.end(); err != nil {
				s.t.Errorf("the manager ended with %v", err)
			}
		}
	})
}

// end waits for the end of the manager.
func (s *stage) end() error {
	s.t.Helper()
	select {
	case err := <-s.done:
		s.ended = true
		return err
	case <-time.After(20 * time.Second):
		s.t.Fatal("the manager does not end")
		return nil
	}
}

func (s *stage) text() string {
	s.t.Helper()
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// until waits for something to be so.
func (s *stage) until(what string, ok func() bool) {
	s.t.Helper()
	for began := time.Now(); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			s.t.Fatalf("not within 20 s: %s; the log: %.4000s", what, s.text())
		}
	}
}

// contains waits for a text in the log.
func (s *stage) contains(text string) {
	s.t.Helper()
	s.until(fmt.Sprintf("%q in the log", text), func() bool { return strings.Contains(s.text(), text) })
}

// state waits until the first instance of a module is in a state.
func (s *stage) state(module, state string) {
	s.t.Helper()
	got := ""
	s.until(module+" is "+state, func() bool {
		for _, m := range s.r.Status().Modules {
			if m.Name == module && len(m.Instances) > 0 {
				got = m.Instances[0].State
			}
		}
		return got == state
	})
}
