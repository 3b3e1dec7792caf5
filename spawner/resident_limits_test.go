package spawner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// TestLimitsOfALaterGeneration: a supervisor that began without limits has them when a reload brings some; instances from before stay where they are.
func TestLimitsOfALaterGeneration(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	facts, err := host.ProbeAll(k)
	if err != nil {
		t.Fatal(err)
	}
	plain := shell("plain", "exec sleep 1000")
	h, err := NewResidentHost(k, hostOf(t, k).Launcher, facts, []wire.Module{plain}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if h.groups == nil {
		t.Skipf("this host lets user %d make no control groups", facts.EUID)
	}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	fd := posix.FD(null.Fd())
	stdio := [3]posix.FD{fd, fd, fd}
	first, err := h.Start(&plain, "1", stdio, nil)
	if err != nil {
		t.Fatal(errors.Join(err, h.Close()))
	}
	var dirs []string
	end := func(i *Instance) {
		for _, d := range i.group.Dirs() {
			dirs = append(dirs, d.Path)
		}
		if _, err := i.Finish(); err != nil {
			t.Error(err)
		}
	}
	for n, limit := range []policy.Resource{{Key: "pids.max", Limit: 7}, {Key: "memory.max", Limit: 64 << 20}} {
		m := limited(shell("limited", "exec sleep 1000"), nil, limit)
		if ds := h.admit(facts, []wire.Module{plain, m}); len(ds) > 0 {
			if !errorsHaveUnavailable(h, facts, limit) {
				t.Fatalf("%v", ds)
			}
			t.Logf("this host has no %s: %v", limit.Key, ds)
			continue
		}
		i, err := h.Start(&m, fmt.Sprint(n+2), stdio, nil)
		if err != nil {
			t.Fatal(err)
		}
		u := usage([]measured{{wire.InstanceID(7), i.group}})
		if len(u) != 1 || u[0].Instance != 7 || limit.Key == "pids.max" && (u[0].Processes == 0 || u[0].Processes > 7) || limit.Key == "memory.max" && u[0].MemoryBytes > 64<<20 {
			t.Errorf("usage %+v", u)
		}
		if err := i.Signal(unix.SIGKILL); err != nil {
			t.Error(err)
		}
		end(i)
	}
	if err := first.Signal(unix.SIGKILL); err != nil {
		t.Error(err)
	}
	end(first)
	if u := usage([]measured{{1, first.group}}); len(u) != 0 {
		t.Errorf("usage of what has ended: %+v", u)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	for _, d := range dirs {
		if _, err := os.Stat(filepath.Dir(filepath.Dir(d))); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", filepath.Dir(filepath.Dir(d)), err)
		}
	}
}

// errorsHaveUnavailable tells whether the host really has no place for a limit.
func errorsHaveUnavailable(h *Host, f host.Facts, limit policy.Resource) bool {
	r, err := cgroup.Open(h.Kernel, f, cgroup.Options{Name: "bulkhead-test", Controllers: cgroup.Controllers(limit)})
	var none *cgroup.UnavailableError
	if err == nil {
		_ = r.Close()
	}
	return errors.As(err, &none)
}

// TestLimitsThatAreRefused: on a host without control groups, a new limit is a problem with its place, unless best_effort accepts its loss.
func TestLimitsThatAreRefused(t *testing.T) {
	leak.Check(t)
	var nothing host.Facts
	h := &Host{Kernel: linux.New()}
	pids := policy.Resource{Key: "pids.max", Limit: 9, Pos: policy.Pos{File: "web.yaml", Line: 7, Col: 5}}
	ds := h.admit(nothing, []wire.Module{limited(shell("a", ""), nil, pids), shell("b", "")})
	if len(ds) != 1 || ds[0].Code != codeResources || ds[0].Pos != pids.Pos || !strings.Contains(ds[0].Message, "module a: pids.max cannot be had: ") {
		t.Errorf("%v", ds)
	}
	m := limited(shell("a", ""), []string{"resources"}, pids)
	if ds := h.admit(nothing, []wire.Module{m}); len(ds) != 0 {
		t.Errorf("%v", ds)
	}
	for _, e := range m.Enforcement {
		if lost := e.Protection == "pids.max"; lost != (e.Level == sandbox.Missing) {
			t.Errorf("%+v", e)
		}
	}
	if len(m.EnforcedResources()) != 0 {
		t.Error("a limit that is not there is enforced")
	}
	if ds := h.admit(nothing, []wire.Module{shell("b", "")}); len(ds) != 0 {
		t.Errorf("without limits: %v", ds)
	}
}
