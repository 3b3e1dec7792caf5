package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// raise sends bytes to a control socket, and no more after them, and returns what comes back until the other side closes.
func raise(t testing.TB, control string, request string) string {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: control, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(limit / 2)); err != nil {
		t.Fatal(err)
	}
	// It may be refused before it was complete, and its end cut off.
	_, _ = io.WriteString(c, request)
	_ = c.CloseWrite()
	answer, _ := io.ReadAll(c)
	return string(answer)
}

// refusal is the body of an answer that refuses.
type refusal struct{ Error, Detail, Help string }

// post sends a request with a body to a supervisor.
func (p *program) post(t testing.TB, method, path, body string) (status int, r refusal) {
	t.Helper()
	client := http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", p.control())
	}}}
	req, err := http.NewRequest(method, "http://supervisor"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode != http.StatusOK {
		if err := json.Unmarshal(text, &r); err != nil {
			t.Errorf("%s %s: %d, and no JSON: %.200q", method, path, resp.StatusCode, text)
		}
	}
	return resp.StatusCode, r
}

// TestBadRequests: whatever is sent to the control socket is refused with a reason, and changes nothing.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	p := ready(t, policy(t, "", sleeper("quiet", 2)))
	before := p.status(t)
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		says                     []string
	}{
		{"no such path", "GET", "/v1/nothing", "", 404, []string{`"/v1/nothing"`, "openapi.yaml"}},
		{"the wrong method", "DELETE", "/v1/status", "", 405, []string{"use GET"}},
		{"the wrong parameter", "POST", "/v1/reload?dryrun=1", "", 400, []string{`"dryrun"`, "dry_run"}},
		{"the wrong value", "POST", "/v1/reload?dry_run=perhaps", "", 400, []string{`"perhaps"`, "true or false"}},
		{"a parameter twice", "POST", "/v1/reload?dry_run=1&dry_run=0", "", 400, []string{"given 2 times"}},
		{"a body where none is", "POST", "/v1/reload", "{}", 400, []string{"takes no body"}},
		{"no body where one is", "POST", "/v1/stop", "", 415, []string{"application/json"}},
		{"no JSON", "POST", "/v1/stop", "quiet", 400, []string{"cannot be used"}},
		{"half of it", "POST", "/v1/stop", `{"modules": [`, 400, []string{"cannot be used"}},
		{"two of it", "POST", "/v1/stop", `{"modules": ["quiet"]}{}`, 400, []string{"behind the object"}},
		{"a field too many", "POST", "/v1/stop", `{"modules": ["quiet"], "force": true}`, 400, []string{`"force"`}},
		{"nothing named", "POST", "/v1/stop", `{}`, 400, []string{"names no module"}},
		{"all and one", "POST", "/v1/stop", `{"all": true, "modules": ["quiet"]}`, 400, []string{"both"}},
		{"one twice", "POST", "/v1/stop", `{"modules": ["quiet", "quiet"]}`, 400, []string{"twice"}},
		{"one that is not there", "POST", "/v1/start", `{"modules": ["quite"]}`, 404, []string{`"quite"`, "there are: quiet"}},
		{"one that is and one that is not", "POST", "/v1/stop", `{"modules": ["quiet", "nobody"]}`, 404, []string{`"nobody"`, "there are: quiet"}},
		{"the manager", "POST", "/v1/stop", `{"modules": ["manager"]}`, 404, []string{`"manager"`}},
		{"a name with control characters", "POST", "/v1/stop", `{"modules": ["\u001b[2J"]}`, 404, []string{`"\x1b[2J"`}},
		{"too many names", "POST", "/v1/stop", `{"modules": [` + strings.Repeat(`"a",`, 5000) + `"a"]}`, 400, []string{"5001 modules"}},
		{"deep nesting", "POST", "/v1/stop", strings.Repeat(`{"modules":`, 5000), 400, []string{"cannot be used"}},
		{"an event that never was", "GET", "/v1/events?after=yesterday&follow=x", "", 400, []string{`"x"`}},
		{"more lines than anybody needs", "GET", "/v1/logs?last=1000000000", "", 400, []string{"10000"}},
		{"lines of nobody", "GET", "/v1/logs?module=nobody", "", 404, []string{`"nobody"`}},
	} {
		status, got := p.post(t, tt.method, tt.path, tt.body)
		text := got.Detail + "; " + got.Help
		if status != tt.status || slices.ContainsFunc(tt.says, func(s string) bool { return !strings.Contains(text, s) }) {
			t.Errorf("%s: %d %q, want %d and %q", tt.name, status, text, tt.status, tt.says)
		}
	}
	for _, tt := range []struct {
		name, request, answer string
	}{
		{"junk", "\x00\x01\x02\xff\r\n\r\n", "400 Bad Request"},
		{"another protocol", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("x", 100) + "\r\n\r\n", "400 Bad Request"},
		{"long headers", "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 100<<10) + "\r\n\r\n", "431 "},
		{"two lengths", "POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\n{}", "400 Bad Request"},
		{"a length that is none", "POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}", "400 Bad Request"},
		{"too much", "POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n" +
			strings.Repeat(" ", 70000), "413 Request"},
		{"too much, in pieces", "POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n11000\r\n[" +
			strings.Repeat(" ", 0x10fff) + "\r\n0\r\n\r\n", "413 Request"},
	} {
		if got := raise(t, p.control(), tt.request); !strings.Contains(got, tt.answer) {
			t.Errorf("%s: %.200q, want %q", tt.name, got, tt.answer)
		}
	}
	after := p.status(t)
	if after.Generation != 1 || after.Manager.PID != before.Manager.PID || after.LastReload != nil {
		t.Errorf("%+v", after)
	}
	samePIDs(t, before, after)
	// The commands say the same, with the status of invalid input.
	r := p.ask(t, "start", "quite").run(t)
	r.wants(t, 2, `there is no module "quite"`, "there are: quiet")
	p.stop(t, unix.SIGTERM)
}

