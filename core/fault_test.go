package core

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/link/linktest"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/retry"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// noting notes which descriptors are eventfds. What writes to one cannot fail: the counters are never full. Source: eventfd(2).
type noting struct {
	posix.Core
	mu       sync.Mutex
	eventfds map[posix.FD]bool
}

func (k *noting) Eventfd2(initial uint32, flags int) (posix.FD, error) {
	fd, err := k.Core.Eventfd2(initial, flags)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.eventfds[fd] = true
	return fd, err
}

func (k *noting) canFail(c fault.Call) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return c.Op != posix.OpWrite || !k.eventfds[c.FD]
}

// database is what the module of that name is probed at.
var database = netip.MustParseAddrPort("127.0.0.1:5432")

// site is a configuration in which everything that a reload does to a module is done to one: front is replaced start-first when it has
// said that it is ready, db stop-first when it answers, and generation 2 has another module than generation 1.
func site(g wire.GenerationID) wire.Outline {
	front, db, only := linktest.Module("front"), linktest.Module("db"), linktest.Module(fmt.Sprintf("only-%d", g))
	front.Listeners, front.UpdateOrder = []string{"http"}, "start-first"
	front.Health = wire.Health{Kind: "notify", StartTimeout: time.Minute}
	db.Health = wire.Health{Kind: "tcp", Addr: database, Interval: time.Second, Timeout: time.Second, Retries: 3, StartTimeout: time.Minute}
	o := wire.Outline{Generation: g, Files: []string{"site.yaml"}, Modules: []wire.Module{front, db, only}}
	again := wire.Restart{Policy: "always", Delay: time.Second, MaxDelay: 10 * time.Second, Burst: 100, Window: time.Minute, ResetAfter: time.Minute}
	for i := range o.Modules {
		o.Modules[i].Restart = again
		o.Modules[i].Digest[0] = byte(g)
	}
	return o
}

// newSite is a stage with generation 1 of the site, and generation 2 to be brought in.
func newSite(t *testing.T) *stage {
	s := newStage(t, site(1).Modules...)
	s.spawner.Prepared = func() (wire.Outline, wire.Reply) { return site(2), wire.Reply{} }
	s.spawner.Started = func(i *linktest.Instance) {
		fmt.Fprintf(i.Stdout, "%s of generation %d\n", i.Module, i.Generation)
		if i.NotifyPath != "" {
			_ = i.Say("READY=1") // an instance that is killed before has no socket any more
		}
	}
	l, err := s.host.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	s.must(err)
	t.Cleanup(func() { s.must(s.host.Close(l)) })
	s.must(errors.Join(s.host.Bind(l, posix.Sockaddr{Family: unix.AF_INET, Addr: database}), s.host.Listen(l, 4096)))
	return s
}

// serves waits until all modules of the generation in force are ready, and nothing else runs.
func (s *stage) serves() {
	s.t.Helper()
	var got, want []string
	s.until("the generation in force serves, and nothing else", func() bool {
		g, prepared := s.spawner.Current()
		status := s.r.Status()
		if prepared || status.Generation != uint64(g) {
			got = []string{fmt.Sprintf("generation %d is in force, and the manager's is %d; one is prepared: %v", g, status.Generation, prepared)}
			return false
		}
		got, want = nil, nil
		for _, m := range status.Modules {
			want = append(want, m.Name)
			for _, i := range m.Instances {
				if i.State != "ready" {
					return false
				}
			}
		}
		for _, i := range s.spawner.Instances() {
			if i.Running() {
				got = append(got, i.Module)
				if i.Generation != g && i.Module != "front" && i.Module != "db" {
					return false
				}
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		return slices.Equal(got, want) && slices.Contains(got, fmt.Sprintf("only-%d", g))
	})
}

// reloadCalls are the system calls that a manager makes during a reload of the site. Whether it looks at a pipe's size and for room in it
// depends on when it looks at what was written.
var reloadCalls = []posix.Op{posix.OpClose, posix.OpConnect, posix.OpEpollCtl, posix.OpEpollWait, posix.OpFcntl, posix.OpFstat, posix.OpGetsockoptInt,
	posix.OpPpoll, posix.OpPread, posix.OpRead, posix.OpRecvmsg, posix.OpSendmsg, posix.OpSocket, posix.OpTee, posix.OpWrite}

// TestReloadWithFaults: each system call of a reload fails in turn. It is done, or undone with a reason, or the manager ends with one and
// its successor finds everything as it was; in the end one generation serves, and nothing is left open.
func TestReloadWithFaults(t *testing.T) {
	for _, errno := range []posix.Errno{posix.Errno(unix.EIO), posix.Errno(unix.ENOMEM), posix.Errno(unix.EINTR)} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			t.Parallel()
			outcomes, calls := map[string]int{}, 0
			for _, op := range reloadCalls {
				for n := 1; ; n++ {
					outcome := reloadWithFault(t, fault.Nth(n, errno).On(op), errno)
					if outcome == "" || t.Failed() {
						break
					}
					outcomes[outcome]++
					calls++
				}
			}
			if outcome := reloadWithFault(t, fault.Nth(1, errno).Except(reloadCalls...), errno); outcome != "" {
				t.Error("there are calls that were not made to fail")
			}
			if errno == posix.Errno(unix.EINTR) && outcomes["done"] != calls {
				t.Errorf("an interrupted call changes a reload: %v", outcomes)
			}
			t.Logf("%d calls failed: %v", calls, outcomes)
		})
	}
}

