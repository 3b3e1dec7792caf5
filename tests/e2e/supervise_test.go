package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// supervise starts the supervisor with a policy and waits until everything runs.
func supervise(t testing.TB, policy string, flags ...string) *program {
	t.Helper()
	p := supervisor(t, append([]string{"--policy", policy}, flags...)...).start(t)
	p.says(t, "running; stop with")
	return p
}

// stop ends the supervisor and wants nothing of it to be left.
func (p *program) stop(t testing.TB, sig syscall.Signal) result {
	t.Helper()
	p.signal(t, sig)
	r := p.ended(t)
	r.wants(t, 0, "stopping")
	p.leavesNothing(t)
	return r
}

func (p *program) leavesNothing(t testing.TB) {
	t.Helper()
	pid := p.Process.Pid
	if left := groupsOf(t, pid); len(left) > 0 {
		t.Errorf("control groups are left: %v", left)
	}
	if left := descendants(pid); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// freePort returns a port of an address that nobody listens on.
func freePort(t testing.TB, network, host string) int {
	t.Helper()
	l, err := net.Listen(network, net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// ask connects and returns all that it gets.
func ask(t testing.TB, network, address string) string {
	t.Helper()
	c, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		t.Errorf("connect to %s: %v", address, err)
		return ""
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("read from %s: %v", address, err)
	}
	return strings.TrimSpace(string(text))
}

// listeners are the three kinds, for a test of its own.
type listeners struct{ four, six, path string }

func newListeners(t testing.TB) listeners {
	l := listeners{four: fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp4", "127.0.0.1")), path: filepath.Join(openDir(t), "s")}
	if _, err := os.Stat("/proc/net/if_inet6"); err == nil {
		l.six = fmt.Sprintf("[::1]:%d", freePort(t, "tcp6", "::1"))
	}
	return l
}

func (l listeners) text() string {
	text := fmt.Sprintf("listeners:\n  four: {address: %q, backlog: 16}\n  local: {address: \"unix:%s\", mode: \"0666\"}\n", l.four, l.path)
	if l.six != "" {
		text += fmt.Sprintf("  six: {address: %q}\n", l.six)
	}
	return text
}

func TestSuperviseListeners(t *testing.T) {
	t.Parallel()
	l := newListeners(t)
	sockets := "listeners: {six: 3, four: 4}"
	if l.six == "" {
		t.Log("this kernel has no IPv6")
		sockets = "listeners: {four: 3}"
	}
	serve := []string{place.victim, "serve"}
	p := supervise(t, policy(t, l.text(), module{name: "one", command: serve, lines: []string{sockets}},
		module{name: "second", command: serve, lines: []string{"user: daemon", "listeners: {local: 3}"}}))
	p.says(t, "one    | serving\n")
	p.says(t, "second | serving\n")

	// The name and number of the socket that was asked, and who answers.
	four := strings.Fields(ask(t, "tcp", l.four))
	if want := map[bool]string{true: "4", false: "3"}[l.six != ""]; len(four) != 3 || four[0] != "four" || four[1] != want {
		t.Errorf("%s answers %v, want four and %s", l.four, four, want)
	}
	if l.six != "" {
		six := strings.Fields(ask(t, "tcp", l.six))
		if len(six) != 3 || six[0] != "six" || six[1] != "3" || len(four) == 3 && six[2] != four[2] {
			t.Errorf("%s answers %v, want six, 3 and the same process as %v", l.six, six, four)
		}
	}
	local := strings.Fields(ask(t, "unix", l.path))
	if len(local) != 3 || local[0] != "local" || local[1] != "3" {
		t.Errorf("%s answers %v, want local and 3", l.path, local)
	}
	r := p.stop(t, unix.SIGTERM)
	for _, line := range []string{"one    | stopped\n", "second | stopped\n"} {
		if !strings.Contains(r.stdout, line) {
			t.Errorf("the output has no line %q:\n%s", line, r.stdout)
		}
	}
	// What was started last ends first.
	if at := strings.Index(r.stdout, "second | stopped"); at > strings.Index(r.stdout, "one    | stopped") {
		t.Errorf("one stopped before second:\n%s", r.stdout)
	}
	if _, err := os.Stat(l.path); err == nil {
		t.Errorf("%s is left", l.path)
	}
	if c, err := net.Dial("tcp", l.four); err == nil {
		c.Close()
		t.Errorf("somebody still listens on %s", l.four)
	}
}

// TestSuperviseLaunchFails has a second module whose launch fails at a step that the policy asked for.
func TestSuperviseLaunchFails(t *testing.T) {
	t.Parallel()
	l := newListeners(t)
	file := policy(t, strings.Replace(l.text(), "  six:", "  more:", 1), module{name: "good", command: []string{place.victim, "ready"}, lines: []string{"listeners: {local: 3}"}},
		module{name: "bad", lines: []string{"user: daemon", fmt.Sprintf("listeners: {four: 3%s}", map[bool]string{true: ", more: 4"}[l.six != ""]),
			fmt.Sprintf("rlimits: {nofile: %d}", tooMany(t))}})
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line := 1 + strings.Count(string(source[:strings.Index(string(source), "rlimits:")]), "\n")
	p := supervisor(t, "--policy", file).start(t)
	r := p.ended(t)
	r.wants(t, 125, "bad: prlimit64: operation not permitted", fmt.Sprintf("(policy %s:%d)", file, line))
	if strings.Contains(r.stderr, "running; stop with") {
		t.Error("it says that everything runs")
	}
	p.leavesNothing(t)
	if _, err := os.Stat(l.path); err == nil {
		t.Errorf("%s is left", l.path)
	}
}

func TestSuperviseOutput(t *testing.T) {
	t.Parallel()
	file := policy(t, "", module{name: "noisy", command: []string{place.victim, "flood:3000,100", "flood:1,40000", "say:end"}},
		module{name: "shell", command: []string{"/bin/sh", "-c", "echo out; echo err >&2; printf 'no end of line'"},
			files: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}"}, lines: []string{"user: daemon"}})
	t.Run("text", func(t *testing.T) {
		r := supervisor(t, "--policy", file).run(t)
		r.wants(t, 0, "shell | err\n")
		lines := strings.Split(r.stdout, "\n")
		count := func(line string) int {
			n := 0
			for _, l := range lines {
				if l == line {
					n++
				}
			}
			return n
		}
		if n := count("noisy | " + strings.Repeat("x", 100)); n != 3000 {
			t.Errorf("%d lines of 3000 came", n)
		}
		long := 0
		for _, l := range lines {
			if rest, ok := strings.CutPrefix(l, "noisy | "); ok && len(rest) > 100 {
				long += len(rest)
			}
		}
		if long != 40000 {
			t.Errorf("%d characters of the long line came, want 40000", long)
		}
		for _, line := range []string{"shell | out", "shell | no end of line", "noisy | say:end\tok\tend"} {
			if count(line) != 1 {
				t.Errorf("%d lines %q, want 1", count(line), line)
			}
		}
	})
	t.Run("json", func(t *testing.T) {
		r := supervisor(t, "--policy", file, "--log-format", "json").run(t)
		r.wants(t, 0)
		found := false
		for line := range strings.Lines(r.stdout + r.stderr) {
			var record map[string]any
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			found = found || record["module"] == "shell" && record["stream"] == "stderr" && record["line"] == "err"
		}
		if !found {
			t.Error("no record of the line on the error output")
		}
	})
}

func TestSuperviseExits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		attempts []string
		lines    []string
		status   int
		report   string
	}{
		{"well", []string{"say:done"}, nil, 0, "exited"},
		{"with a status", []string{"exit:3"}, nil, 1, "exited with status 3"},
		{"with a signal", []string{"raise:9"}, nil, 1, "killed by SIGKILL"},
		{"by the filter", []string{"x32"}, nil, 1, "killed by SIGSYS"},
		{"for want of memory", []string{"memory:200000000"}, []string{"resources: {memory.max: 64M}"}, 1, "killed for want of memory: memory.max was reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := supervisor(t, "--policy", policy(t, "", module{name: "brief", command: append([]string{place.victim}, c.attempts...), lines: c.lines})).start(t)
			r := p.ended(t)
			if c.lines != nil {
				needsControlGroups(t, "memory", r)
			}
			r.wants(t, c.status, c.report)
			if !slices.ContainsFunc(strings.Split(r.stderr, "\n"), func(l string) bool {
				return strings.Contains(l, c.report) && strings.Contains(l, "module=brief")
			}) {
				t.Errorf("no line has the report and the module:\n%s", r.stderr)
			}
			p.leavesNothing(t)
		})
	}
}

func TestSuperviseStop(t *testing.T) {
	t.Parallel()
	stubborn := func(grace string) module {
		return module{name: "stubborn", command: []string{place.victim, "ignore:15", "say:ready", "sleep:60s"}, lines: []string{"stop_grace_period: " + grace}}
	}
	t.Run("SIGINT", func(t *testing.T) {
		t.Parallel()
		p := supervise(t, policy(t, "", module{command: []string{place.victim, "ready"}, lines: []string{"stop_signal: SIGQUIT"}}))
		p.says(t, "m | ready\n")
		if r := p.stop(t, unix.SIGINT); !strings.Contains(r.stdout, "m | asked with quit\n") {
			t.Errorf("it did not get its stop signal:\n%s", r.stdout)
		}
	})
	t.Run("grace period", func(t *testing.T) {
		t.Parallel()
		p := supervise(t, policy(t, "", stubborn("300ms")))
		p.says(t, "say:ready")
		begin := time.Now()
		r := p.stop(t, unix.SIGTERM)
		if took := time.Since(begin); took < 300*time.Millisecond || took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		r.wants(t, 0, "stubborn is still running; killing it", "killed by SIGKILL")
	})
	t.Run("a stopped one", func(t *testing.T) {
		t.Parallel()
		p := supervise(t, policy(t, "", module{command: []string{place.victim, "say:ready", "raise:19", "sleep:60s"}, lines: []string{"stop_grace_period: 300ms"}}))
		p.says(t, "say:ready")
		p.stop(t, unix.SIGTERM).wants(t, 0, "killed by SIG")
	})
	t.Run("asked twice", func(t *testing.T) {
		t.Parallel()
		p := supervise(t, policy(t, "", stubborn("60s")))
		p.says(t, "say:ready")
		p.signal(t, unix.SIGTERM)
		p.says(t, "stopping")
		p.signal(t, unix.SIGTERM) // at once: the same request again, as timeout(1) makes it
		time.Sleep(700 * time.Millisecond)
		if strings.Contains(p.stderr.String(), "asked again") {
			t.Error("one request that came twice was taken for two")
		}
		p.signal(t, unix.SIGINT)
		r := p.ended(t)
		r.wants(t, 1, "asked again: killing what is left") // it was not stopped as its policy says
		p.leavesNothing(t)
	})
	t.Run("SIGHUP changes nothing", func(t *testing.T) {
		t.Parallel()
		p := supervise(t, policy(t, "", module{command: []string{place.victim, "ready"}}))
		p.signal(t, unix.SIGHUP)
		p.says(t, "manager")
		p.says(t, "m | ready\n")
		p.stop(t, unix.SIGTERM)
	})
	t.Run("SIGKILL of the supervisor", func(t *testing.T) {
		t.Parallel()
		mark := marker()
		// The second module takes back that it dies with its parent; the init of its namespace does not let it live on.
		p := supervise(t, policy(t, "", module{command: []string{"/usr/bin/sleep", mark}, lines: []string{"replicas: 3"},
			files: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}"}},
			module{name: "orphan", command: []string{place.victim, "outlive", "say:sleep " + mark, "sleep:60s"}, lines: []string{"user: daemon"}}))
		p.says(t, "say:sleep")
		waitFor(t, "three and one to run", func() bool { return len(running("sleep "+mark)) == 4 })
		manager := p.status(t).Manager.PID
		p.signal(t, unix.SIGKILL)
		p.ended(t)
		waitFor(t, "the end of the modules", func() bool { return len(running(mark)) == 0 })
		waitFor(t, "the end of the manager", func() bool {
			return !slices.ContainsFunc(running("role:manager"), func(p process) bool { return p.pid == manager })
		})
		locked(t, "exit 0").run(t).wants(t, 0) // sweeps its control groups
		p.leavesNothing(t)
	})
}

func TestSuperviseReplicas(t *testing.T) {
	t.Parallel()
	const n = 20
	l := newListeners(t)
	head := fmt.Sprintf("listeners: {local: {address: \"unix:%s\"}}\n", l.path)
	p := supervise(t, policy(t, head, module{name: "many", command: []string{place.victim, "serve"},
		lines: []string{fmt.Sprintf("replicas: %d", n), "listeners: {local: 3}"}}))
	for i := range n {
		name := "many"
		if i > 0 {
			name = fmt.Sprintf("many-%d", i)
		}
		p.says(t, fmt.Sprintf("%-7s | serving\n", name))
	}
	// All of them hold the one socket; who answers is the kernel's choice.
	for range 2 * n {
		if got := ask(t, "unix", l.path); !strings.HasPrefix(got, "local 3 ") {
			t.Fatalf("answer %q", got)
		}
	}
	r := p.stop(t, unix.SIGTERM)
	if got := strings.Count(r.stdout, "| stopped\n"); got != n {
		t.Errorf("%d of %d stopped by themselves", got, n)
	}
}

// TestSupervisePortTaken: a listener that cannot be opened stops the start.
func TestSupervisePortTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	head := fmt.Sprintf("listeners: {web: {address: %q}}\n", taken.Addr())
	p := supervisor(t, "--policy", policy(t, head, module{lines: []string{"listeners: {web: 3}"}})).start(t)
	r := p.ended(t)
	r.wants(t, 125, "listener web", "address already in use")
	if strings.Contains(r.stderr, "started") {
		t.Error("it started something")
	}
	p.leavesNothing(t)
}

