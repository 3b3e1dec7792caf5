package core

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/link/linktest"
	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// stage is a manager on an in-memory kernel, with a spawner that is played: process 1, and each manager is a child of it with descriptors of its own.
type stage struct {
	t       *testing.T
	kernel  *kernel.Kernel
	host    *kernel.Process // the spawner
	manager *kernel.Process // the one that runs, or ran last
	spawner *linktest.Spawner
	r       *Runtime
	done    chan error
	ended   bool
	output  posix.FD // where its standard streams go, a descriptor of the spawner; -1: to logPath
}

// logPath is where the standard streams of managers go.
const logPath = "/var/log/supervisor"

// newStage plays a spawner with some modules. Its fields can be set before start.
func newStage(t *testing.T, modules ...wire.Module) *stage {
	t.Helper()
	leak.Check(t)
	k := kernel.New(kernel.Config{GoTime: true})
	if err := k.WriteFile(logPath, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &stage{t: t, kernel: k, host: k.Init(), output: -1}
	s.spawner = linktest.New(t, s.host, wire.Outline{Generation: 1, Files: []string{"web.yaml"}, Modules: modules})
	s.spawner.Dir = "/run"
	return s
}

// start runs a manager.
func (s *stage) start(change ...func(*Config)) {
	s.t.Helper()
	s.must(s.try(change...))
}

// try is start for one that perhaps cannot begin.
func (s *stage) try(change ...func(*Config)) error {
	s.t.Helper()
	control, err := s.host.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	s.must(err)
	channel := s.spawner.Connect(control)
	s.t.Cleanup(func() { _ = s.host.Close(control) })
	p := s.execute(channel)
	s.must(s.host.Close(channel))
	s.manager = p
	c := Config{Kernel: p, Channel: 0, Stdout: 1, Stderr: 2,
		PID: int(p.Getpid()), Random: rand.Reader, Jitter: func() float64 { return 0.5 }, Level: &slog.LevelVar{}}
	for _, f := range change {
		f(&c)
	}
	if s.r, err = New(c); err != nil {
		return err
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
	return nil
}

// execute makes a process with a channel as its standard input and the log as its standard output and error, which are closed at the end
// of the test, and nothing else.
func (s *stage) execute(channel posix.FD) *kernel.Process {
	s.t.Helper()
	p, err := s.host.Child()
	s.must(err)
	out, err := p.Openat2(posix.AtFDCWD, logPath, posix.OpenHow{Flags: unix.O_WRONLY | unix.O_APPEND})
	s.must(err)
	if s.output >= 0 {
		s.must(p.Close(out))
		out = s.output
	}
	const above = 1000
	var kept [3]posix.FD
	for i, fd := range [...]posix.FD{channel, out, out} {
		high, err := p.Fcntl(fd, unix.F_DUPFD, above)
		s.must(err)
		kept[i] = posix.FD(high)
	}
	for fd := range posix.FD(above) {
		_ = p.Close(fd) // what an exec would close
	}
	for i, fd := range kept {
		s.must(p.Dup3(fd, posix.FD(i), 0))
		s.must(p.Close(fd))
	}
	s.t.Cleanup(func() { _, _ = p.Close(1), p.Close(2) }) // a test may have closed them
	return p
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
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
	text, err := s.kernel.ReadFile(logPath)
	s.must(err)
	return string(text)
}

// until waits for something to be so.
func (s *stage) until(what string, ok func() bool) {
	s.t.Helper()
	for began := time.Now(); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			text := s.text()
			s.t.Fatalf("not within 20 s: %s; the log ends with %s", what, text[max(0, len(text)-4000):])
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
