package poll

import (
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// start runs a loop until the test ends and checks that it gives its descriptors back.
func start(t *testing.T) (*Loop, posix.Core) {
	t.Helper()
	k := linux.New()
	before := leak.Take()
	l, err := New(k)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- l.Run() }()
	t.Cleanup(func() {
		l.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if l.Post(func() {}) {
			t.Error("a stopped loop takes functions")
		}
		if left := before.Left(); left != "" {
			t.Error(left)
		}
	})
	return l, k
}

// do has f called by the loop and waits for its end.
func do(t *testing.T, l *Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	if !l.Post(func() { f(); close(done) }) {
		t.Fatal("the loop has stopped")
	}
	<-done
}

func pipe(t *testing.T, k posix.Core) (r, w posix.FD) {
	t.Helper()
	r, w, err := k.Pipe2(unix.O_CLOEXEC | unix.O_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = k.Close(r), k.Close(w) })
	return r, w
}

func TestDescriptors(t *testing.T) {
	k := linux.New()
	r, w := pipe(t, k)
	l, _ := start(t)
	got := make(chan uint32, 8)
	do(t, l, func() {
		if err := l.Add(r, unix.EPOLLIN|unix.EPOLLET, func(e uint32) { got <- e }); err != nil {
			t.Error(err)
		}
	})
	if _, err := k.Write(w, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if e := <-got; e != unix.EPOLLIN {
		t.Errorf("events %#x", e)
	}
	do(t, l, func() {
		if err := errors.Join(l.Remove(r), l.Remove(r)); err != nil {
			t.Error(err)
		}
		if err := l.Change(r, unix.EPOLLIN); err == nil {
			t.Error("changed what is not watched")
		}
	})
	if _, err := k.Write(w, []byte("y")); err != nil {
		t.Fatal(err)
	}
	do(t, l, func() {})
	if len(got) != 0 {
		t.Error("called for a descriptor that was removed")
	}
}

// The events of one wait are about the descriptors of that moment: a number that was given back and is in use again is another descriptor.
func TestNumberUsedAgain(t *testing.T) {
	l, k := start(t)
	a, aw := pipe(t, k)
	b, bw := pipe(t, k)
	var called []string
	do(t, l, func() {
		again := func(own, other posix.FD, name string) func(uint32) {
			return func(uint32) {
				called = append(called, name)
				if len(called) > 1 {
					return
				}
				// The other one, which is ready too, is replaced before its turn comes.
				if err := errors.Join(l.Remove(other), l.Remove(own), l.Add(other, 0, func(uint32) { called = append(called, "new") })); err != nil {
					t.Error(err)
				}
			}
		}
		if err := errors.Join(l.Add(a, unix.EPOLLIN, again(a, b, "a")), l.Add(b, unix.EPOLLIN, again(b, a, "b"))); err != nil {
			t.Error(err)
		}
		for _, w := range []posix.FD{aw, bw} {
			if _, err := k.Write(w, []byte("x")); err != nil {
				t.Error(err)
			}
		}
	})
	do(t, l, func() {})
	do(t, l, func() {
		if len(called) != 1 || called[0] == "new" {
			t.Errorf("called: %v", called)
		}
		if err := errors.Join(l.Remove(a), l.Remove(b)); err != nil {
			t.Error(err)
		}
	})
}

func TestTimers(t *testing.T) {
	l, _ := start(t)
	var order []int
	done := make(chan struct{})
	do(t, l, func() {
		l.After(3*time.Millisecond, func() { order = append(order, 3); close(done) })
		l.After(time.Millisecond, func() { order = append(order, 1) })
		stopped := l.After(0, func() { order = append(order, -1) })
		stopped.Stop()
		stopped.Stop()
		(*Timer)(nil).Stop()
		l.After(2*time.Millisecond, func() { order = append(order, 2) })
	})
	<-done
	do(t, l, func() {
		if !slices.Equal(order, []int{1, 2, 3}) {
			t.Errorf("order %v", order)
		}
	})
}

// A timer that another one stops is not called, although both are due.
func TestTimerStopsAnother(t *testing.T) {
	var h timers
	l := &Loop{}
	var second *Timer
	called := 0
	l.After(0, func() { called++; second.Stop() })
	second = l.After(0, func() { called += 10 })
	h = l.timers
	h.expire(time.Now().Add(time.Second))
	if called != 1 {
		t.Errorf("called: %d", called)
	}
}

func TestNextComesAfterOthers(t *testing.T) {
	l, _ := start(t)
	n := 0
	done := make(chan struct{})
	var again func()
	again = func() {
		if n++; n < 100 {
			l.Next(again)
			return
		}
		close(done)
	}
	do(t, l, func() { l.Next(again) })
	<-done
}

type broken struct{ *linux.Kernel }

func (broken) EpollWait(posix.FD, []posix.EpollEvent, int) (int, error) {
	return -1, posix.Errno(unix.EBADF)
}

func TestCannotWait(t *testing.T) {
	l, err := New(broken{linux.New()})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(); !errors.Is(err, posix.Errno(unix.EBADF)) {
		t.Errorf("%v", err)
	}
	if l.Post(func() {}) {
		t.Error("a broken loop takes functions")
	}
}