// TestManyConnections: who takes all places and says nothing keeps nobody out for good, and the modules do not notice.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	p := ready(t, writePolicy(t, w.text()))
	before := p.status(t)
	end := pressure(t, w.address, 1)
	var idle []net.Conn
	for range 200 {
		c, err := net.Dial("unix", p.control())
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
	}
	// The last of them are told so, or closed.
	if err := idle[len(idle)-1].SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(idle[len(idle)-1]); err == nil && len(text) > 0 && !bytes.Contains(text, []byte("503")) {
		t.Errorf("connection 200 got %.100q", text)
	}
	for _, c := range idle {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	after := p.becomes(t, "an answer", func(api.Status) bool { return true })
	samePIDs(t, before, after)
	if after.Manager.PID != before.Manager.PID {
		t.Errorf("the manager is process %d, and was %d", after.Manager.PID, before.Manager.PID)
	}
	end(1)
	p.stop(t, unix.SIGTERM)
}

// as has a program run as another user, which takes root.
func (p *program) as(t testing.TB, name string) *program {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	p.Dir = "/"
	p.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "XDG_RUNTIME_DIR=") || strings.HasPrefix(v, "HOME=") })
	return p
}

// dirOf makes a directory below an open one that belongs to a user.
func dirOf(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e-"+name+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if out, err := exec.Command("chown", name, dir).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v: %s", err, out)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestStrangers: neither the path nor the one who answers lets another user in.
func TestStrangers(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		t.Skipf("becoming another user needs root (setuid(2)), and this is user %d: the run as root has it", os.Geteuid())
	}
	p := ready(t, policy(t, "", sleeper("quiet", 1)), "--control", filepath.Join(dirOf(t, "root"), "control.sock"))
	before := p.status(t)
	if st, err := os.Stat(p.control()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the control socket: %v, %v; want mode 0600", st.Mode(), err)
	}
	orders := [][]string{{"status"}, {"stop", "--all"}, {"reload"}, {"logs"}, {"events"}}
	for _, args := range orders {
		r := p.ask(t, args[0], args[1:]...).as(t, "games").run(t)
		r.wants(t, 125, "not allowed")
	}
	if count(p.events(t), "control.refused") > 0 {
		t.Errorf("they got to the socket: %+v", p.events(t))
	}
	// Somebody opens the path: the kernel's word on who connects still counts.
	if err := os.Chmod(p.control(), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range orders {
		r := p.ask(t, args[0], args[1:]...).as(t, "games").run(t)
		r.wants(t, 125, "not allowed")
	}
	after := p.status(t)
	samePIDs(t, before, after)
	if after.LastReload != nil {
		t.Errorf("a stranger had it reload: %+v", after.LastReload)
	}
	told := slices.IndexFunc(p.events(t), func(e api.Event) bool {
		return e.Kind == "control.refused" && strings.Contains(e.Text, "refused uid 5 ") && strings.Contains(e.Text, "root and uid 0 may use it")
	})
	if told < 0 {
		t.Errorf("no event says that user 5 was refused: %+v", p.events(t))
	}
	p.stop(t, unix.SIGTERM)
}

