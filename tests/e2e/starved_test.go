package e2e

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// sleeper is a module that does nothing, in many instances: they use up what there is.
func sleeper(name string, replicas int) module {
	return module{name: name, command: []string{"/usr/bin/sleep", "60"}, lines: []string{fmt.Sprintf("replicas: %d", replicas), "rlimits: {nofile: 32}"},
		files: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}"}}
}

func many(t testing.TB, replicas int) string { return policy(t, "", sleeper("many", replicas)) }

// TestFewDescriptors: the supervisor has no descriptors to begin with, or runs out of them during a launch. What was launched is stopped.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit int
		says  []string
	}{
		{3, []string{"RLIMIT_NOFILE", "is 3", "at least"}},
		{6, []string{"RLIMIT_NOFILE", "is 6", "at least"}}, // the Go runtime itself would have none left
		{7, []string{"RLIMIT_NOFILE", "is 7", "at least"}},
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
		p.stop(t, unix.SIGTERM)
	})
}

// TestFewProcesses: the kernel refuses a process during a launch (EAGAIN). It is not parallel, because what others of the same user start
// counts, too.
//
// The limit counts threads, and how many the runtime of Go wants depends on the machine; when it is refused one, it aborts. So the limit is set
// when the first instance runs and lifted when one was refused. Whatever happens to come in between, an abort or the last one of the instances,
// is another try's business: what counts is that a refusal ends as it should.
func TestFewProcesses(t *testing.T) {
	const replicas, spare, tries = 100, 20, 30
	file, dir := many(t, replicas), ""
	if isRoot() {
		dir = pidsGroup(t) // the kernel does not hold root to RLIMIT_NPROC
	}
	for try := 0; ; try++ {
		p, limit := bounded(t, dir, file)
		p.mayCrash = true
		p.start(t)
		p.says(t, "event=instance.started")
		limit.set(t, spare+try%5)
		waitFor(t, "a refusal", func() bool { return p.hasEnded() || p.shows("clone3") || p.shows("running; stop with") })
		limit.lift(t)
		if p.shows("running; stop with") && try < tries {
			p.stop(t, unix.SIGTERM)
			continue
		}
		r := p.ended(t)
		if r.crashed() && strings.Contains(r.stderr, "Resource temporarily unavailable") && try < tries {
			waitFor(t, "the end of what it had launched", func() bool {
				reapOrphans()
				return len(descendants(os.Getpid())) == 0
			})
			continue
		}
		r.wants(t, 125, "many: ", "clone3", "resource temporarily unavailable", "a limit on processes")
		if n := strings.Count(r.stderr, "event=instance.started"); n == 0 || n >= replicas {
			t.Errorf("%d were started before, want some", n)
		}
		p.leavesNothing(t)
		break
	}
	p, limit := bounded(t, dir, many(t, 3))
	p.start(t)
	limit.set(t, 1000)
	p.says(t, "running; stop with")
	p.stop(t, unix.SIGTERM)
}

// bound is a limit on the processes of a supervisor.
type bound struct {
	p   *program
	dir string // of the control group that it is in; empty for a limit of the user
}

// bounded prepares a run of the supervisor whose processes can be limited.
func bounded(t testing.TB, dir, file string) (*program, bound) {
	t.Helper()
	p := supervisor(t, "--policy", file)
	if dir != "" {
		p = command(t, "/bin/sh", append([]string{"-c", `echo 0 >"$0/cgroup.procs" && exec "$@"`, dir}, p.Args...)...)
	}
	return p, bound{p, dir}
}

// set allows so many processes more than there are.
func (b bound) set(t testing.TB, spare int) {
	t.Helper()
	if b.dir == "" {
		b.user(t, uint64(threadsOf(t, os.Geteuid())+spare))
		return
	}
	text, err := os.ReadFile(filepath.Join(b.dir, "pids.current"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	b.group(t, strconv.Itoa(n+spare))
}

// lift allows what was allowed before.
func (b bound) lift(t testing.TB) {
	t.Helper()
	if b.dir == "" {
		b.user(t, math.MaxUint64)
		return
	}
	b.group(t, "max")
}

func (b bound) group(t testing.TB, most string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "pids.max"), []byte(most), 0); err != nil {
		t.Fatal(err)
	}
}

// user sets the soft limit, which may be raised again. Only the spawner has it; the manager and the modules inherited another one.
func (b bound) user(t testing.TB, most uint64) {
	t.Helper()
	var l unix.Rlimit
	err := unix.Prlimit(b.p.Process.Pid, unix.RLIMIT_NPROC, nil, &l)
	if err == nil {
		l.Cur = min(most, l.Max)
		err = unix.Prlimit(b.p.Process.Pid, unix.RLIMIT_NPROC, &l, nil)
	}
	if err != nil && err != unix.ESRCH { // it may have ended
		t.Fatalf("limit the processes of %s: %v", b.p, err)
	}
}

// TestRefusedAtExec: the module's own limit is reached by its second instance, which the kernel then does not let execute. Source: execve(2), EAGAIN.
func TestRefusedAtExec(t *testing.T) {
	if !isRoot() {
		t.Skipf("this is user %d, of whom each instance is alone in a user namespace, in which the kernel counts its processes (Linux 5.14): the run as root has it",
			os.Geteuid())
	}
	text := strings.Replace(policyText(sleeper("one", 5)), "user: nobody", "user: news", 1)
	file := writePolicy(t, strings.Replace(text, "nofile: 32", "nproc: 1", 1))
	p := supervisor(t, "--policy", file).start(t)
	r := p.ended(t)
	r.wants(t, 125, "one: execveat: resource temporarily unavailable")
	p.leavesNothing(t)
}

// pidsGroup makes a control group in which the number of processes can be limited. The test must not be parallel.
func pidsGroup(t testing.TB) string {
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
			dir, err := os.MkdirTemp(filepath.Join(mount, fields[2]), "bulkhead-e2e-")
			if err != nil {
				continue
			}
			t.Cleanup(func() {
				waitFor(t, "the end of what is in "+dir, func() bool {
					reapOrphans() // who are still in it
					return os.Remove(dir) == nil
				})
			})
			if os.WriteFile(filepath.Join(dir, "pids.max"), []byte("max"), 0) == nil {
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
