package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// fullPipe returns a pipe that takes nothing more until somebody reads.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 2*piece); err != nil { // Fd makes it blocking, as a standard stream is
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 2*piece)); err != nil {
		t.Fatal(err)
	}
	return r, w
}

// TestLogThatIsNotRead: the spawner goes on when nobody reads its log, does not wait twice, and says later what is missing.
func TestLogThatIsNotRead(t *testing.T) {
	r, w := fullPipe(t)
	to, err := newPatientLog(linux.New(), posix.FD(w.Fd()), "text", false)
	if err != nil {
		t.Fatal(err)
	}
	log, err := invoke.NewLogger(to, "text", "info", false)
	if err != nil {
		t.Fatal(err)
	}
	within(t, 20*patience, func() {
		for range 100 {
			log.Info("stopping")
		}
	})
	if _, err := r.Read(make([]byte, 2*piece)); err != nil {
		t.Fatal(err)
	}
	log.Info("read again")
	buf := make([]byte, piece)
	n, err := r.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(buf[:n]); strings.Contains(text, "stopping") || !strings.Contains(text, "read again") || !strings.Contains(text, "messages=100") {
		t.Errorf("%q", text)
	}
}

// TestOutputThatIsNotRead: nor do lines of modules hold it up, however long they are.
func TestOutputThatIsNotRead(t *testing.T) {
	r, w := fullPipe(t)
	l := newLineWriter(redirected{linux.New(), posix.FD(w.Fd())}, "text", []wire.Module{{Name: "web", Replicas: 1}})
	line := []byte(strings.Repeat("x", 3*piece))
	within(t, 20*patience, func() {
		for range 100 {
			if err := l.WriteLine("web", 0, spawner.Stream(1), line); err != nil {
				t.Error(err)
			}
		}
	})
	if _, err := r.Read(make([]byte, 2*piece)); err != nil {
		t.Fatal(err)
	}
	within(t, 20*patience, func() { _ = l.WriteLine("web", 0, spawner.Stream(1), line) }) // the beginning of it fits
}

// redirected writes to another descriptor.
type redirected struct {
	*linux.Kernel
	to posix.FD
}

func (k redirected) Write(_ posix.FD, p []byte) (int, error) { return k.Kernel.Write(k.to, p) }

func (k redirected) Ppoll(fds []posix.PollFD, timeout *posix.Timespec) (int, error) {
	fds[0].FD = k.to
	return k.Kernel.Ppoll(fds, timeout)
}

// within fails when f takes longer than d. It then leaves f behind.
func within(t *testing.T, d time.Duration, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatal("it waits for a reader")
	}
}
