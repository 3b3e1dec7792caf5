package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// needsControlGroups skips a test of a limit that this caller cannot have, once the supervisor has refused it for a reason that
// the kernel confirms.
func needsControlGroups(t *testing.T, controller string, r result) {
	t.Helper()
	if isRoot() || !strings.Contains(r.stderr, "this host cannot enforce") {
		return
	}
	r.wants(t, 2, "control groups of version 1 cannot be delegated to an ordinary user", "best_effort")
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		// A hierarchy of version 2 has the number 0 and no names.
		if fields := strings.SplitN(strings.TrimSpace(line), ":", 3); fields[0] != "0" && strings.Contains(","+fields[1]+",", ","+controller+",") {
			t.Skipf("an ordinary user, and the %s controller is on a version 1 hierarchy: %s", controller, line)
		}
	}
	t.Fatalf("it says that the %s controller is on version 1; /proc/self/cgroup says:\n%s", controller, text)
}

func TestForkBomb(t *testing.T) {
	t.Parallel()
	const most, bomb = 40, "forks:200"
	if got := outside(t, bomb)[bomb]; got != (answer{"ok", "200"}) {
		t.Fatalf("%s proves nothing: outside %v", bomb, got)
	}
	r := execVictim(t, policy(t, "", module{lines: []string{fmt.Sprintf("resources: {pids.max: %d}", most)}}), bomb, "say:alive").run(t)
	needsControlGroups(t, "pids", r)
	r.wants(t, 0)
	got := answers(t, r.stdout)
	if n, err := strconv.Atoi(got[bomb].detail); err != nil || n == 0 || n >= most || got[bomb].result != "EAGAIN" {
		t.Errorf("%s: %v, want EAGAIN before %d", bomb, got[bomb], most)
	}
	if got["say:alive"].result != "ok" {
		t.Error("it did not live on")
	}
}

// TestLimitsInForce: every limit that both versions have can be written by the supervisor as it is, under its own list of operations.
func TestLimitsInForce(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		t.Skipf("user %d may not have every controller; TestVersion2Limits is about those that are handed down", os.Geteuid())
	}
	limits := []string{"memory.max: 64M", "pids.max: 50", "cpu.max: 90%", "cpu.weight: 50", "cpuset.cpus: [0]"}
	p := ready(t, policy(t, "", module{command: []string{place.victim, "sleep:600s"}, lines: []string{"stop_grace_period: 100ms", "resources: {" + strings.Join(limits, ", ") + "}"}}))
	m := p.status(t).Modules[0]
	for _, limit := range limits {
		key, _, _ := strings.Cut(limit, ":")
		enforced(t, m, key, "control groups version")
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(m.Instances[0].PID, &set); err != nil || set.Count() != 1 || !set.IsSet(0) {
		t.Errorf("it may run on %v, %v; want processor 0", set, err)
	}
	p.stop(t, unix.SIGTERM)
}

// TestForkBombRlimit is the limit that an ordinary user has, too. It is not parallel: the kernel counts all processes of a user.
func TestForkBombRlimit(t *testing.T) {
	const bomb, spare = "forks:200", 60
	most := spare
	if isRoot() {
		if others := processesOf(t, 9); len(others) > 0 {
			t.Skipf("user 9 (news) has processes: %v", others)
		}
	} else {
		most += threadsOf(t, os.Geteuid())
	}
	p := policy(t, "", module{lines: []string{"user: news", fmt.Sprintf("rlimits: {nproc: %d}", most)}})
	got := inside(t, p, bomb)[bomb]
	if n, err := strconv.Atoi(got.detail); err != nil || n == 0 || n >= most || got.result != "EAGAIN" {
		t.Errorf("%s: %v, want EAGAIN before %d", bomb, got, most)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	const hog = "memory:200000000"
	if got := outside(t, hog)[hog]; got.result != "ok" {
		t.Fatalf("%s proves nothing: outside %v", hog, got)
	}
	p := policy(t, "", module{name: "hog", lines: []string{"resources: {memory.max: 64M}"}})
	r := execVictim(t, p, "memory:1000000", hog).run(t)
	needsControlGroups(t, "memory", r)
	r.wants(t, 137, "hog: killed for want of memory: memory.max was reached")
	if got := answers(t, r.stdout); len(got) != 1 || got["memory:1000000"].result != "ok" {
		t.Errorf("answers: %v, want one, to what fits", got)
	}
}

func TestDescriptorLimit(t *testing.T) {
	t.Parallel()
	const many = "opens:500"
	if got := outside(t, many)[many]; got.result != "ok" {
		t.Fatalf("%s proves nothing: outside %v", many, got)
	}
	got := inside(t, policy(t, "", module{lines: []string{"rlimits: {nofile: 100}"}}), many)[many]
	if n, err := strconv.Atoi(got.detail); err != nil || n < 50 || n >= 100 || got.result != "EMFILE" {
		t.Errorf("%s: %v, want EMFILE before 100", many, got)
	}
}

// TestFileSizeLimit: a program that writes more gets SIGXFSZ, or EFBIG when it ignores that, as Go's runtime does.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	if got := outside(t, "fill:"+dir+"/big,300000"); got["fill:"+dir+"/big,300000"].result != "ok" {
		t.Fatalf("proves nothing: outside %v", got)
	}
	p := policy(t, "", module{files: []string{"{path: /tmp, tmpfs: 4M, access: rw}"}, lines: []string{"rlimits: {fsize: 100K}"}})
	const try = "fill:/tmp/big,300000"
	r := execVictim(t, p, "ignore:25", try).run(t)
	r.wants(t, 0)
	if got := answers(t, r.stdout)[try]; got.result != "EFBIG" {
		t.Errorf("%s: %v, want EFBIG", try, got)
	}
}

func processesOf(t testing.TB, uid int) []int {
	t.Helper()
	var out []int
	for _, p := range allProcesses() {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
		if err == nil && strings.Contains(string(status), fmt.Sprintf("\nUid:\t%d\t", uid)) {
			out = append(out, p.pid)
		}
	}
	return out
}

// threadsOf counts the threads of a user, as RLIMIT_NPROC does.
func threadsOf(t testing.TB, uid int) int {
	t.Helper()
	n := 0
	for _, pid := range processesOf(t, uid) {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		n += len(threads)
	}
	return n
}

// landlockABI returns the version of Landlock that this kernel has, 0 for none. Source: landlock_create_ruleset(2).
func landlockABI() int {
	const version = 1
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, version)
	if errno != 0 {
		return 0
	}
	return int(abi)
}
