package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// The tests of this file are about limits on version 2 of control groups. `make vm-test` runs them on a kernel that has all of its controllers.

// needsVersion2 skips a test where groups of version 2 have no controllers for this caller: the kernel has them elsewhere or nowhere, or hands none
// down to a group that the caller may write.
func needsVersion2(t testing.TB) {
	t.Helper()
	own := ownGroup(t)
	for dir := own; strings.HasPrefix(dir, version2(t)); dir = filepath.Dir(dir) {
		text, err := os.ReadFile(dir + "/cgroup.controllers")
		if err != nil {
			t.Skipf("there is no version 2 of control groups in %s: %v", dir, err)
		}
		have := strings.Fields(string(text))
		for _, c := range []string{"cpu", "memory", "pids"} {
			if !slices.Contains(have, c) {
				t.Skipf("%s has the controllers %q only", dir, have)
			}
		}
		if unix.Access(dir, unix.W_OK) == nil && unix.Access(dir+"/cgroup.procs", unix.W_OK) == nil {
			return
		}
	}
	t.Skipf("user %d may make no groups in %s or above", os.Geteuid(), own)
}

// version2 is where version 2 is mounted.
func version2(t testing.TB) string {
	t.Helper()
	s, err := takeStock()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range s.mounts {
		if mount, kind, _ := strings.Cut(line, " - "); strings.HasPrefix(kind, "cgroup2 ") {
			return strings.Fields(mount)[4]
		}
	}
	t.Skip("no cgroup2 in /proc/self/mountinfo")
	return ""
}

func ownGroup(t testing.TB) string { return groupOf(t, os.Getpid()) }

// groupOf returns the directory of a process's group of version 2.
func groupOf(t testing.TB, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if group, ok := strings.CutPrefix(line, "0::"); ok {
			return filepath.Join(version2(t), strings.TrimSpace(group))
		}
	}
	t.Skipf("process %d is in no group of version 2", pid)
	return ""
}

// hasLimits checks the files of a process's group.
func hasLimits(t testing.TB, who string, pid int, want map[string]string) {
	t.Helper()
	dir := groupOf(t, pid)
	for file, value := range want {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || strings.TrimSpace(string(text)) != value {
			t.Errorf("%s: %s holds %q (%v), want %q", who, filepath.Join(dir, file), text, err, value)
		}
	}
}

// enforced wants a protection to be reported as being in force, with a text.
func enforced(t testing.TB, m api.Module, protection, text string) {
	t.Helper()
	if !slices.ContainsFunc(m.Enforcement, func(e api.Protection) bool {
		return e.Name == protection && e.Level == "enforced" && strings.Contains(e.Detail, text)
	}) {
		t.Errorf("%s: %s is not reported as enforced by %s: %+v", m.Name, protection, text, m.Enforcement)
	}
}

