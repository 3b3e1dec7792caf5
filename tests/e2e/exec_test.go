package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// locked prepares a shell script under the shipped policy for any command.
func locked(t testing.TB, script string) *program {
	t.Helper()
	return supervisor(t, "exec", "--policy", shipped("examples/locked"), "--", "/bin/sh", "-c", script)
}

func TestExecStatus(t *testing.T) {
	t.Parallel()
	plain := writeFile(t, filepath.Join(openDir(t), "plain"), "text", 0o644)
	withPlain := policy(t, "", module{files: []string{fmt.Sprintf("{path: %s, access: rx}", plain)}})
	for _, c := range []struct {
		name    string
		policy  string // the shipped one when empty
		command []string
		status  int
		says    []string
	}{
		{name: "its own status", command: []string{"/bin/sh", "-c", "exit 7"}, status: 7},
		{name: "success", command: []string{"/bin/true"}, status: 0},
		{name: "found along PATH", command: []string{"true"}, status: 0},
		{name: "killed by itself", command: []string{"/bin/sh", "-c", "kill -9 $$"}, status: 137},
		{name: "terminated by itself", command: []string{"/bin/sh", "-c", "kill -TERM $$"}, status: 143},
		{name: "crashed", command: []string{"/bin/sh", "-c", "kill -SEGV $$"}, status: 139},
		{name: "a file that is not there", command: []string{"/bin/cat", "/etc/shadow"}, status: 1, says: []string{"/etc/shadow: No such file or directory"}},
		{name: "no such command", command: []string{"/usr/bin/no-such-command"}, status: 127, says: []string{"/usr/bin/no-such-command", "no such file or directory"}},
		{name: "nowhere along PATH", command: []string{"no-such-command"}, status: 127, says: []string{"no-such-command"}},
		{name: "a directory", command: []string{"/usr/bin"}, status: 126, says: []string{"/usr/bin is a directory"}},
		{name: "not executable", policy: withPlain, command: []string{plain}, status: 126, says: []string{plain + " is not executable"}},
		{name: "not in the root", policy: withPlain, command: []string{"/usr/bin/true"}, status: 126, says: []string{"/usr/bin/true", "not in the filesystem list"}},
		{name: "its loader is not in the root", policy: policy(t, "", module{files: []string{"{path: /usr/bin, access: rx}"}}), command: []string{"/usr/bin/true"},
			status: 126, says: []string{"/usr/bin/true", "ld-linux", "not in the filesystem list"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.policy == "" {
				c.policy = shipped("examples/locked")
			}
			r := supervisor(t, append([]string{"exec", "--policy", c.policy, "--"}, c.command...)...).run(t)
			r.wants(t, c.status, c.says...)
		})
	}
}

// TestExecTimers: the timers of the command are as exact as those of who started the supervisor, whatever threads this has.
func TestExecTimers(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread() // ends with the test, and is inherited by what it starts
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 123456, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	if r := locked(t, "cat /proc/self/timerslack_ns").run(t); r.status != 0 || r.stdout != "123456\n" {
		t.Errorf("status %d, %q, want the slack of this thread", r.status, r.stdout)
	}
}

func TestExecUsage(t *testing.T) {
	t.Parallel()
	two := policy(t, "", module{name: "one"}, module{name: "two", lines: []string{"user: daemon"}})
	withSocket := policy(t, "listeners: {web: {address: \"127.0.0.1:1\"}}\n", module{lines: []string{"listeners: {web: 3}"}})
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   []string
	}{
		{"no policy", []string{"exec", "--", "/bin/true"}, 2, []string{"--policy"}},
		{"no such policy", []string{"exec", "--policy", "/nonexistent/p.yaml", "--", "/bin/true"}, 2, []string{"/nonexistent/p.yaml", "no such file"}},
		{"no such flag", []string{"exec", "--no-such-flag"}, 2, []string{"--no-such-flag"}},
		{"no such module", []string{"exec", "--policy", two, "--module", "three"}, 2, []string{`"three"`, "one, two"}},
		{"which module", []string{"exec", "--policy", two}, 2, []string{"one, two", "--module"}},
		{"a module", []string{"exec", "--policy", two, "--module", "two"}, 0, nil},
		{"a module with listeners", []string{"exec", "--policy", withSocket}, 2, []string{"listeners"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			supervisor(t, c.args...).run(t).wants(t, c.status, c.says...)
		})
	}
}

