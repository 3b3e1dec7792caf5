package spawner

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// change is what the policy says when it is read the next time.
func (s *site) change(answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = policyOf(answer)
}

// startAll starts the modules of the first generation.
func (s *site) startAll(l *life) {
	s.t.Helper()
	for _, module := range []string{"web", "other"} {
		if a, _ := l.ask(wire.KindStart, wire.StartRequest{Generation: 1, Module: module}.Encode()); a.Code != wire.Done {
			s.t.Fatalf("%s: %s\n%s", module, a.Text, s.logged())
		}
	}
}

// inode is that of the web server's listening socket.
func (s *site) inode() (inode uint64) {
	s.t.Helper()
	s.onLoop(func() {
		var st posix.Stat
		if err := s.self.Fstat(s.current.sockets["web"].FD, &st); err != nil {
			s.t.Error(err)
		}
		inode = st.Ino
	})
	return inode
}

// TestReloadOnKernel: a reload of one of two modules keeps the listening socket with who waits in its queue, and the other module; and at the
// end nothing is there any more.
func TestReloadOnKernel(t *testing.T) {
	s := newSite(t, kernel.Config{}, policyOf("one"), nil)
	l := s.next()
	if l == nil {
		t.Fatalf("the spawner ended: %v\n%s", s.err, s.logged())
	}
	early := s.connect()
	s.startAll(l)
	if got := early(); got != "one" {
		t.Errorf("who came before the server is told %q", got)
	}
	before, socket := s.inventory(), s.inode()
	list, _, _ := s.running()
	web, other := list[0], list[1]
	if err := l.done(wire.KindKill, wire.EncodeID(web.ID)); err != nil {
		t.Error(err)
	}
	if x := await(t, s.exits, "its end"); x.Instance != web.ID || x.Exit.Status != int32(unix.SIGKILL) {
		t.Errorf("it ended as %+v", x)
	}
	waiting := s.connect() // nobody accepts it before the next generation does
	s.change("two")
	if err := s.reload(l); err != nil {
		t.Fatalf("%v; the log:\n%s", err, s.logged())
	}
	if got := waiting(); got != "two" {
		t.Errorf("who waited over the reload is told %q", got)
	}
	s.tidy(l)
	if now := s.inode(); now != socket {
		t.Errorf("the socket was %d and is %d", socket, now)
	}
	list, current, _ := s.running()
	if current != 2 || len(list) != 2 || list[0].ID != other.ID || list[0].PID != other.PID || list[1].Generation != 2 {
		t.Errorf("in generation %d there are %+v", current, list)
	}
	s.same(before, "the reload")
	s.finish(l)
}

// same checks that there is as much of everything on the machine as there was.
func (s *site) same(before []string, after string) {
	s.t.Helper()
	var now []string
	s.soon(func() bool {
		now = s.inventory()
		return slices.Equal(before, now)
	})
	if !slices.Equal(before, now) {
		s.t.Errorf("after %s there is\n%s\nbefore there was\n%s\nthe log:\n%s", after, strings.Join(now, "\n"), strings.Join(before, "\n"), s.logged())
	}
}

// cleaning are the calls that clean up, which kernels do not refuse.
var cleaning = []posix.Op{posix.OpClose, posix.OpWaitid, posix.OpPidfdSendSignal}

