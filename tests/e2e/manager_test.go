package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// stateOf reads /proc/PID/status.
func stateOf(t testing.TB, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			out[key] = strings.Join(strings.Fields(value), " ")
		}
	}
	return out
}

// TestManagerIsConfined: the manager as it runs has a filter, no privilege, a user of its own, and no file but its program. So does the next one.
func TestManagerIsConfined(t *testing.T) {
	t.Parallel()
	p := ready(t, policy(t, "", sleeper("quiet", 1)), "--metrics", fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp4", "127.0.0.1")))
	first := p.status(t).Manager.PID
	wantsConfined(t, first)
	if err := unix.Kill(first, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := p.becomes(t, "another manager", func(s api.Status) bool { return s.Manager.PID != first }).Manager.PID
	wantsConfined(t, second)
	r := p.stop(t, unix.SIGTERM)
	// Who reads the log is told once that the first one has ended.
	if told := slices.DeleteFunc(strings.Split(r.stderr, "\n"), func(l string) bool { return !strings.Contains(l, "SIGKILL") }); len(told) != 1 ||
		!strings.Contains(told[0], fmt.Sprintf("the manager (pid %d) ended: killed by SIGKILL; this is another one, and the modules run on", first)) {
		t.Errorf("its end is told by %q, want one line:\n%s", told, r.stderr)
	}
}

func wantsConfined(t testing.TB, pid int) {
	t.Helper()
	state := stateOf(t, pid)
	want := map[string]string{"Seccomp": "2", "NoNewPrivs": "1"}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		want[set] = strings.Repeat("0", 16)
	}
	for key, value := range want {
		if state[key] != value {
			t.Errorf("%s of the manager is %s, want %s", key, state[key], value)
		}
	}
	users := strings.Fields(state["Uid"] + " " + state["Gid"])
	if users = slices.Compact(users); len(users) != 1 && isRoot() {
		t.Errorf("the manager's users and groups are %v, want one number", users)
	}
	uid, err := strconv.Atoi(users[0])
	if err != nil {
		t.Fatal(err)
	}
	if isRoot() {
		if uid < 61184 || uid > 65519 || state["Groups"] != "" {
			t.Errorf("the manager is user %d with groups %q, want one of 61184 to 65519 and none", uid, state["Groups"])
		}
	} else if uid != os.Getuid() {
		t.Errorf("the manager is user %d, want %d, who started it", uid, os.Getuid())
	}
	dir := fmt.Sprintf("/proc/%d", pid)
	if _, err := os.Readlink(dir + "/root"); errors.Is(err, fs.ErrPermission) && !isRoot() {
		t.Logf("an ordinary user cannot look at its files: %v", err)
		return
	}
	for _, c := range []struct {
		kind string
		own  bool
	}{{"mnt", true}, {"ipc", true}, {"uts", true}, {"cgroup", true}, {"net", false}, {"pid", false}} {
		theirs, err1 := os.Readlink(dir + "/ns/" + c.kind)
		ours, err2 := os.Readlink("/proc/self/ns/" + c.kind)
		if err := errors.Join(err1, err2); err != nil || (theirs != ours) != c.own {
			t.Errorf("namespace %s: %s, and here %s; own: want %t (%v)", c.kind, theirs, ours, c.own, err)
		}
	}
	var files []string
	err = filepath.WalkDir(dir+"/root/", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, dir+"/root"))
		}
		return err
	})
	if err != nil || len(files) != 1 || files[0] != place.supervisor {
		t.Errorf("the manager sees %v (%v), want %s and nothing else", files, err, place.supervisor)
	}
	links, err := filepath.Glob(dir + "/fd/*")
	if err != nil || len(links) < 5 {
		t.Errorf("its descriptors are %v, %v", links, err)
	}
	for _, link := range links {
		to, err := os.Readlink(link)
		kind, _, _ := strings.Cut(to, ":")
		if err != nil && !errors.Is(err, fs.ErrNotExist) || err == nil && !slices.Contains([]string{"socket", "pipe", "anon_inode"}, kind) && !strings.HasPrefix(to, "/memfd:bulkhead-") {
			t.Errorf("%s of the manager is %s, %v; want sockets, pipes, epoll and memory", link, to, err)
		}
	}
}

// managerPolicy is the manager's, for the victim.
func managerPolicy(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(shipped("manager"))
	if err != nil {
		t.Fatal(err)
	}
	return writePolicy(t, strings.NewReplacer("${SUPERVISOR}", place.victim, "\n  manager:\n", "\n  taken:\n", "module: manager,", "module: taken,").Replace(string(text)))
}