func TestExecStreams(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	in := make([]byte, 2*mib)
	for i := range in {
		in[i] = byte(rand.Uint32())
	}
	p := locked(t, fmt.Sprintf("head -c %d; head -c %d >&2; exit 5", mib, mib))
	p.Stdin = bytes.NewReader(in)
	r := p.run(t)
	if r.status != 5 || r.stdout != string(in[:mib]) || r.stderr != string(in[mib:]) {
		t.Errorf("status %d, want 5; %d and %d bytes came back, want the same %d each", r.status, len(r.stdout), len(r.stderr), mib)
	}
}

// TestExecClosedStreams: what is closed must not become something else of the supervisor's.
func TestExecClosedStreams(t *testing.T) {
	t.Parallel()
	for name, closed := range map[string]string{"input": "<&-", "output": ">&-", "error": "2>&-", "all": "<&- >&- 2>&-"} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(openDir(t), "out")
			writeFile(t, out, "", 0o666)
			p := policy(t, "", module{files: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}",
				fmt.Sprintf("{path: %s, access: rw}", out)}})
			script := fmt.Sprintf(`exec "$@" %s`, closed)
			r := command(t, "/bin/sh", "-c", script, "sh", place.supervisor, "exec", "--policy", p, "--", "/bin/sh", "-c",
				`for fd in 0 1 2; do readlink /proc/$$/fd/$fd || echo none; done >`+out).run(t)
			r.wants(t, 0)
			text, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Fields(string(text))
			for fd, sign := range map[int]string{0: "<&-", 1: ">&-", 2: "2>&-"} {
				if fd == 1 {
					continue // the file
				}
				if strings.Contains(" "+closed, " "+sign) && (len(lines) != 3 || lines[fd] != "/dev/null" && lines[fd] != "none") {
					t.Errorf("descriptor %d is %v, want /dev/null or nothing", fd, lines)
				}
			}
		})
	}
}