// TestVersion2Limits: what the policy says is in the kernel's files, for the manager and the modules, before and after each of them is killed; and
// what they use is counted, that of a module without limits too.
func TestVersion2Limits(t *testing.T) {
	t.Parallel()
	needsVersion2(t)
	w := newWeb(t)
	w.lines = []string{"resources: {memory.max: 96M, pids.max: 50, cpu.max: 150%}", "restart: {policy: always, delay: 10ms}"}
	w.modules = []module{{name: "plain", command: []string{place.victim, "sleep:600s"}, lines: []string{"stop_grace_period: 100ms"}}}
	p, url := metered(t, writePolicy(t, w.text()))
	limits := map[string]string{"memory.max": "100663296", "memory.swap.max": "0", "pids.max": "50", "cpu.max": "150000 100000"}
	if _, err := os.Stat(groupOf(t, p.status(t).Modules[0].Instances[0].PID) + "/memory.swap.max"); err != nil {
		delete(limits, "memory.swap.max") // a kernel that does not account swap
	}
	s := p.status(t)
	hasLimits(t, "service", moduleOf(t, s, "service").Instances[0].PID, limits)
	hasLimits(t, "manager", p.status(t).Manager.PID, map[string]string{"memory.max": "134217728", "pids.max": "64"})
	hasLimits(t, "plain", moduleOf(t, s, "plain").Instances[0].PID, map[string]string{"memory.max": "max", "pids.max": "max", "cpu.max": "max 100000"})
	for name := range limits {
		if name != "memory.swap.max" {
			enforced(t, moduleOf(t, s, "service"), name, "control groups version 2")
		}
	}
	samples := scrape(t, url)
	for _, of := range []string{"service", "plain"} {
		for _, name := range []string{"bulkhead_cgroup_memory_bytes", "bulkhead_cgroup_processes"} {
			found := slices.DeleteFunc(slices.Collect(maps.Keys(samples)), func(k string) bool {
				return !strings.HasPrefix(k, name+"{") || !strings.Contains(k, fmt.Sprintf("module=%q", of))
			})
			if len(found) != 1 || samples[found[0]] < 1 {
				t.Errorf("%s of %s: %v", name, of, found)
			}
		}
	}

	if err := unix.Kill(s.Manager.PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	before := pids(s)
	s = p.becomes(t, "another manager", func(s api.Status) bool { return allReady(s) && s.Manager.Restarts == 1 })
	if now := pids(s); !maps.Equal(now, before) {
		t.Errorf("processes %v, want %v", now, before)
	}
	hasLimits(t, "the next manager", p.status(t).Manager.PID, map[string]string{"memory.max": "134217728", "pids.max": "64"})
	if err := unix.Kill(before["service[0]"], unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s = p.becomes(t, "the service is there again", func(s api.Status) bool { return allReady(s) && pids(s)["service[0]"] != before["service[0]"] })
	hasLimits(t, "the next service", pids(s)["service[0]"], limits)
	p.stop(t, unix.SIGTERM)
}

// TestVersion2FirstLimit: a reload brings the first limit that any module has.
func TestVersion2FirstLimit(t *testing.T) {
	t.Parallel()
	needsVersion2(t)
	w := newWeb(t)
	file := writePolicy(t, w.text())
	p := ready(t, file)
	s := p.status(t)
	hasLimits(t, "service", s.Modules[0].Instances[0].PID, map[string]string{"memory.max": "max"})

	end := pressure(t, w.address, 1)
	w = w.next()
	w.lines = []string{"resources: {memory.max: 80M, cpu.max: 90%}"}
	rewrite(t, file, w.text())
	p.reload(t).wants(t, 0)
	end(1)
	now := p.status(t)
	if now.Modules[0].Instances[0].PID == s.Modules[0].Instances[0].PID {
		t.Error("it was not replaced")
	}
	hasLimits(t, "service with limits", now.Modules[0].Instances[0].PID, map[string]string{"memory.max": "83886080", "cpu.max": "90000 100000"})
	enforced(t, now.Modules[0], "memory.max", "control groups version 2")
	p.stop(t, unix.SIGTERM)
}

// TestVersion2OutOfMemory: the module that has no memory left is named with its limit, and started again.
func TestVersion2OutOfMemory(t *testing.T) {
	t.Parallel()
	needsVersion2(t)
	p := supervise(t, policy(t, "", module{name: "hog", command: []string{place.victim, "memory:200000000"},
		lines: []string{"resources: {memory.max: 64M}", "restart: {policy: on-failure, delay: 10ms, burst: 2, window: 1h}"}}))
	const reason = "killed for want of memory: memory.max was reached"
	s := p.becomes(t, "it is held", func(s api.Status) bool { return s.Modules[0].Instances[0].State == "held" })
	if i := s.Modules[0].Instances[0]; i.LastExit != reason || i.Restarts == 0 {
		t.Errorf("%+v", i)
	}
	p.stop(t, unix.SIGTERM)
}

// TestVersion2Killed: a supervisor that is killed leaves its groups, and the next one removes them.
func TestVersion2Killed(t *testing.T) {
	t.Parallel()
	needsVersion2(t)
	w := newWeb(t)
	w.lines = []string{"resources: {memory.max: 96M, pids.max: 50}"}
	file := writePolicy(t, w.text())
	p := ready(t, file)
	instance := pids(p.status(t))["service[0]"]
	p.mayCrash = true
	p.signal(t, unix.SIGKILL)
	<-p.done
	waitFor(t, "the end of the service", func() bool {
		return !slices.ContainsFunc(allProcesses(), func(c process) bool { return c.pid == instance && c.state != "Z" })
	})
	if len(groupsOf(t, p.Process.Pid)) == 0 {
		t.Error("it left no group, so there is nothing to remove: who did it?")
	}
	next := ready(t, file)
	if left := groupsOf(t, p.Process.Pid); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	next.stop(t, unix.SIGTERM)
}

// TestVersion2Alone: a supervisor that is alone in its group, as where systemd delegates one, moves aside so that it can hand controllers down.
// Afterwards the group is as it was.
func TestVersion2Alone(t *testing.T) {
	t.Parallel()
	needsVersion2(t)
	// Next to the test's own group, or below it where that is the root of all groups.
	above := ownGroup(t)
	if above != version2(t) {
		above = filepath.Dir(above)
	}
	dir, err := os.MkdirTemp(above, "alone-")
	if err != nil {
		t.Skipf("user %d may make no group in %s: %v", os.Geteuid(), above, err)
	}
	t.Cleanup(func() {
		if err := unix.Rmdir(dir); err != nil {
			t.Errorf("remove %s: %v", dir, err)
		}
	})
	handed, err := os.ReadFile(dir + "/cgroup.controllers")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(handed), "memory") {
		t.Skipf("%s hands down %q only", above, handed)
	}
	w := newWeb(t)
	w.lines = []string{"resources: {memory.max: 96M, pids.max: 50}"}
	p := command(t, "/bin/sh", "-c", `echo $$ >"$1/cgroup.procs"; shift; exec "$@"`, "sh", dir, place.supervisor,
		"--policy", writePolicy(t, w.text()), "--control", filepath.Join(t.TempDir(), "control.sock")).start(t)
	p.says(t, "running; stop with")
	s := p.becomes(t, "the service is ready", allReady)
	pid := pids(s)["service[0]"]
	hasLimits(t, "service", pid, map[string]string{"memory.max": "100663296", "pids.max": "50"})
	for _, who := range []int{pid, s.Manager.PID, s.PID} {
		if group := groupOf(t, who); !strings.HasPrefix(group, dir+"/") {
			t.Errorf("process %d is in %s, want it below %s", who, group, dir)
		}
	}
	p.stop(t, unix.SIGTERM)
	for _, file := range []string{"cgroup.subtree_control", "cgroup.procs"} {
		if text, err := os.ReadFile(filepath.Join(dir, file)); err != nil || len(text) > 0 {
			t.Errorf("%s holds %q, %v afterwards", file, text, err)
		}
	}
}
