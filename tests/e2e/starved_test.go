package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// many is a policy whose modules use up what there is.
func many(t testing.TB, replicas int) string {
	return policy(t, "", module{name: "many", command: []string{"/usr/bin/sleep", "60"}, lines: []string{fmt.Sprintf("replicas: %d", replicas), "rlimits: {nofile: 32}"},
		files: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}"}})
}

// TestFewDescriptors: the supervisor has no descriptors to begin with, or runs out of them during a launch. What was launched is stopped.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit int
		says  []string
	}{
		{3, []string{"RLIMIT_NOFILE", "is 3", "at least"}},
		{20, []string{"RLIMIT_NOFILE", "is 20", "at least"}},
		{64, []string{"many: ", "too many open files"}},
		{90, []string{"many: ", "too many open files"}},
		{91, []string{"many: ", "too many open files"}},
		{92, []string{"many: ", "too many open files"}},
		{93, []string{"many: ", "too many open files"}}, // one after the other, so that it happens at each of the calls of a launch
	} {
		t.Run(fmt.Sprint(c.limit), func(t *testing.T) {
			p := command(t, "prlimit", fmt.Sprintf("--nofile=%d:%d", c.limit, c.limit), place.supervisor, "--policy", many(t, 60)).start(t)
			r := p.ended(t)
			r.wants(t, 125, c.says...)
			if strings.Contains(r.stderr, "running; stop with") {
				t.Error("it says that everything runs")
			}
			p.leavesNothing(t)
		})
	}
	t.Run("enough", func(t *testing.T) {
		p := command(t, "prlimit", "--nofile=400:400", place.supervisor, "--policy", many(t, 60)).start(t)
		p.says(t, "running; stop with")
		p.stop(t, 15)
	})
}

// TestFewProcesses: the kernel refuses a process during a launch (EAGAIN).
func TestFewProcesses(t *testing.T) {
	t.Parallel()
	const most = 60
	bounded := func(t *testing.T, replicas int) *program {
		file := many(t, replicas)
		if !isRoot() {
			// The kernel does not hold root to this limit.
			return command(t, "prlimit", fmt.Sprintf("--nproc=%d:%d", most, most), place.supervisor, "--policy", file)
		}
		return command(t, "/bin/sh", "-c", `echo 0 >"$0/cgroup.procs" && exec "$@"`, pidsGroup(t, most), place.supervisor, "--policy", file)
	}
	p := bounded(t, 60).start(t)
	r := p.ended(t)
	r.wants(t, 125, "many: ", "clone3", "resource temporarily unavailable", "a limit on processes")
	if n := strings.Count(r.stderr, "msg=started"); n == 0 || n >= most {
		t.Errorf("%d were started before, want some", n)
	}
	p.leavesNothing(t)

	p = bounded(t, 5).start(t)
	p.says(t, "running; stop with")
	p.stop(t, 15)
}

// pidsGroup makes a control group for at most so many processes.
func pidsGroup(t testing.TB, most int) string {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, mount := range cgroupMounts(t) {
		for line := range strings.Lines(string(own)) {
			fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
			// On version 1 the mount has the controllers' name; on version 2 the line has none.
			if fields[1] != filepath.Base(mount) && (fields[0] != "0" || filepath.Base(mount) == fields[1]) {
				continue
			}
			dir := filepath.Join(mount, fields[2], fmt.Sprintf("bulkhead-e2e-%d", os.Getpid()))
			if os.Mkdir(dir, 0o755) != nil {
				continue
			}
			t.Cleanup(func() {
				waitFor(t, "the end of what is in "+dir, func() bool { return os.Remove(dir) == nil })
			})
			if os.WriteFile(filepath.Join(dir, "pids.max"), []byte(fmt.Sprint(most)), 0) == nil {
				return dir
			}
		}
	}
	t.Skipf("no control group of ours (%s) lets us limit the number of processes below it", strings.Join(strings.Fields(string(own)), " "))
	return ""
}

// TestFullDisk: what the supervisor prints cannot be written.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no /dev/full: %v", err)
	}
	defer full.Close()
	for _, args := range [][]string{
		{"policy", "check", filepath.Join(place.root, "tests/testdata/broken.yaml")},
		{"policy", "explain", "--launch", shipped("examples/locked")},
		{"doctor"},
		{"version"},
	} {
		t.Run(args[0], func(t *testing.T) {
			cmd := exec.Command(place.supervisor, args...)
			cmd.Stdout = full
			var stderr strings.Builder
			cmd.Stderr = &stderr
			if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() < 1 || !strings.Contains(stderr.String(), "no space left") {
				t.Errorf("%v, error output %q", err, stderr.String())
			}
		})
	}
}