// TestStrangersOfAnOrdinaryUser: the supervisor of an ordinary user answers that one. In its user namespace nobody else has a number, so it
// cannot tell root from anybody, and refuses all others.
func TestStrangersOfAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		t.Skipf("becoming another user needs root (setuid(2)), and this is user %d: the run as root has it", os.Geteuid())
	}
	dir := dirOf(t, "games")
	text, err := os.ReadFile(policy(t, "", sleeper("quiet", 1)))
	if err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, filepath.Join(dir, "policy.yaml"), string(text), 0o644)
	if out, err := exec.Command("chown", "games", file).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v: %s", err, out)
	}
	p := supervisor(t, "--policy", file, "--control", filepath.Join(dir, "control.sock")).as(t, "games")
	p.Env = append(p.Env, "XDG_RUNTIME_DIR="+dir)
	p.start(t)
	p.says(t, "running; stop with")
	p.ask(t, "status").as(t, "games").run(t).wants(t, 0)
	if err := os.Chmod(p.control(), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"root", "daemon"} {
		p.ask(t, "stop", "--all").as(t, name).run(t).wants(t, 125, "not allowed", "only the user who started the supervisor may use this socket")
	}
	if r := p.ask(t, "status").as(t, "games").run(t); r.status != 0 || strings.Contains(r.stdout, "stop") {
		t.Errorf("status %d, want one that runs:\n%s%s", r.status, r.stdout, r.stderr)
	}
	p.stop(t, unix.SIGTERM)
}

// count returns how many events are of a kind.
func count(events []api.Event, kind string) int {
	return len(slices.DeleteFunc(slices.Clone(events), func(e api.Event) bool { return e.Kind != kind }))
}

// wantsEvent wants an event of a kind whose text contains all of some words.
func wantsEvent(t testing.TB, events []api.Event, kind string, words ...string) {
	t.Helper()
	var texts []string
	for _, e := range events {
		if e.Kind != kind {
			continue
		}
		texts = append(texts, e.Text)
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(e.Text, w) }) {
			return
		}
	}
	t.Errorf("no event %s with %q; there are %q", kind, words, texts)
}

// TestRequestsWhileStarting wait for the end of the start, and so does SIGHUP.
func TestRequestsWhileStarting(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.modules = []module{sleeper("many", 120)} // which takes a while
	file := writePolicy(t, w.text())
	p := supervisor(t, "--policy", file).start(t)
	p.becomes(t, "somebody answers", func(s api.Status) bool {
		if s.State != "starting" {
			t.Fatalf("it answers in state %s; the test is too late", s.State)
		}
		return true
	})
	rewrite(t, file, w.next().text())
	p.signal(t, unix.SIGHUP)
	asked := func(n int) {
		waitFor(t, "a request is known", func() bool { return count(p.events(t), "reload.requested")+count(p.events(t), "reload.joined") >= n })
	}
	asked(1)
	order := p.ask(t, "reload").start(t)
	asked(2)
	p.signal(t, unix.SIGHUP)
	asked(3)
	if r := p.ask(t, "start", "nobody").run(t); r.status != 2 {
		t.Errorf("start of nobody: status %d\n%s", r.status, r.stderr)
	}
	if s := p.status(t); s.State != "starting" || s.Generation != 1 {
		t.Fatalf("it is %s in generation %d; the test is too late", s.State, s.Generation)
	}
	order.ended(t).wants(t, 0)
	s := p.becomes(t, "it runs", allReady)
	if s.Generation != 2 {
		t.Errorf("generation %d, want 2: what was asked for at the same time is one reload", s.Generation)
	}
	events := p.events(t)
	started := slices.IndexFunc(events, func(e api.Event) bool { return e.Kind == "supervisor.started" })
	planned := slices.IndexFunc(events, func(e api.Event) bool { return e.Kind == "reload.planned" })
	if started < 0 || planned < started || count(events, "reload.joined") == 0 {
		t.Errorf("it was to start first and then to reload once: event %d, then %d; joined %d", started, planned, count(events, "reload.joined"))
	}
	p.stop(t, unix.SIGTERM)
}