// TestEveryCallOfAReloadFailsOnKernel lets each call fail in turn that the spawner makes in a reload. Afterwards the old generation serves, or
// the new one does, and nothing else is left; the manager, unless it lost its channel, is told why. Where the spawner cannot go on it says so,
// and leaves nothing at all.
func TestEveryCallOfAReloadFailsOnKernel(t *testing.T) {
	const errno = posix.Errno(unix.ENOMEM)
	serving, outcomes, calls := "", map[string]int{}, 0
	var s *site
	var l *life
	var before []string
	for n := 1; ; n++ {
		if s == nil {
			serving = "one"
			s = newSite(t, kernel.Config{}, policyOf(serving), nil)
			l = s.next()
			s.startAll(l)
			before = s.settled()
		}
		next := map[string]string{"one": "two", "two": "one"}[serving]
		s.change(next)
		wake := s.poller.wake
		s.faults.Set(0, fault.Nth(n, errno).Except(cleaning...).If(func(c fault.Call) bool {
			return c.FD != wake // of an eventfd: it cannot fail
		}))
		why := s.reload(l)
		failed := s.faults.Failed()
		s.faults.Set(0)
		what := "no call that failed"
		if len(failed) > 0 {
			calls++
			what = failed[0].String()
		}
		if l = s.tidy(l); l == nil {
			outcomes["ended"]++
			if !errors.Is(s.err, errno) {
				t.Errorf("%s: the spawner ended with %v", what, s.err)
			}
			s.nothingLeft()
			s = nil
			continue
		}
		got := s.connect()()
		switch {
		case len(failed) == 0 && (why != nil || got != next):
			t.Errorf("without a fault: %v, %q; the log:\n%s", why, got, s.logged())
		case why == nil && got != next, got != serving && got != next:
			t.Errorf("%s: %v, and the web server says %q", what, why, got)
		case why != nil && !errors.Is(why, errGone) && !strings.Contains(why.Error(), errno.Error()):
			t.Errorf("%s: the manager is told %q", what, why)
		}
		outcomes[map[bool]string{true: "new", false: "old"}[got == next]]++
		serving = got
		if s.same(before, what); t.Failed() {
			return
		}
		if len(failed) == 0 {
			break
		}
	}
	t.Logf("%d calls failed: %s", calls, fmt.Sprint(outcomes))
	s.finish(l)
}

// TestEveryCallOfAStartFailsOnKernel lets each call fail in turn that the spawner makes before it serves. It ends with an error that says what
// it was doing, and leaves nothing, or it serves.
func TestEveryCallOfAStartFailsOnKernel(t *testing.T) {
	const errno = posix.Errno(unix.ENFILE)
	calls, ended := 0, 0
	for n := 1; ; n++ {
		s := newSite(t, kernel.Config{}, policyOf("one"), func(s *site) {
			// With epoll_wait the loop begins, when it serves.
			s.faults.Set(0, fault.Nth(n, errno).Except(append([]posix.Op{posix.OpEpollWait}, cleaning...)...))
		})
		l := s.next()
		failed := s.faults.Failed()
		s.faults.Set(0)
		if l != nil && len(failed) == 0 {
			s.startAll(l)
			s.finish(l)
			break
		}
		calls++
		if l == nil {
			ended++
			if !errors.Is(s.err, errno) || s.err.Error() == errno.Error() {
				t.Errorf("%s: it ended with %v", failed[0], s.err)
			}
			s.nothingLeft()
		} else {
			s.finish(l)
		}
		if s.Close(); t.Failed() {
			t.Fatalf("%s\n%s", failed[0], s.logged())
		}
	}
	t.Logf("%d calls failed, of which %d end the spawner", calls, ended)
}

// TestEveryStepOfAReloadFailsOnKernel lets each system call fail in turn that the children of a reload make: those of the compile process, of the
// new web server, its init and its network. The manager is told the call and the line of the policy, and the old one serves.
func TestEveryStepOfAReloadFailsOnKernel(t *testing.T) {
	const errno = posix.Errno(unix.EIO)
	var mu sync.Mutex // guards what follows
	left, hit := 0, 0
	s := newSite(t, kernel.Config{FailStep: func(s kernel.Step) posix.Errno {
		mu.Lock()
		defer mu.Unlock()
		if s.Number == unix.SYS_KEYCTL {
			return 0 // it may fail: this kernel has no keys
		}
		if left--; left == 0 {
			hit++
			return errno
		}
		return 0
	}}, policyOf("one"), nil)
	l := s.next()
	s.startAll(l)
	before := s.settled()
	s.change("two")
	calls := 0
	for {
		mu.Lock()
		left, hit = calls+1, 0
		mu.Unlock()
		why := s.reload(l)
		mu.Lock()
		left = 0
		failed := hit > 0
		mu.Unlock()
		l = s.tidy(l)
		got := s.connect()()
		if !failed {
			if why != nil || got != "two" {
				t.Errorf("without a fault: %v, %q", why, got)
			}
			break
		}
		calls++
		if why == nil || got != "one" || !strings.Contains(why.Error(), ": "+errno.Error()+" (policy ") {
			t.Errorf("step %d: the manager is told %q, and the web server says %q", calls, why, got)
		}
		if s.same(before, fmt.Sprintf("step %d", calls)); t.Failed() {
			return
		}
	}
	t.Logf("%d steps failed", calls)
	s.finish(l)
}
