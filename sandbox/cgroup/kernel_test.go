package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// all is what these tests limit. They run on the control groups of the running kernel: on its version 2 with the controllers that are there, and on
// version 1 wherever that is mounted.
const all = host.Memory | host.Pids | host.CPU

// eachVersion runs a test as the host is, and with version 1 alone if it has that.
func eachVersion(t *testing.T, set host.ControllerSet, test func(t *testing.T, f host.Facts)) {
	f := probe(t)
	t.Run("host", func(t *testing.T) {
		need(t, f, set)
		test(t, f)
	})
	t.Run("version 1", func(t *testing.T) {
		needV1(t, f, set)
		needV1(t, f, host.Pids)
		test(t, version1(f))
	})
}

func TestLimitsReadBack(t *testing.T) {
	eachVersion(t, all, func(t *testing.T, f host.Facts) {
		r := open(t, f, all)
		i := instance(t, r,
			policy.Resource{Key: "memory.max", Limit: 64<<20 + 5},
			policy.Resource{Key: "pids.max", Limit: 17},
			policy.Resource{Key: "cpu.max", Limit: 50_000, Period: 200_000})
		want := map[host.ControllerSet]map[string]string{
			host.Memory: {"memory.max": "67108864", "memory.swap.max": "0",
				"memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "67108864"},
			host.Pids: {"pids.max": "17"},
			host.CPU:  {"cpu.max": "50000 200000", "cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "200000"},
		}
		for c, files := range want {
			p, ok := i.placeOf(c)
			if !ok {
				t.Fatalf("no hierarchy for %s", c)
			}
			checked := 0
			for file, want := range files {
				got, err := os.ReadFile(filepath.Join(p.base, i.rel, file))
				if os.IsNotExist(err) {
					continue
				}
				if strings.TrimSpace(string(got)) != want {
					t.Errorf("%s holds %q (%v), want %q", file, got, err, want)
				}
				checked++
			}
			if checked == 0 {
				t.Errorf("no limit file of %s is there", c)
			}
		}
	})
}

// TestMoreLimits: what each version has of the other limits is in its file, and a process can be put into the group.
func TestMoreLimits(t *testing.T) {
	for _, test := range []struct {
		set    host.ControllerSet
		limits []policy.Resource
		files  map[string]string // of both versions
		only2  bool
	}{
		{host.CPU, []policy.Resource{{Key: "cpu.weight", Limit: 50}}, map[string]string{"cpu.weight": "50", "cpu.shares": "512"}, false},
		{host.CPUSet, []policy.Resource{{Key: "cpuset.cpus", Set: "0"}}, map[string]string{"cpuset.cpus": "0"}, false},
		{host.Memory, []policy.Resource{{Key: "memory.max", Limit: 64 << 20}, {Key: "memory.swap.max", Limit: 1 << 20}},
			map[string]string{"memory.max": "67108864", "memory.swap.max": "1048576", "memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "68157440"}, false},
		{host.Memory, []policy.Resource{{Key: "memory.high", Limit: 1 << 20}, {Key: "memory.oom.group", Limit: 1}},
			map[string]string{"memory.high": "1048576", "memory.oom.group": "1"}, true},
	} {
		t.Run(test.limits[len(test.limits)-1].Key, func(t *testing.T) {
			eachVersion(t, test.set, func(t *testing.T, f host.Facts) {
				h, _ := f.Cgroup.For(test.set)
				if test.only2 && h.Version == 1 {
					t.Skipf("version 1 has nothing like it; the controller %s is there", test.set)
				}
				r := open(t, f, test.set)
				i := instance(t, r, test.limits...)
				p, ok := i.placeOf(test.set)
				if !ok {
					t.Fatalf("no hierarchy for %s", test.set)
				}
				checked := 0
				for file, want := range test.files {
					got, err := os.ReadFile(filepath.Join(p.base, i.rel, file))
					if os.IsNotExist(err) {
						continue
					}
					if checked++; strings.TrimSpace(string(got)) != want {
						t.Errorf("%s holds %q (%v), want %q", file, got, err, want)
					}
				}
				if checked == 0 {
					t.Error("no file of the limit is there")
				}
				cmd, output := start(t, i, "echo inside")
				if err := cmd.Wait(); err != nil || output.String() != "inside\n" {
					t.Errorf("a process inside: %v %q", err, output)
				}
			})
		})
	}
}

// TestThrottled: what an instance waits for because of a limit is counted, and on version 2 the pressure, too.
func TestThrottled(t *testing.T) {
	eachVersion(t, host.CPU|host.Memory, func(t *testing.T, f host.Facts) {
		r := open(t, f, host.CPU|host.Memory)
		i := instance(t, r, policy.Resource{Key: "cpu.max", Limit: 5_000, Period: 100_000}, policy.Resource{Key: "memory.max", Limit: 64 << 20})
		before, err := i.Usage()
		if err != nil || before.Throttled < 0 || before.Swap < -1 {
			t.Fatalf("%+v, %v", before, err)
		}
		// How long it takes to use the time up depends on the machine, so it computes, on memory of its own, until it was stopped once.
		start(t, i, "x=x; while :; do [ ${#x} -gt 1000000 ] || x=$x$x; done")
		after, err := i.Usage()
		for end := time.Now().Add(time.Minute); err == nil && (after.Throttled <= before.Throttled || after.MemoryPeak == 0) && time.Now().Before(end); after, err = i.Usage() {
			time.Sleep(20 * time.Millisecond)
		}
		if err != nil || after.Throttled <= before.Throttled || after.CPU <= 0 && after.CPU != unknown || after.MemoryPeak == 0 {
			t.Errorf("%+v, %v, before: %+v", after, err, before)
		}
		p, _ := i.placeOf(host.CPU)
		if p.Version == 2 && exists(r.kernel, p.base+"/"+i.rel+"/cpu.pressure") && len(after.Pressure) == 0 {
			t.Error("no pressure")
		}
	})
}

// TestPressure reads what the kernel writes.
func TestPressure(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
		"io.pressure":     "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := pressure(linux.New(), dir)
	want := []Pressure{{"memory", "some", 1500 * time.Microsecond}, {"memory", "full", 7 * time.Microsecond}, {"io", "some", 0}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "cpu.pressure"), []byte("some avg10=0.00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := pressure(linux.New(), dir); err == nil {
		t.Errorf("%v", got)
	}
}

func TestLimitThatTheKernelRefuses(t *testing.T) {
	eachVersion(t, host.CPU, func(t *testing.T, f host.Facts) {
		r := open(t, f, host.CPU)
		_, err := r.Instance("web", "0", []policy.Resource{{Key: "cpu.max", Limit: 10, Period: 100_000}}) // below the kernel's millisecond
		if !errors.Is(err, syscall.EINVAL) {
			t.Errorf("got %v, want EINVAL", err)
		}
		for _, p := range r.places {
			if _, err := os.Stat(filepath.Join(p.base, r.top, "web")); !os.IsNotExist(err) {
				t.Errorf("the refused instance left its module's directory in %s (%v)", p.base, err)
			}
		}
	})
}

func TestUnlimited(t *testing.T) {
	eachVersion(t, all, func(t *testing.T, f host.Facts) {
		i := instance(t, open(t, f, all), policy.Resource{Key: "memory.max", Limit: -1},
			policy.Resource{Key: "pids.max", Limit: -1}, policy.Resource{Key: "cpu.max", Limit: -1})
		if cmd, output := start(t, i, "echo fine"); cmd.Wait() != nil || output.String() != "fine\n" {
			t.Errorf("a program without limits said %q", output)
		}
	})
}

func TestPidsLimit(t *testing.T) {
	eachVersion(t, host.Pids, func(t *testing.T, f host.Facts) {
		i := instance(t, open(t, f, host.Pids), policy.Resource{Key: "pids.max", Limit: 4})
		// More processes are wanted than allowed. The shell gives up at the first refusal.
		cmd, output := start(t, i, "for i in 1 2 3 4 5 6 7 8; do sleep 60 >/dev/null 2>&1 & done; wait")
		if err := cmd.Wait(); err == nil || !strings.Contains(output.String(), "fork") {
			t.Errorf("the shell ended with %v and said %q", err, output)
		}
		pids, err := i.Processes()
		if err != nil || len(pids) != 3 {
			t.Errorf("%d processes are left of 8 (%v): %v", len(pids), err, pids)
		}
		events, err := i.Events()
		if err != nil || events.ForksRefused == 0 {
			t.Errorf("events: %+v, %v", events, err)
		}
		usage, err := i.Usage()
		if err != nil || usage.Processes != 3 || usage.Memory != unknown {
			t.Errorf("usage: %+v, %v", usage, err)
		}
	})
}

func TestMemoryLimit(t *testing.T) {
	const hog = "head -c 50331648 /dev/zero | tail -n 1 | wc -c" // tail keeps the whole line
	eachVersion(t, host.Memory, func(t *testing.T, f host.Facts) {
		r := open(t, f, host.Memory)
		roomy, err := r.Instance("web", "roomy", []policy.Resource{{Key: "memory.max", Limit: 512 << 20}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := roomy.Remove(); err != nil {
				t.Error(err)
			}
		}()
		if cmd, output := start(t, roomy, hog); cmd.Wait() != nil || strings.TrimSpace(output.String()) != "50331648" {
			t.Fatalf("with enough memory the program said %q", output)
		}
		if events, err := roomy.Events(); err != nil || events.OOMKills != 0 || events.MemoryMax {
			t.Errorf("with enough memory: %+v, %v", events, err)
		}
		if usage, err := roomy.Usage(); err != nil || usage.MemoryPeak >= 0 && usage.MemoryPeak < 40<<20 || usage.Memory < 0 {
			t.Errorf("usage: %+v, %v", usage, err)
		}

		tight := instance(t, r, policy.Resource{Key: "memory.max", Limit: 16 << 20})
		cmd, output := start(t, tight, hog)
		if _ = cmd.Wait(); strings.TrimSpace(output.String()) == "50331648" {
			t.Errorf("48 MiB fit into 16 MiB")
		}
		if events, err := tight.Events(); err != nil || events.OOMKills == 0 || !events.MemoryMax {
			t.Errorf("with too little memory: %+v, %v; output %q", events, err, output)
		}
	})
}

// TestMemoryLimitAbove: what is killed because a group above has no memory left was not killed by a limit of its own.
func TestMemoryLimitAbove(t *testing.T) {
	const hog = "head -c 50331648 /dev/zero | tail -n 1 | wc -c"
	eachVersion(t, host.Memory, func(t *testing.T, f host.Facts) {
		r := open(t, f, host.Memory)
		i := instance(t, r, policy.Resource{Key: "memory.max", Limit: 512 << 20})
		p, _ := i.placeOf(host.Memory)
		limit := policy.Resource{Key: "memory.max", Limit: 16 << 20}
		for _, s := range p.settings(limit) {
			if err := os.WriteFile(filepath.Join(p.base, i.module, s.file), []byte(s.want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		cmd, output := start(t, i, hog)
		if _ = cmd.Wait(); strings.TrimSpace(output.String()) == "50331648" {
			t.Errorf("48 MiB fit into 16 MiB")
		}
		if events, err := i.Events(); err != nil || events.OOMKills == 0 || events.MemoryMax {
			t.Errorf("%+v, %v; want what was killed for another reason", events, err)
		}
	})
}

// TestKilledTogether: with memory.oom.group the end of one process is the end of all, and without it the others live.
func TestKilledTogether(t *testing.T) {
	const script = "(head -c 50331648 /dev/zero | tail -n 1 | wc -c) 2>/dev/null; echo survived"
	f := probe(t)
	need(t, f, host.Memory)
	if h, _ := f.Cgroup.For(host.Memory); h.Version == 1 {
		t.Skipf("the controller of memory is on version 1, in %s, which has no memory.oom.group", h.Mount)
	}
	for _, together := range []bool{false, true} {
		limits := []policy.Resource{{Key: "memory.max", Limit: 16 << 20}}
		if together {
			limits = append(limits, policy.Resource{Key: "memory.oom.group", Limit: 1})
		}
		r := open(t, f, host.Memory)
		i := instance(t, r, limits...)
		cmd, output := start(t, i, script)
		err := cmd.Wait()
		if survived := strings.Contains(output.String(), "survived"); survived == together || (err != nil) != together {
			t.Errorf("memory.oom.group %t: %q, %v", together, output, err)
		}
		if events, err := i.Events(); err != nil || events.OOMKills == 0 || !events.MemoryMax {
			t.Errorf("memory.oom.group %t: %+v, %v", together, events, err)
		}
		if together {
			continue // the clean-up of this one is the test's
		}
		if err := errors.Join(i.Kill(5*time.Second), i.Remove(), r.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestCountedWithoutLimits: an instance without limits, and one with some of them only, have all the controllers that the groups were opened with.
func TestCountedWithoutLimits(t *testing.T) {
	eachVersion(t, all, func(t *testing.T, f host.Facts) {
		r := open(t, f, all)
		for id, limits := range map[string][]policy.Resource{"none": nil, "one": {{Key: "pids.max", Limit: 9}}} {
			i, err := r.Instance("web", id, limits)
			if err != nil {
				t.Fatal(err)
			}
			cmd, _ := start(t, i, "exec sleep 1000")
			joined(t, i)
			if u, err := i.Usage(); err != nil || u.Processes != 1 || u.Memory < 0 || i.made[0].Version == 2 && u.CPU < 0 {
				t.Errorf("%s: usage %+v, %v", id, u, err)
			}
			if e, err := i.Events(); err != nil || e != (Events{}) {
				t.Errorf("%s: events %+v, %v", id, e, err)
			}
			if err := i.Kill(5 * time.Second); err != nil {
				t.Error(err)
			}
			_ = cmd.Wait() // killed
			if err := i.Remove(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestSameInstanceTwice(t *testing.T) {
	f := probe(t)
	need(t, f, 0)
	r := open(t, f, 0)
	i := instance(t, r)
	if _, err := r.Instance("web", "0", nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second instance of the same name: %v", err)
	}
	if _, err := os.Stat(i.Dirs()[0].Path); err != nil {
		t.Errorf("the refused one took the first one's directory with it: %v", err)
	}
	other, err := r.Instance("web", "1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(i.Dirs()[0].Path); err != nil {
		t.Errorf("removing an instance took its neighbour with it: %v", err)
	}
}

func TestInstanceWithoutModule(t *testing.T) {
	eachVersion(t, host.Memory|host.Pids, func(t *testing.T, f host.Facts) {
		r := open(t, f, host.Memory|host.Pids)
		for range 2 { // the second time the directories have to be made again
			i, err := r.Instance("", "only", []policy.Resource{{Key: "memory.max", Limit: 64 << 20}, {Key: "pids.max", Limit: 9}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Instance("", "another", nil); !errors.Is(err, syscall.EEXIST) {
				t.Errorf("another one at the same time: %v", err)
			}
			for n, d := range i.Dirs() {
				want := r.top
				if d.Version == 2 && i.made[n].controllers != 0 { // processes are below the group that hands them down
					want += "/only"
				}
				if !strings.HasSuffix(d.Path, "/"+want) {
					t.Errorf("%s is not in %s", d.Path, want)
				}
			}
			if cmd, output := start(t, i, "echo fine"); cmd.Wait() != nil || output.String() != "fine\n" {
				t.Errorf("the program said %q", output)
			}
			if err := i.Kill(5 * time.Second); err != nil {
				t.Error(err)
			}
			if err := i.Remove(); err != nil {
				t.Error(err)
			}
			for _, d := range i.Dirs() {
				if _, err := os.Stat(d.Path); !os.IsNotExist(err) {
					t.Errorf("%s was left behind (%v)", d.Path, err)
				}
			}
		}
	})
}

func TestLimitOfAControllerThatWasNotOpened(t *testing.T) {
	f := probe(t)
	need(t, f, 0)
	_, err := open(t, f, 0).Instance("web", "0", []policy.Resource{{Key: "memory.max", Limit: 1 << 20}})
	if err == nil || !strings.Contains(err.Error(), "its controller was not among") {
		t.Errorf("got %v", err)
	}
}

func TestDirs(t *testing.T) {
	f := probe(t)
	needV1(t, f, host.Memory|host.Pids)
	i := instance(t, open(t, version1(f), host.Memory|host.Pids))
	got := map[string]bool{}
	for _, d := range i.Dirs() {
		if st, err := os.Stat(d.Path); err != nil || !st.IsDir() || d.Version != 1 {
			t.Errorf("%+v is no directory of version 1 (%v)", d, err)
		}
		got[d.Controller] = true
	}
	for _, h := range []host.Hierarchy{f.Cgroup.Memory, f.Cgroup.Pids} {
		if !got[filepath.Base(h.Mount)] {
			t.Errorf("no directory for %s among %v", filepath.Base(h.Mount), got)
		}
	}
}

// TestJointMount uses the real cpu hierarchy under the name that systemd gives it, where the library does not find it.
func TestJointMount(t *testing.T) {
	f := version1(probe(t))
	needV1(t, f, host.CPU|host.Pids)
	joint := filepath.Join(t.TempDir(), "cpu,cpuacct")
	if err := os.Symlink(f.Cgroup.CPU.Mount, joint); err != nil {
		t.Fatal(err)
	}
	f.Cgroup.CPU.Dir = joint + strings.TrimPrefix(f.Cgroup.CPU.Dir, f.Cgroup.CPU.Mount)
	f.Cgroup.CPU.Mount = joint
	i := instance(t, open(t, f, host.CPU), policy.Resource{Key: "cpu.max", Limit: 20_000})
	for _, d := range i.Dirs() {
		if d.Controller != "cpu,cpuacct" {
			continue
		}
		got, err := os.ReadFile(d.Path + "/cpu.cfs_quota_us")
		if strings.TrimSpace(string(got)) != "20000" {
			t.Errorf("the quota is %q (%v)", got, err)
		}
		return
	}
	t.Errorf("no joint directory among %+v", i.Dirs())
}

func TestModuleDirectoryStays(t *testing.T) {
	eachVersion(t, host.Memory|host.Pids, func(t *testing.T, f host.Facts) {
		r := open(t, f, host.Memory|host.Pids)
		dirs := func() (found int) {
			for _, p := range r.places {
				if _, err := os.Stat(filepath.Join(p.base, r.top, "web")); err == nil {
					found++
				}
			}
			return found
		}
		for range 2 {
			i, err := r.Instance("web", "0", []policy.Resource{{Key: "pids.max", Limit: 9}})
			if err != nil {
				t.Fatal(err)
			}
			if err := i.Remove(); err != nil {
				t.Fatal(err)
			}
			if got := dirs(); got != len(r.places) {
				t.Errorf("after its instance the module has %d directories, want %d", got, len(r.places))
			}
		}
		places := r.places
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r.places = places
		if got := dirs(); got != 0 {
			t.Errorf("%d directories of the module were left", got)
		}
		r.places = nil
	})
}