// TestManagerTakenOver tries what somebody would who has taken the manager over.
func TestManagerTakenOver(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	other := expendable(t)
	spare := filepath.Join(openDir(t), "spare")
	attackAll(t, managerPolicy(t), []attack{
		// Other processes.
		{try: fmt.Sprintf("signal:%d,0", other), want: "EPERM"},
		{try: fmt.Sprintf("signal:%d,9", os.Getppid()), want: "EPERM", control: fmt.Sprintf("signal:%d,0", other)},
		{try: fmt.Sprintf("ptrace:%d", other), want: "EPERM"},
		// Other programs.
		{try: "execve:" + place.victim, want: "EPERM", control: "say:executed"},
		{try: "execveat:" + place.victim, want: "EPERM", control: "say:executed"},
		{try: "memfd:" + place.victim, want: "EPERM", control: "say:executed"},
		// Files.
		{try: "read:/etc/passwd", want: "ENOENT"},
		{try: "read:/proc/self/status", want: "ENOENT"},
		{try: "read:/dev/null", want: "ENOENT"},
		{try: "create:" + spare, want: "ENOENT"},
		// The network: nobody can be served, and no socket made but TCP's.
		{try: "listen:0", want: "EPERM"},
		{try: "abstract:somebody", want: "EPERM", detail: "socket", control: "connect:" + l.Addr().String()},
		{try: "packet", want: "EPERM", privileged: true},
		{try: "raw", want: "EPERM", privileged: true},
		// It shares the host's network to probe modules: this is what it could do, and SECURITY.md says so.
		{try: "connect:" + l.Addr().String(), want: "ok"},
		// Privileges, and what opens more of the kernel.
		{try: "setuid:0", want: "EPERM", control: "setuid:0", privileged: true},
		{try: "mount:/", want: "EPERM", control: "mount:/tmp", privileged: true},
		{try: "unshare:network", want: "EPERM", privileged: true},
		{try: "sethostname:x", want: "EPERM", privileged: true},
		{try: "keyctl", want: "EPERM"},
		{try: "iouring", want: "EPERM"},
	})
}

// TestManagerStopped: a manager that does not answer is replaced, and the modules do not notice.
func TestManagerStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("-short, and it waits for the fifteen seconds that a manager may be silent: the run of tests/run without -short has it")
	}
	t.Parallel()
	w := newWeb(t)
	p := ready(t, writePolicy(t, w.text()))
	before := p.status(t)
	end := pressure(t, w.address, 1)
	begun := time.Now()
	if err := unix.Kill(before.Manager.PID, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	dir := fmt.Sprintf("/proc/%d", before.Manager.PID)
	for deadline := begun.Add(22 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(dir); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a manager that is stopped is not replaced")
		}
	}
	if took := time.Since(begun); took < 10*time.Second {
		t.Errorf("it was given up after %v; it has 15 seconds", took)
	}
	after := p.becomes(t, "another manager", func(s api.Status) bool { return s.Manager.PID != before.Manager.PID && allReady(s) })
	samePIDs(t, before, after)
	end(100)
	wantsEvent(t, p.events(t), "manager.restarted", fmt.Sprintf("the manager (pid %d) was killed: it does not answer for 15s", before.Manager.PID))
	p.stop(t, unix.SIGTERM)
}

