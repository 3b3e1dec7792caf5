package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/tests/diskfile"
)

// TestDisks: a module that reads and one that writes as fast as they can get no more than io.max gives them, which the kernel counts; one without
// a limit gets many times as much meanwhile.
func TestDisks(t *testing.T) {
	if !isRoot() {
		t.Skipf("user %d has no controller of disks on version 1; TestVersion2Disks is about version 2", os.Geteuid())
	}
	disks(t)
}

// TestVersion2Disks is TestDisks where version 2 has the controller.
func TestVersion2Disks(t *testing.T) {
	needsVersion2(t)
	if text, err := os.ReadFile(version2(t) + "/cgroup.controllers"); err != nil || !slices.Contains(strings.Fields(string(text)), "io") {
		t.Skipf("version 2 has the controllers %q, %v", text, err)
	}
	disks(t)
}

func disks(t *testing.T) {
	const rate = 1 << 20
	path, device := diskfile.Make(t, 4<<20)
	use := func(name, what, resources string) module {
		m := module{name: name, command: []string{place.victim, "disk:" + what + "," + path}, files: []string{"{path: " + path + ", access: rw}"},
			lines: []string{"stop_grace_period: 100ms"}}
		if resources != "" {
			m.lines = append(m.lines, "resources: "+resources)
		}
		return m
	}
	p, url := metered(t, policy(t, "", use("reader", "read", "{io.max: {"+path+": {rbps: 1M}}}"),
		use("writer", "write", `{io.max: {"`+device+`": {wbps: 1M}}}`), use("free", "read", "")))
	s := p.status(t)
	enforced(t, moduleOf(t, s, "reader"), "io.max", "("+device+") rbps=1M")
	enforced(t, moduleOf(t, s, "writer"), "io.max", "("+device+") wbps=1M")
	if slices.ContainsFunc(moduleOf(t, s, "reader").Enforcement, func(e api.Protection) bool { return e.Name == "io.max" && strings.Contains(e.Detail, "version 2") }) {
		hasLimits(t, "reader", pids(s)["reader[0]"], map[string]string{"io.max": device + " rbps=1048576 wbps=max riops=max wiops=max"})
	}

	// What is counted is between two moments, of which the first is before the first count and the second after the second.
	count := func() (read, written, free float64) {
		samples := scrape(t, url)
		of := func(module, operation string) float64 {
			for name, value := range samples {
				if strings.HasPrefix(name, "bulkhead_cgroup_io_bytes_total{") && strings.Contains(name, fmt.Sprintf("device=%q", device)) &&
					strings.Contains(name, fmt.Sprintf("module=%q", module)) && strings.Contains(name, fmt.Sprintf("operation=%q", operation)) {
					return value
				}
			}
			return 0
		}
		return of("reader", "read"), of("writer", "write"), of("free", "read")
	}
	began := time.Now()
	read, written, free := count()
	var nowRead, nowWritten, nowFree float64
	waitFor(t, "all three have used the disk, and the one without a limit much", func() bool {
		nowRead, nowWritten, nowFree = count()
		return nowRead > read && nowWritten > written && nowFree-free > 16*rate && time.Since(began) > time.Second
	})
	passed := time.Since(began).Seconds()
	if nowFree-free < 4*rate*passed {
		t.Skipf("this disk gives %.0f bytes in %.1f s without a limit, so a limit of %d bytes a second shows nothing", nowFree-free, passed, rate)
	}
	// A slice of blk-throttle is 100 ms at most; a request is 64 KiB.
	for name, n := range map[string]float64{"reader": nowRead - read, "writer": nowWritten - written} {
		if n > rate*passed+rate/2 {
			t.Errorf("the %s got %.0f bytes in %.3f s at %d bytes a second", name, n, passed, rate)
		}
	}
	t.Logf("in %.2f s: reader %.0f, writer %.0f, free %.0f bytes", passed, nowRead-read, nowWritten-written, nowFree-free)
	p.stop(t, unix.SIGTERM)
}

// TestNoDisk: what is on no disk cannot be limited, and the start says so, unless that is accepted.
func TestNoDisk(t *testing.T) {
	t.Parallel()
	limited := func(lines ...string) string {
		return policy(t, "", module{lines: append(lines, "resources: {io.max: {/proc: {rbps: 1M}, /nowhere: {wiops: 9}}}")})
	}
	r := execVictim(t, limited(), "say:alive").run(t)
	if !isRoot() && strings.Contains(r.stderr, "an ordinary user") {
		needsControlGroups(t, "blkio", r)
	}
	r.wants(t, 2, "cannot enforce io.max: /proc is in a file system (proc) that is not on one block device", "/nowhere: no such file or directory", "best_effort")
	if strings.Contains(r.stdout, "alive") {
		t.Error("it ran")
	}
	r = execVictim(t, limited("best_effort: [io.max]"), "say:alive").run(t)
	r.wants(t, 0)
	if answers(t, r.stdout)["say:alive"].result != "ok" {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
}

// TestDisksStopped: a module whose request would wait for its turn at a disk for four minutes is stopped and killed without waiting for it.
func TestDisksStopped(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		needsVersion2(t)
	}
	path, _ := diskfile.Make(t, 4<<20)
	m := module{name: "slow", command: []string{place.victim, "disk:read," + path + ",1048576"}, files: []string{"{path: " + path + ", access: r}"},
		lines: []string{"stop_grace_period: 100ms", "resources: {io.max: {" + path + ": {rbps: 4K}}}", "best_effort: [io.max]"}}
	for _, how := range []string{"supervised", "in the foreground"} {
		began := time.Now()
		var r result
		if how == "supervised" {
			p := ready(t, policy(t, "", m))
			if e := p.status(t).Modules[0].Enforcement; slices.ContainsFunc(e, func(e api.Protection) bool { return e.Name == "io.max" && e.Level != "enforced" }) {
				t.Skipf("this host limits no disks: %+v", e)
			}
			began = time.Now()
			r = p.stop(t, unix.SIGTERM)
		} else {
			r = supervisor(t, "exec", "--timeout", "500ms", "--policy", policy(t, "", m), "--", place.victim, "disk:read,"+path+",1048576").run(t)
			r.wants(t, 124, "ended because --timeout 500ms was over")
		}
		if passed := time.Since(began); passed > 2*time.Minute { // 1 MiB at 4 KiB a second takes 4:16
			t.Errorf("%s: it took %v to end", how, passed)
		}
		if strings.Contains(r.stderr, "instance.stuck") || strings.Contains(r.stderr, "clean up") {
			t.Errorf("%s: %s", how, r.stderr)
		}
	}
}