// TestSuperviseOutputGone: when nobody reads its output any more, the modules run on. It is reported, once, and the lines that nobody could read
// are still remembered.
func TestSuperviseOutputGone(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	p := supervisor(t, "--policy", policy(t, "", module{command: []string{place.victim, "ready", "say:after", "sleep:60s"}, lines: []string{"stop_grace_period: 200ms"}}))
	p.Stdout = write
	p.start(t)
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	p.says(t, "running; stop with")
	// It says so when its handler is installed.
	line := make([]byte, 64)
	if n, err := read.Read(line); err != nil || !strings.Contains(string(line[:n]), "ready") {
		t.Fatalf("the module says %q, %v", line[:max(n, 0)], err)
	}
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	pid := p.status(t).Modules[0].Instances[0].PID
	if err := unix.Kill(pid, unix.SIGTERM); err != nil { // it reacts by writing
		t.Fatal(err)
	}
	p.says(t, "the log cannot be written to standard output, and lines are lost")
	p.logged(t, "m", "say:after")
	if now := p.status(t).Modules[0].Instances[0]; now.PID != pid {
		t.Errorf("%+v is not process %d", now, pid)
	}
	r := p.stop(t, unix.SIGTERM)
	if n := strings.Count(r.stderr, "event=log.lost"); n != 1 || !strings.Contains(r.stderr, "broken pipe") {
		t.Errorf("%d events, want 1 that gives the reason:\n%s", n, r.stderr)
	}
}
