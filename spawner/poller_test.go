package spawner

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func newTestPoller(t *testing.T, signals <-chan os.Signal) *poller {
	t.Helper()
	p, err := newPoller(linux.New(), signals)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// pipe returns both ends of a pipe, which the test closes.
func pipe(t *testing.T) (r, w posix.FD) {
	t.Helper()
	k := linux.New()
	r, w, err := k.Pipe2(unix.O_CLOEXEC | unix.O_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = k.Close(r), k.Close(w) })
	return r, w
}

func TestPollerSignals(t *testing.T) {
	leak.Check(t)
	signals := make(chan os.Signal, 4)
	p := newTestPoller(t, signals)
	signals <- unix.SIGHUP
	signals <- unix.SIGTERM
	var got []os.Signal
	for len(got) < 2 {
		if err := p.wait(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		more := p.signals()
		if got = append(got, more...); len(more) == 0 {
			t.Fatal("woken up, or out of time, without a signal")
		}
	}
	if !slices.Equal(got, []os.Signal{unix.SIGHUP, unix.SIGTERM}) || len(p.signals()) != 0 {
		t.Errorf("%v, then %v", got, p.signals())
	}
}

func TestPollerTimeout(t *testing.T) {
	leak.Check(t)
	p := newTestPoller(t, nil)
	start := time.Now()
	if err := p.wait(1500 * time.Microsecond); err != nil {
		t.Fatal(err)
	}
	// Rounded up: a wait that ends before a grace period does would have the loop spin until then.
	if took := time.Since(start); took < 1500*time.Microsecond || took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	if err := p.wait(0); err != nil {
		t.Fatal(err)
	}
}

// TestPollerRemovedInTheSameRound: what one function removes is not called any more, although it was ready as well.
func TestPollerRemovedInTheSameRound(t *testing.T) {
	leak.Check(t)
	p := newTestPoller(t, nil)
	r1, w1 := pipe(t)
	r2, w2 := pipe(t)
	called := 0
	for _, pair := range [][2]posix.FD{{r1, r2}, {r2, r1}} {
		if err := p.add(pair[0], func() error { called++; return p.remove(pair[1]) }); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range []posix.FD{w1, w2} {
		if _, err := linux.New().Write(w, []byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.wait(time.Second); err != nil {
		t.Fatal(err)
	}
	if called != 1 {
		t.Errorf("%d functions were called", called)
	}
}

func TestPollerHangup(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	p := newTestPoller(t, nil)
	r, w, err := k.Pipe2(unix.O_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	called := false
	if err := p.add(r, func() error { called = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(w); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(time.Second); err != nil || !called {
		t.Errorf("%v, called: %v", err, called)
	}
	if err := errors.Join(p.remove(r), k.Close(r)); err != nil {
		t.Error(err)
	}
}

func TestPollerErrors(t *testing.T) {
	leak.Check(t)
	p := newTestPoller(t, nil)
	bad := errors.New("no more")
	r, w := pipe(t)
	if err := p.add(r, func() error { return bad }); err != nil {
		t.Fatal(err)
	}
	if _, err := linux.New().Write(w, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(time.Second); !errors.Is(err, bad) {
		t.Errorf("the error of a function: %v", err)
	}
	if err := p.add(1<<20, nil); !errors.Is(err, unix.EBADF) {
		t.Errorf("a descriptor that is not open: %v", err)
	}
	for _, op := range []string{"EpollCreate1", "Eventfd2", "EpollCtl"} {
		if _, err := newPoller(newFaulty(op, 0, unix.EMFILE), nil); !errors.Is(err, unix.EMFILE) {
			t.Errorf("%s fails: %v", op, err)
		}
	}
	k := newFaulty("EpollWait", 0, unix.EINTR)
	q, err := newPoller(k, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.wait(time.Second); err != nil {
		t.Errorf("an interruption: %v", err)
	}
	k.errno = unix.EBADF
	if err := q.wait(time.Second); !errors.Is(err, unix.EBADF) {
		t.Errorf("%v", err)
	}
	if err := q.close(); err != nil {
		t.Error(err)
	}
}

func TestPollerPost(t *testing.T) {
	leak.Check(t)
	p, err := newPoller(linux.New(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	go p.post(func() { got = append(got, 1); p.post(func() { got = append(got, 2) }) })
	for len(got) < 2 {
		if err := p.wait(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		before := len(got)
		if p.callPosted(); len(got) != before+1 {
			t.Fatalf("after %d functions, %d were called", before, len(got))
		}
	}
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	p.post(func() { t.Error("called after the end") })
	p.callPosted()
}

// TestPollerNumberUsedAgain: an event for a descriptor that was closed is not taken for one of its successor with the same number.
func TestPollerNumberUsedAgain(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	p := newTestPoller(t, nil)
	r1, w1 := pipe(t)
	r2, w2 := pipe(t)
	quiet, _ := pipe(t)
	replaced := 0
	// Whichever comes first puts something quiet in the other's place.
	for _, pair := range [][2]posix.FD{{r1, r2}, {r2, r1}} {
		if err := p.add(pair[0], func() error {
			replaced++
			if err := p.remove(pair[1]); err != nil {
				return err
			}
			if err := k.Dup3(quiet, pair[1], unix.O_CLOEXEC); err != nil {
				return err
			}
			return p.add(pair[1], func() error { t.Error("the successor has nothing to read"); return nil })
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range []posix.FD{w1, w2} {
		if _, err := k.Write(w, []byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.wait(time.Second); err != nil {
		t.Fatal(err)
	}
	if replaced != 1 {
		t.Errorf("%d functions were called", replaced)
	}
}

// TestPollerEvents: what is watched without events is still told of a hang-up, and the events can be changed.
func TestPollerEvents(t *testing.T) {
	leak.Check(t)
	p := newTestPoller(t, nil)
	r, w := pipe(t)
	var got uint32
	if err := p.watch(r, 0, func(events uint32) error { got |= events; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := linux.New().Write(w, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(0); err != nil || got != 0 {
		t.Errorf("events %#x although none were asked for, %v", got, err)
	}
	if err := p.rewatch(r, unix.EPOLLIN); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(time.Second); err != nil || got != unix.EPOLLIN {
		t.Errorf("events %#x, %v", got, err)
	}
	if err := p.rewatch(1<<20, unix.EPOLLIN); !errors.Is(err, unix.EBADF) {
		t.Errorf("a descriptor that is not open: %v", err)
	}
}