// TestSpawnerKilled: when the supervisor itself is killed nothing of it goes on, and the next one cleans up after it. It is not parallel, because any
// supervisor of the same user is a next one.
func TestSpawnerKilled(t *testing.T) {
	w := newWeb(t)
	w.lines = []string{"resources: {pids.max: 64}", "best_effort: [resources]"}
	w.modules = []module{sleeper("quiet", 2)}
	file := writePolicy(t, w.text())
	run := "/run/bulkhead"
	env := os.Environ()
	if !isRoot() {
		dir := t.TempDir()
		env = append(env, "XDG_RUNTIME_DIR="+dir)
		run = dir + "/bulkhead"
	}
	start := func(control string) *program {
		p := supervisor(t, "--policy", file, "--control", control)
		p.Env = env
		p.start(t)
		p.becomes(t, "every instance is ready", allReady)
		return p
	}
	control := filepath.Join(t.TempDir(), "control.sock")
	p := start(control)
	// One that is stopped first stands for one that is busy: it must not be able to save anything.
	family := descendants(p.Process.Pid)
	if len(family) < 5 {
		t.Fatalf("descendants: %v", family)
	}
	pids := map[string]bool{}
	for _, line := range family {
		pids[strings.Fields(line)[1]] = true
	}
	own, err := filepath.Glob(fmt.Sprintf("%s/supervisor-%d-*", run, p.Process.Pid))
	if err != nil || len(own) != 1 {
		t.Fatalf("runtime directories: %v, %v", own, err)
	}
	// An instance that is being made ahead has its name there until it is mounted.
	entries, err := os.ReadDir(own[0])
	for deadline := time.Now().Add(20 * time.Second); err == nil && len(entries) > 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		entries, err = os.ReadDir(own[0])
	}
	if err != nil || len(entries) > 0 {
		t.Errorf("the runtime directory holds %v, %v; a socket in it could be reached", entries, err)
	}
	if st, err := os.Stat(own[0]); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the runtime directory: %v, %v; want mode 0700", st.Mode(), err)
	}
	p.mayCrash = true
	p.signal(t, unix.SIGKILL)
	if r := p.ended(t); r.status != 128+9 {
		t.Errorf("status %d", r.status)
	}
	// They are reaped by their numbers: children of other tests must not be reaped with them. Process 1 of a namespace waits for that before it ends.
	waitFor(t, "all that came from it have ended", func() bool {
		for pid := range pids {
			if n, err := strconv.Atoi(pid); err == nil {
				_, _ = unix.Wait4(n, nil, unix.WNOHANG, nil)
			}
		}
		return !slices.ContainsFunc(allProcesses(), func(o process) bool { return pids[strconv.Itoa(o.pid)] && o.state != "Z" })
	})
	if _, err := tryVisit(w.address); err == nil {
		t.Error("somebody still answers")
	}
	if _, err := os.Lstat(own[0]); err != nil {
		t.Fatalf("the runtime directory of the one that was killed: %v; the test proves nothing", err)
	}
	next := start(control)
	if left := groupsOf(t, p.Process.Pid); len(left) > 0 {
		t.Errorf("control groups of the one before are left: %v", left)
	}
	if _, err := os.Lstat(own[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", own[0], err)
	}
	visit(t, w.address)
	next.stop(t, unix.SIGTERM)
	if entries, err := filepath.Glob(fmt.Sprintf("%s/supervisor-%d-*", run, next.Process.Pid)); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestModulesAndControl: a module reaches the control socket only where its policy shows it to the module and the kernel's permissions let it; with a
// socket of its own it can ask about itself and for nothing else.
func TestModulesAndControl(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	control := filepath.Join(dir, "control.sock")
	reach, whole := "local:"+control, "request:"+control+",GET,/v1/status"
	asks := func(socket string) []string {
		return []string{"request:" + socket + ",GET,/v1/self", "request:" + socket + ",GET,/v1/status", "request:" + socket + ",POST,/v1/shutdown",
			"request:" + socket + ",POST,/v1/stop", "request:" + socket + ",POST,/v1/reload", "request:" + socket + ",GET,/v1/logs"}
	}
	command := func(tries ...string) []string { return append(append([]string{place.victim}, tries...), "ready") }
	p := ready(t, policy(t, "",
		module{name: "apart", command: command(reach, whole), lines: []string{"user: daemon"}},
		module{name: "beside", command: command(reach, whole), files: []string{fmt.Sprintf("{path: %s, access: rw}", dir)}, lines: []string{"user: games"}},
		module{name: "self", command: command(asks("/run/self.sock")...), files: []string{"{path: /run/self.sock, control: self}"}, lines: []string{"user: sys"}},
		module{name: "handed", command: command(asks("3")...), lines: []string{"user: man", `listeners: {"@control": 3}`}},
	), "--control", control)
	for _, name := range []string{"apart", "beside", "self", "handed"} {
		p.says(t, fmt.Sprintf("%-6s | ready\n", name))
	}
	// What they do is possible: whoever started the supervisor can.
	if got := outside(t, reach, whole); got[reach].result != "ok" || !strings.HasPrefix(got[whole].detail, "200 ") {
		t.Fatalf("the attempts prove nothing: outside %v", got)
	}
	got := map[string]map[string]answer{}
	for line := range strings.Lines(p.stdout.String()) {
		if name, text, ok := strings.Cut(line, "| "); ok {
			name = strings.TrimSpace(name)
			if got[name] == nil {
				got[name] = map[string]answer{}
			}
			for try, a := range answers(t, text) {
				got[name][try] = a
			}
		}
	}
	if a := got["apart"][reach]; a.result != "ENOENT" {
		t.Errorf("a module without the socket: %v, want ENOENT", a)
	}
	// As root it is another user. Without, it is the same for the kernel, and a policy that shows it the socket lets it in.
	want := map[bool]string{true: "EACCES", false: "ok"}[isRoot()]
	if a := got["beside"][reach]; a.result != want {
		t.Errorf("a module beside the socket: %v, want %s", a, want)
	}
	for name, socket := range map[string]string{"self": "/run/self.sock", "handed": "3"} {
		tries := asks(socket)
		if a := got[name][tries[0]]; a.result != "ok" || !strings.HasPrefix(a.detail, "200 ") || !strings.Contains(a.detail, `"module":"`+name+`"`) {
			t.Errorf("%s asks about itself: %v, want 200 and its name", name, a)
		}
		for _, try := range tries[1:] {
			if a := got[name][try]; a.result != "ok" || !strings.HasPrefix(a.detail, "404 ") {
				t.Errorf("%s: %s: %v, want 404", name, try, a)
			}
		}
	}
	p.becomes(t, "it runs as before", func(s api.Status) bool { return allReady(s) && s.Generation == 1 })
	p.stop(t, unix.SIGTERM)
}

// TestNotifySocketsAreApart: a module can notify for itself, and not reach the socket of another one.
func TestNotifySocketsAreApart(t *testing.T) {
	t.Parallel()
	run := "/run/bulkhead"
	env := os.Environ()
	if !isRoot() {
		dir := t.TempDir()
		env = append(env, "XDG_RUNTIME_DIR="+dir)
		run = dir + "/bulkhead"
		if err := os.Mkdir(run, 0o755); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Mkdir(run, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	w := newWeb(t)
	w.args = []string{"-ready", "never"}
	ownSocket := "datagram:/run/notify,READY=1"
	var tries []string
	for n := 1; n <= 3; n++ {
		tries = append(tries, fmt.Sprintf("datagram:%s/notify-%d,READY=1", run, n)) // where it was, if names were not made apart
	}
	list := "list:" + run
	w.modules = []module{{name: "nosy", command: append(append([]string{place.victim}, tries...), list, ownSocket, "ready"),
		files: []string{fmt.Sprintf("{path: %s, access: r}", run)}, lines: []string{"user: games", "healthcheck: {notify: true, start_period: 20s}"}}}
	p := supervisor(t, "--policy", writePolicy(t, w.text()))
	p.Env = env
	p.start(t)
	p.says(t, "nosy    | ready\n")
	s := p.becomes(t, "the nosy one is ready", func(s api.Status) bool { return moduleOf(t, s, "nosy").Instances[0].State == "ready" })
	got := answers(t, strings.ReplaceAll(p.stdout.String(), "nosy    | ", ""))
	if a := got[ownSocket]; a.result != "ok" {
		t.Errorf("its own socket: %v", a)
	}
	// As root the directory above may be closed to others already: `exec` keeps its plans there.
	if a := got[list]; a.result != "EACCES" && !strings.Contains(a.detail, fmt.Sprintf("supervisor-%d-", p.Process.Pid)) {
		t.Errorf("it sees %v, and was to see the runtime directory", a)
	}
	for _, try := range tries {
		if a := got[try]; a.result == "ok" {
			t.Errorf("%s: %v", try, a)
		}
	}
	if state := moduleOf(t, s, "service").Instances[0].State; state != "starting" {
		t.Errorf("the service is %s: somebody else has spoken for it", state)
	}
	own, err := filepath.Glob(fmt.Sprintf("%s/supervisor-%d-*", run, p.Process.Pid))
	if err != nil || len(own) != 1 {
		t.Fatalf("runtime directories: %v, %v", own, err)
	}
	// An instance that is being made ahead has its name there until it is mounted.
	entries, err := os.ReadDir(own[0])
	for deadline := time.Now().Add(20 * time.Second); err == nil && len(entries) > 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		entries, err = os.ReadDir(own[0])
	}
	if err != nil || len(entries) > 0 {
		t.Errorf("the runtime directory holds %v, %v; a socket in it could be reached", entries, err)
	}
	p.stop(t, unix.SIGTERM)
}