// TestRequestsWhileReloading: what is asked for meanwhile follows, two reloads as one.
func TestRequestsWhileReloading(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	file := writePolicy(t, w.text())
	p := ready(t, file)
	w = w.next()
	w.args = []string{"-ready", "700ms", "-goodbye", "50ms"}
	rewrite(t, file, w.text())
	first := p.ask(t, "reload").start(t)
	p.becomes(t, "it reloads", func(s api.Status) bool { return s.State == "reloading" && len(s.Modules[0].Instances) == 2 })
	w = w.next()
	w.args = nil
	rewrite(t, file, w.text())
	var others []*program
	for range 3 {
		others = append(others, p.ask(t, "reload").start(t))
	}
	waitFor(t, "the three have asked", func() bool { return count(p.events(t), "reload.requested")+count(p.events(t), "reload.joined") >= 4 })
	stop := p.ask(t, "stop", "service").start(t)
	if s := p.status(t); s.Generation != 1 {
		t.Errorf("generation %d, want 1: the test is too late", s.Generation)
	}
	first.ended(t).wants(t, 0)
	for _, o := range others {
		o.ended(t).wants(t, 0)
	}
	stop.ended(t).wants(t, 0)
	s := p.status(t)
	if i := s.Modules[0].Instances; s.Generation != 3 || len(i) != 1 || i[0].State != "stopped" {
		t.Errorf("generation %d and %+v, want 3 and one that is stopped", s.Generation, i)
	}
	if events := p.events(t); count(events, "reload.done") != 2 || count(events, "reload.joined") != 2 {
		t.Errorf("%d reloads were done and %d requests joined another one, want 2 and 2", count(events, "reload.done"), count(events, "reload.joined"))
	}
	// What is stopped can be stopped again, and what runs started.
	for _, c := range []struct{ command, says string }{{"stop", "stopped already"}, {"start", "started service"}, {"start", "running already"}} {
		if r := p.ask(t, c.command, "service").run(t); r.status != 0 || !strings.Contains(r.stdout, c.says) {
			t.Errorf("%s: status %d, want %q:\n%s%s", c.command, r.status, c.says, r.stdout, r.stderr)
		}
	}
	if a := visit(t, w.address); a.version != "2" {
		t.Errorf("version %s answers, want 2", a.version)
	}
	p.stop(t, unix.SIGTERM)
}

// TestRequestsWhileStopping are refused, and do not keep anything from ending.
func TestRequestsWhileStopping(t *testing.T) {
	t.Parallel()
	p := ready(t, policy(t, "", module{name: "slow", command: []string{place.victim, "ready:1s"}}))
	p.signal(t, unix.SIGTERM)
	p.becomes(t, "it stops", func(s api.Status) bool { return s.State == "stopping" })
	for _, args := range [][]string{{"reload"}, {"start", "slow"}, {"restart", "slow"}} {
		r := p.ask(t, args[0], args[1:]...).run(t)
		if r.status != 1 || !strings.Contains(r.stderr, "stopping") {
			t.Errorf("%v: status %d, want 1 and why:\n%s", args, r.status, r.stderr)
		}
	}
	p.signal(t, unix.SIGHUP)
	r := p.ended(t)
	r.wants(t, 0, "nothing is reloaded")
	if n := strings.Count(r.stdout, "slow | ready\n"); n != 1 {
		t.Errorf("it was started %d times:\n%s", n, r.stdout)
	}
	p.leavesNothing(t)
	if _, err := os.Lstat(p.control()); err == nil {
		t.Errorf("%s is left", p.control())
	}
	p.ask(t, "status").run(t).wants(t, 125, "no supervisor listens")
}