func TestExecSignals(t *testing.T) {
	t.Parallel()
	patient := policy(t, "", module{lines: []string{"stop_grace_period: 60s"}})
	brief := policy(t, "", module{lines: []string{"stop_grace_period: 400ms"}})
	for _, c := range []struct {
		name     string
		policy   string
		attempts []string
		send     []syscall.Signal
		status   int
		says     string
		least    time.Duration // that it takes
	}{
		{name: "ends it", policy: patient, attempts: []string{"say:ready", "sleep:20s"}, send: []syscall.Signal{unix.SIGTERM}, status: 143},
		{name: "is handled", policy: patient, attempts: []string{"ready"}, send: []syscall.Signal{unix.SIGTERM}, status: 0, says: "asked with terminated"},
		{name: "is passed on", policy: patient, attempts: []string{"ready"}, send: []syscall.Signal{unix.SIGQUIT}, status: 0, says: "asked with quit"},
		{name: "interrupt", policy: patient, attempts: []string{"ready"}, send: []syscall.Signal{unix.SIGINT}, status: 0, says: "asked with interrupt"},
		{name: "hang up", policy: patient, attempts: []string{"say:ready", "sleep:20s"}, send: []syscall.Signal{unix.SIGHUP}, status: 129},
		{name: "is ignored", policy: brief, attempts: []string{"ignore:15", "say:ready", "sleep:20s"}, send: []syscall.Signal{unix.SIGTERM}, status: 137,
			least: 400 * time.Millisecond},
		{name: "is ignored twice", policy: patient, attempts: []string{"ignore:15", "say:ready", "sleep:20s"}, send: []syscall.Signal{unix.SIGTERM, unix.SIGTERM}, status: 137},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := execVictim(t, c.policy, c.attempts...).start(t)
			p.says(t, "ready")
			begin := time.Now()
			for i, sig := range c.send {
				if i > 0 {
					time.Sleep(700 * time.Millisecond) // what comes earlier is taken for the same request
				}
				p.signal(t, sig)
			}
			r := p.ended(t)
			r.wants(t, c.status)
			if !strings.Contains(r.stdout, c.says) {
				t.Errorf("output %q does not contain %q", r.stdout, c.says)
			}
			if took := time.Since(begin); took < c.least || took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestExecUnderNohup: a hang-up that is ignored when it starts is none for the command either.
func TestExecUnderNohup(t *testing.T) {
	t.Parallel()
	e := execVictim(t, policy(t, "", module{}), "ready")
	e.Path, e.Args = "/usr/bin/nohup", append([]string{"nohup"}, e.Args...)
	p := e.start(t)
	p.says(t, "ready")
	p.signal(t, unix.SIGHUP)
	p.signal(t, unix.SIGTERM)
	r := p.ended(t)
	if r.wants(t, 0); !strings.Contains(r.stdout, "asked with terminated") || strings.Contains(r.stdout, "hangup") {
		t.Errorf("output %q", r.stdout)
	}
}

// marker is an argument of sleep by which a test finds its own processes again.
func marker() string { return fmt.Sprintf("%d.%09d", 600+rand.IntN(300), rand.IntN(1e9)) }

// daemons starts processes that outlive the shell: a child, one in a session of its own, and one that lost its parent, too.
func daemons(mark string) string {
	return fmt.Sprintf("sleep %s & setsid sleep %s & (setsid sh -c 'sleep %s & sleep %s' &)", mark, mark, mark, mark)
}

func TestExecBackground(t *testing.T) {
	t.Parallel()
	mark := marker()
	// Outside they stay.
	control := command(t, "/bin/sh", "-c", daemons(mark)+"; echo done")
	control.Stdin, control.Stdout, control.Stderr = nil, nil, nil
	control.run(t)
	waitFor(t, "daemons outside", func() bool { return len(running("sleep "+mark)) >= 4 })
	waitFor(t, "the end of the daemons outside", func() bool {
		left := running(mark)
		for _, p := range left {
			_ = unix.Kill(p.pid, unix.SIGKILL) // it may have ended
		}
		return len(left) == 0
	})

	mark = marker()
	p := locked(t, daemons(mark)+"; sleep 0.2; echo started; read line; exit 3")
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.start(t)
	p.says(t, "started")
	if n := len(running("sleep " + mark)); n < 4 {
		t.Fatalf("%d daemons run inside, want 4", n)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	// They hold the streams open: it ends all the same, because they do.
	p.ended(t).wants(t, 3)
	if left := running(mark); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestExecParentDeath kills the supervisor in a way that leaves it no time to clean up.
func TestExecParentDeath(t *testing.T) {
	t.Parallel()
	mark := marker()
	p := locked(t, daemons(mark)+"; sleep 0.2; echo started; sleep "+mark).start(t)
	p.says(t, "started")
	if n := len(running("sleep " + mark)); n < 5 {
		t.Fatalf("%d processes run inside, want 5", n)
	}
	pid := p.Process.Pid
	groups := groupsOf(t, pid)
	if isRoot() && len(groups) == 0 {
		t.Error("as root it has no control group")
	}
	p.signal(t, unix.SIGKILL)
	if r := p.ended(t); r.status != 137 {
		t.Errorf("status %d", r.status)
	}
	waitFor(t, "the end of everything that the supervisor started", func() bool { return len(running(mark)) == 0 })
	// What only a living process can remove is removed by the next one.
	locked(t, "exit 0").run(t).wants(t, 0)
	if left := groupsOf(t, pid); len(left) > 0 {
		t.Errorf("the next supervisor left %v of the one that was killed", left)
	}
}

// groupsOf finds the control groups of a supervisor.
func groupsOf(t testing.TB, pid int) []string {
	t.Helper()
	var out []string
	for _, mount := range cgroupMounts(t) {
		_ = filepath.WalkDir(mount, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), fmt.Sprintf("bulkhead-%d-", pid)) {
				out = append(out, path)
				return filepath.SkipDir
			}
			return nil
		})
	}
	return out
}

func cgroupMounts(t testing.TB) []string {
	t.Helper()
	s, err := takeStock()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, line := range s.mounts {
		if mount, kind, _ := strings.Cut(line, " - "); strings.HasPrefix(kind, "cgroup") {
			out = append(out, strings.Fields(mount)[4])
		}
	}
	return out
}
