package spawner

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

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

// TestReloadOnKernel: a reload of one of two modules keeps the listening socket with who waits in its queue, and the other module; and at the end nothing is
// there any more.
func TestReloadOnKernel(t *testing.T) {
	s := newSite(t, policyOf("one"))
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

// TestEveryCallOfAReloadFailsOnKernel lets each call fail in turn that the spawner makes in a reload. Afterwards the old generation serves, or the new one does, and
// nothing else is left; the manager, unless it lost its channel, is told why. Where the spawner cannot go on it says so, and leaves nothing at all.
func TestEveryCallOfAReloadFailsOnKernel(t *testing.T) {
	const errno = posix.Errno(unix.ENOMEM)
	serving, outcomes, calls := "", map[string]int{}, 0
	var s *site
	var l *life
	var before []string
	for n := 1; ; n++ {
		if s == nil {
			serving = "one"
			s = newSite(t, policyOf(serving))
			l = s.next()
			s.startAll(l)
			before = s.inventory()
		}
		next := map[string]string{"one": "two", "two": "one"}[serving]
		s.change(next)
		wake := s.poller.wake
		s.faults.Set(0, fault.Nth(n, errno).Except(posix.OpClose, posix.OpWaitid, posix.OpPidfdSendSignal).If(func(c fault.Call) bool {
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
