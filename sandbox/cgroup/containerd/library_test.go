package containerd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/cgroup/containerd"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// counting tells whether the library was asked.
type counting struct {
	containerd.Library
	calls *int
}

func (c counting) Write1(mount, dir string, limit policy.Resource) error {
	*c.calls++
	return c.Library.Write1(mount, dir, limit)
}

func (c counting) Write2(top, group string, limits []policy.Resource, swap bool) error {
	*c.calls++
	return c.Library.Write2(top, group, limits, swap)
}

// TestSameAsWithout: groups whose limits the library wrote hold the same as those without it, in real hierarchies of both versions.
func TestSameAsWithout(t *testing.T) {
	k := linux.New()
	facts, err := host.ProbeAll(k)
	if err != nil {
		t.Fatal(err)
	}
	version2, version1 := facts, facts
	version1.Cgroup.V2 = host.Hierarchy{}
	version2.Cgroup.Memory, version2.Cgroup.Pids, version2.Cgroup.CPU = host.Hierarchy{}, host.Hierarchy{}, host.Hierarchy{}
	for _, c := range []struct {
		name   string
		facts  host.Facts
		limits []policy.Resource
	}{
		{"processor time, version 1", version1, []policy.Resource{{Key: "cpu.max", Limit: 50_000, Period: 100_000}}},
		{"processor time without a limit, version 1", version1, []policy.Resource{{Key: "cpu.max", Limit: cgroup.Unlimited}}},
		{"memory, version 2", version2, []policy.Resource{{Key: "memory.max", Limit: 64 << 20}}},
		{"processes, version 2", version2, []policy.Resource{{Key: "pids.max", Limit: 17}}},
		{"processor time, version 2", version2, []policy.Resource{{Key: "cpu.max", Limit: 50_000, Period: 200_000}}},
		{"all without a limit, version 2", version2, []policy.Resource{
			{Key: "memory.max", Limit: cgroup.Unlimited}, {Key: "pids.max", Limit: cgroup.Unlimited}, {Key: "cpu.max", Limit: cgroup.Unlimited}}},
		{"all, and one that is not the library's, version 2", version2, []policy.Resource{
			{Key: "memory.max", Limit: 64 << 20}, {Key: "memory.high", Limit: 32 << 20}, {Key: "pids.max", Limit: 5}, {Key: "cpu.max", Limit: 20_000}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			with := held(t, k, c.facts, c.limits, counting{calls: &calls})
			if calls == 0 {
				t.Error("the library was not asked")
			}
			without := held(t, k, c.facts, c.limits, nil)
			for file, want := range without {
				if with[file] != want {
					t.Errorf("%s holds %q, without the library %q", file, with[file], want)
				}
			}
			if len(without) == 0 {
				t.Error("no file of a limit was found: the test looks in the wrong place")
			}
		})
	}
}

// held makes a group with limits, and returns what its files of limits hold.
func held(t *testing.T, k cgroup.Kernel, f host.Facts, limits []policy.Resource, library cgroup.Library) map[string]string {
	t.Helper()
	root, err := cgroup.Open(k, f, cgroup.Options{Name: "bulkhead-test-library", Controllers: cgroup.Controllers(limits...), Library: library})
	if err != nil {
		t.Skipf("this host lets us make no such groups: %v", err) // which the error has looked for on this kernel
	}
	defer func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	}()
	i, err := root.Instance("web", "0", limits)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := i.Kill(5 * time.Second); err != nil {
			t.Error(err)
		}
		if err := i.Remove(); err != nil {
			t.Error(err)
		}
	}()
	files := map[string]string{}
	for _, d := range i.Dirs() {
		for _, name := range []string{"memory.max", "memory.high", "memory.swap.max", "pids.max", "cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us"} {
			if text, err := os.ReadFile(filepath.Join(d.Path, name)); err == nil {
				files[d.Controller+" "+name] = strings.TrimSpace(string(text))
			}
		}
	}
	return files
}
