package core

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/errs"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// lifeCalls are the system calls that a manager makes from its beginning to its end.
var lifeCalls = append([]posix.Op{posix.OpEpollCreate1, posix.OpEventfd2, posix.OpPipe2}, reloadCalls...)

// TestLifeWithFaults: each system call from the beginning of a manager to its end fails in turn, while modules are started, serve, and are
// stopped. Either it
// does its work all the same, or it says why not and its successor does; the supervisor can be stopped, and nothing is left open.
func TestLifeWithFaults(t *testing.T) {
	for _, errno := range []posix.Errno{posix.Errno(unix.EIO), posix.Errno(unix.EMFILE)} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			t.Parallel()
			outcomes, calls := map[string]int{}, 0
			for _, op := range lifeCalls {
				for n := 1; ; n++ {
					outcome := lifeWithFault(t, fault.Nth(n, errno).On(op), errno)
					if outcome == "" || t.Failed() {
						break
					}
					outcomes[outcome]++
					calls++
				}
			}
			if outcome := lifeWithFault(t, fault.Nth(1, errno).Except(lifeCalls...), errno); outcome != "" {
				t.Error("there are calls that were not made to fail")
			}
			t.Logf("%d calls failed: %v", calls, outcomes)
		})
	}
}

// lifeWithFault is the life of a manager on a site of its own. It returns how it ended, "" when nothing has failed.
func lifeWithFault(t *testing.T, rule fault.Rule, errno posix.Errno) (outcome string) {
	synctest.Test(t, func(t *testing.T) {
		var failed []fault.Failure
		t.Cleanup(func() {
			if t.Failed() {
				t.Errorf("when this failed: %v", failed)
			}
		})
		outcome = newSite(t).live(rule, errno, &failed)
		switch {
		case len(failed) == 0 && outcome != "did its work":
			t.Errorf("nothing has failed, and it %s", outcome)
		case len(failed) == 0:
			outcome = ""
		}
	})
	return outcome
}

// live runs a manager while calls fail, and successors until the supervisor has finished.
func (s *stage) live(rule fault.Rule, errno posix.Errno, failed *[]fault.Failure) (outcome string) {
	var core *fault.Core
	k := &noting{eventfds: map[posix.FD]bool{}}
	err := s.try(func(c *Config) {
		k.Core = s.manager
		core = fault.New(k)
		core.Set(0, rule.If(k.canFail))
		c.Kernel = errs.New(core) // as in every supervisor
	})
	defer func() { *failed = core.Failed() }()
	why := func(err error) {
		s.t.Helper()
		if !errors.Is(err, errno) || !strings.Contains(err.Error(), ": ") {
			s.t.Errorf("the manager ended with %v", err)
		}
	}
	outcome = "did its work"
	if err != nil {
		why(err)
		outcome = "could not begin"
		s.start()
	}
	time.Sleep(2 * time.Second) // the modules are ready, or their probes are under way
	s.spawner.Ask(wire.WishStop)
	if err := s.end(); err != nil {
		why(err)
		outcome = "ended"
	}
	synctest.Wait()
	if !slices.ContainsFunc(s.spawner.Requests, func(f wire.Frame) bool { return f.Kind == wire.KindFinish }) {
		s.start()
		synctest.Wait() // it was greeted
		s.spawner.Ask(wire.WishStop)
		if err := s.end(); err != nil {
			s.t.Errorf("the successor ended with %v", err)
		}
	}
	s.spawner.Finished()
	return outcome
}
