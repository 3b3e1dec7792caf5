package logs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// stage is a collector with its log, which is a file.
type stage struct {
	t       testing.TB
	kernel  *linux.Kernel
	c       *Collector
	ring    *Ring
	log     *os.File
	done    chan error
	drained chan wire.InstanceID
	losses  chan Loss
	broken  chan error
}

func tempFile(t testing.TB) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// collect runs a collector whose log is a descriptor, with calls made by k.
func collect(t testing.TB, k Kernel, out posix.FD, format string, successor bool) *stage {
	t.Helper()
	s := &stage{t: t, kernel: linux.New(), ring: NewRing(), done: make(chan error, 1), drained: make(chan wire.InstanceID, 1000), losses: make(chan Loss, 1000), broken: make(chan error, 1000)}
	sink := NewSink(k, out, successor, func(l Loss) { s.losses <- l })
	w := NewWriter(sink, sink, format)
	w.SetWidth(3)
	var err error
	s.c, err = New(k, Options{Writer: w, Ring: s.ring, Drained: func(id wire.InstanceID) { s.drained <- id },
		Broken: func(_ Source, _ Stream, err error) { s.broken <- err }, Now: func() time.Time { return time.Unix(1700000000, 0).UTC() }})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		ended := false
		defer func() {
			if !ended {
				s.done <- errKilled
			}
		}()
		err := s.c.Run()
		ended = true
		s.done <- err
	}()
	return s
}

var errKilled = errors.New("killed")

// start is collect into a file, checked for what it leaves.
func start(t testing.TB) *stage {
	t.Helper()
	leak.Check(t)
	f := tempFile(t)
	s := collect(t, linux.New(), posix.FD(f.Fd()), "text", false)
	s.log = f
	t.Cleanup(func() {
		s.c.Stop()
		if err := <-s.done; err != nil {
			t.Error(err)
		}
		select {
		case err := <-s.broken:
			t.Errorf("a pipe is broken: %v", err)
		default:
		}
	})
	return s
}

// text is what is in the log.
func (s *stage) text() string {
	s.t.Helper()
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// wait returns the log once it is as it should be.
func (s *stage) wait(ok func(string) bool) string {
	s.t.Helper()
	for range 2000 {
		if text := s.text(); ok(text) {
			return text
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatalf("the log stays as it is: %.2000q", s.text())
	return ""
}

// writer is what a module writes to.
type writer struct {
	t  testing.TB
	k  *linux.Kernel
	fd posix.FD
}

func (w *writer) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m, err := w.k.Write(w.fd, p[n:])
		if err != nil {
			return n, err
		}
		n += m
	}
	return n, nil
}

func (w *writer) print(format string, args ...any) {
	w.t.Helper()
	if _, err := fmt.Fprintf(w, format, args...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) close() {
	if w.fd >= 0 {
		_ = w.k.Close(w.fd)
		w.fd = -1
	}
}

// attach starts reading the output of an instance.
func (s *stage) attach(id wire.InstanceID, module string, replica int) (stdout, stderr *writer) {
	s.t.Helper()
	var r [2]posix.FD
	var w [2]*writer
	for i := range r {
		out, in, err := s.kernel.Pipe2(unix.O_CLOEXEC)
		if err != nil {
			s.t.Fatal(err)
		}
		r[i], w[i] = out, &writer{s.t, s.kernel, in}
		s.t.Cleanup(w[i].close)
	}
	s.c.Attach(Source{Instance: id, Module: module, Replica: replica, PID: 1000 + int(id)}, r[0], r[1])
	return w[0], w[1]
}

// end waits until all that an instance wrote was passed on.
func (s *stage) end(id wire.InstanceID) {
	s.t.Helper()
	s.c.Ended(id)
	select {
	case got := <-s.drained:
		if got != id {
			s.t.Errorf("%d was drained, not %d", got, id)
		}
	case <-time.After(10 * time.Second):
		s.t.Fatalf("the output of %d was not read to its end; the log: %.2000q", id, s.text())
	}
}

// lines are the lines of a module in a log as text.
func lines(text, module string) []string {
	var out []string
	for l := range strings.Lines(text) {
		if name, rest, ok := strings.Cut(strings.TrimSuffix(l, "\n"), " | "); ok && strings.TrimRight(name, " ") == module {
			out = append(out, rest)
		}
	}
	return out
}

// lockedBuffer is a buffer that two goroutines use.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