// reloadWithFault is a reload on a site of its own. It returns what became of it, "" when nothing has failed.
func reloadWithFault(t *testing.T, rule fault.Rule, errno posix.Errno) (outcome string) {
	synctest.Test(t, func(t *testing.T) {
		var failed []fault.Failure
		t.Cleanup(func() {
			if t.Failed() {
				t.Errorf("when this failed: %v", failed)
			}
		})
		failed, outcome = newSite(t).reload(rule, errno)
		switch {
		case len(failed) == 0 && outcome != "done":
			t.Errorf("nothing has failed, and the reload is %s", outcome)
		case len(failed) == 0:
			outcome = ""
		}
	})
	return outcome
}

// reload reloads while calls fail, and returns which, and what became of the reload.
func (s *stage) reload(rule fault.Rule, errno posix.Errno) (failed []fault.Failure, outcome string) {
	var core *fault.Core
	k := &noting{eventfds: map[posix.FD]bool{}}
	s.start(func(c *Config) {
		k.Core = s.manager
		core = fault.New(k)
		c.Kernel = core
		if errno == posix.Errno(unix.EINTR) {
			c.Kernel = retry.New(core) // as in every supervisor
		}
	})
	s.serves()
	synctest.Wait()
	core.Set(0, rule.If(k.canFail))
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	defer cancel()
	result, err := s.r.Do(ctx, machine.Reload, nil, false)
	synctest.Wait() // what the last calls lead to
	failed = core.Failed()
	core.Set(0)
	switch {
	case errors.Is(err, ErrEnded):
		outcome = "the successor's"
	case err != nil:
		s.t.Errorf("the reload does not end: %v", err)
	case result.OK:
		outcome = "done"
		if g, _ := s.spawner.Current(); g != 2 {
			s.t.Errorf("done, but generation %d is in force", g)
		}
	default:
		outcome = "undone"
		if g, _ := s.spawner.Current(); g != 1 || !strings.HasSuffix(result.Text, "; generation 1 serves on") {
			s.t.Errorf("generation %d is in force: %q", g, result.Text)
		}
	}
	select {
	case <-s.r.ended: // perhaps of a call after the last of the reload
		if err := s.end(); !errors.Is(err, errno) || !strings.Contains(err.Error(), ": ") {
			s.t.Errorf("the manager ended with %v", err)
		}
		s.start()
	default:
	}
	s.serves()
	return failed, outcome
}

// TestReloadWithLastingFaults: what goes wrong for as long as the reload takes.
func TestReloadWithLastingFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		errno unix.Errno
		ops   []posix.Op
		want  string
	}{
		{"no descriptors for probes", unix.EMFILE, []posix.Op{posix.OpSocket}, "undone"},
		{"nobody can be connected to", unix.ENETUNREACH, []posix.Op{posix.OpConnect}, "undone"},
		{"no descriptor can be watched", unix.ENOSPC, []posix.Op{posix.OpEpollCtl}, "undone"},
		{"the output cannot be looked at", unix.ENOMEM, []posix.Op{posix.OpTee}, "done"},
		{"the disk is full", unix.ENOSPC, []posix.Op{posix.OpWrite}, "done"},
		{"outlines cannot be read", unix.EIO, []posix.Op{posix.OpPread}, "the successor's"},
		{"seals cannot be read", unix.EPERM, []posix.Op{posix.OpFcntl}, "the successor's"},
		{"the channel takes nothing", unix.EPERM, []posix.Op{posix.OpSendmsg}, "the successor's"},
		{"the channel gives nothing", unix.EPERM, []posix.Op{posix.OpRecvmsg}, "the successor's"},
		{"nothing can be waited for", unix.ENOMEM, []posix.Op{posix.OpEpollWait, posix.OpPpoll}, "the successor's"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			errno := posix.Errno(tt.errno)
			if got := reloadWithFault(t, fault.Always(errno).On(tt.ops...), errno); got != tt.want {
				t.Errorf("it is %s, want %s", got, tt.want)
			}
		})
	}
}
