package fd_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fd"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// open returns a new descriptor.
func open(t *testing.T, core posix.Core) posix.FD {
	t.Helper()
	n, err := core.Eventfd2(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// isOpen tells whether a number stands for a descriptor.
func isOpen(core posix.Core, n posix.FD) bool {
	_, err := core.Fcntl(n, unix.F_GETFD, 0)
	return err == nil
}

func TestCloseOnce(t *testing.T) {
	core := linux.New()
	set := fd.NewSet(core)
	n := open(t, core)
	f := set.Own(n)
	if err := f.Close(); err != nil || isOpen(core, n) {
		t.Fatalf("close: %v, open: %v", err, isOpen(core, n))
	}
	var misuse *fd.MisuseError
	if err := f.Close(); !errors.As(err, &misuse) || !errors.Is(err, fs.ErrClosed) || misuse.FD != n || misuse.Op != "close" {
		t.Errorf("a second close: %v", err)
	}
	if err := f.Do(func(posix.FD) error { return nil }); !errors.As(err, &misuse) || misuse.Op != "use" {
		t.Errorf("use after close: %v", err)
	}
	if got, err := f.Release(); err == nil || got != posix.NoFD {
		t.Errorf("release after close: %d, %v", got, err)
	}
	if got := f.String(); got != fmt.Sprintf("fd %d (closed)", n) {
		t.Error(got)
	}
}

func TestReleaseKeepsItOpen(t *testing.T) {
	core := linux.New()
	set := fd.NewSet(core)
	f := set.Own(open(t, core))
	n, err := f.Release()
	if err != nil || !isOpen(core, n) {
		t.Fatalf("release: %v, open: %v", err, isOpen(core, n))
	}
	if leaks := set.Leaks(); len(leaks) != 0 {
		t.Errorf("released, and still in the set: %v", leaks)
	}
	if err := core.Close(n); err != nil {
		t.Error(err)
	}
}

// A use that is under way when the descriptor is closed is finished first: the number is not somebody else's meanwhile.
func TestCloseWaitsForUses(t *testing.T) {
	core := linux.New()
	f := fd.NewSet(core).Own(open(t, core))
	inside, leave := make(chan struct{}), make(chan struct{})
	var users sync.WaitGroup
	users.Go(func() {
		err := f.Do(func(n posix.FD) error {
			close(inside)
			<-leave
			if !isOpen(core, n) {
				return errors.New("closed while it was in use")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	closed := make(chan error)
	go func() { closed <- f.Close() }()
	for f.Do(func(posix.FD) error { return nil }) == nil { // until Close has begun
	}
	close(leave)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	users.Wait()
}

// The error of close(2) is told, and the descriptor is gone all the same.
func TestCloseFails(t *testing.T) {
	f := fd.NewSet(failing{posix.Unimplemented{}}).Own(7)
	if err := f.Close(); !errors.Is(err, unix.EIO) {
		t.Errorf("close: %v, want EIO", err)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("close again: %v", err)
	}
}

type failing struct{ posix.Unimplemented }

func (failing) Close(posix.FD) error { return unix.EIO }

// complaints is a fd.TB that remembers.
type complaints []string

func (c *complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	*c = append(*c, fmt.Sprintf(format, args...))
}

func TestLeaksAreReported(t *testing.T) {
	core := linux.New()
	set := fd.NewSet(core).Stacks()
	f, g := set.Own(open(t, core)), set.Own(open(t, core))
	var got complaints
	set.Check(&got)
	if len(got) != 2 || !strings.Contains(got[0], "was not closed; it was opened at") || !strings.Contains(got[0], "TestLeaksAreReported") {
		t.Errorf("two are open: %q", got)
	}
	if err := errors.Join(f.Close(), g.Close()); err != nil {
		t.Fatal(err)
	}
	got = nil
	if set.Check(&got); got != nil {
		t.Errorf("all are closed: %q", got)
	}
	if err := f.Close(); err == nil || strings.Count(err.Error(), "TestLeaksAreReported") != 2 {
		t.Errorf("a second close does not say where it was opened and closed: %v", err)
	}
	silent := fd.NewSet(core)
	h := silent.Own(open(t, core))
	if leaks := silent.Leaks(); len(leaks) != 1 || leaks[0].Opened != "" {
		t.Errorf("without stacks: %v", leaks)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}
