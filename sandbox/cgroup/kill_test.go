package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// forks is a shell that never stops to make processes that never end. Each generation leaves its parent.
const forks = "grow() { while :; do (sleep 1000 & sleep 1000 &); done; }; grow & grow & grow"

func TestKill(t *testing.T) {
	f := probe(t)
	need(t, f, 0)
	limit := policy.Resource{Key: "pids.max", Limit: 3000} // so that a test that goes wrong does not take the machine with it
	for _, test := range []struct {
		name   string
		need   host.ControllerSet // version 1
		facts  func(host.CgroupFacts) host.CgroupFacts
		limits []policy.Resource
	}{
		{"version 2", 0, func(c host.CgroupFacts) host.CgroupFacts { return c }, nil},
		{"version 1 with limits", host.Pids | host.Memory, func(c host.CgroupFacts) host.CgroupFacts { return c },
			[]policy.Resource{limit, {Key: "memory.max", Limit: 1 << 30}}},
		{"version 1 by pids", host.Pids, func(c host.CgroupFacts) host.CgroupFacts { return host.CgroupFacts{Pids: c.Pids} }, nil},
		{"version 1 by freezer", host.Freezer, func(c host.CgroupFacts) host.CgroupFacts { return host.CgroupFacts{Freezer: c.Freezer} }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := f
			if test.need == 0 {
				if f.Cgroup.V2.Place == "" {
					t.Skipf("this host lets user %d make no version 2 groups", f.EUID)
				}
			} else {
				needV1(t, f, test.need)
				f = version1(f)
			}
			f.Cgroup = test.facts(f.Cgroup)
			i := instance(t, open(t, f, Controllers(test.limits...)), test.limits...)
			cmd, _ := start(t, i, forks)
			eventually(t, "many processes run", func() bool {
				pids, err := i.Processes()
				return err == nil && len(pids) > 100
			})
			if empty, err := i.Empty(); err != nil || empty {
				t.Errorf("a group with processes is empty (%v)", err)
			}
			if err := i.Kill(20 * time.Second); err != nil {
				t.Fatal(err)
			}
			if pids, err := i.Processes(); err != nil || len(pids) != 0 {
				t.Errorf("%d processes survived (%v)", len(pids), err)
			}
			// A shell that was refused a fork a moment before it was killed ends by itself.
			if err := cmd.Wait(); err == nil {
				t.Error("the first process ended of its own will")
			}
		})
	}
}

func TestKillSubgroups(t *testing.T) {
	f := probe(t)
	needV1(t, f, host.Pids)
	i := instance(t, open(t, version1(f), 0))
	below := i.Dirs()[0].Path + "/below"
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd, _ := start(t, i, "echo 0 >"+below+"/cgroup.procs; exec sleep 1000")
	eventually(t, "the process is in the group below", func() bool {
		procs, err := os.ReadFile(below + "/cgroup.procs")
		return err == nil && len(procs) > 0
	})
	if err := i.Kill(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the process was not killed")
	}
}

func TestRemoveWhileRunning(t *testing.T) {
	eachVersion(t, host.Pids, func(t *testing.T, f host.Facts) {
		i := instance(t, open(t, f, host.Pids), policy.Resource{Key: "pids.max", Limit: 10})
		cmd, _ := start(t, i, "exec sleep 1000")
		joined(t, i)
		if err := i.Remove(); !errors.Is(err, ErrStillRunning) || !errors.Is(err, syscall.EBUSY) {
			t.Errorf("removing a group with a process: %v", err)
		}
		if err := i.Kill(5 * time.Second); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
	})
}

func TestKillReportsWhatDoesNotEnd(t *testing.T) {
	f := probe(t)
	needV1(t, f, host.Freezer)
	f.Cgroup = host.CgroupFacts{Freezer: f.Cgroup.Freezer}
	r := open(t, f, 0)
	i := instance(t, r)
	cmd, _ := start(t, i, "exec sleep 1000")
	joined(t, i)
	// A process that is frozen from above does not die, whatever is done in its own group.
	above := filepath.Join(r.places[0].base, r.top, "freezer.state")
	if err := os.WriteFile(above, []byte("FROZEN"), 0); err != nil {
		t.Fatal(err)
	}
	err := i.Kill(30 * time.Millisecond)
	if !errors.Is(err, ErrStillRunning) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(above, []byte("THAWED"), 0); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}
