package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// TestStatus: what `supervisor status` shows is what there is.
func TestStatus(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.lines = []string{"restart: {policy: on-failure}", "resources: {memory.max: 128M}", "best_effort: [resources]"}
	w.modules = []module{sleeper("many", 2)}
	file := writePolicy(t, w.text())
	p := ready(t, file)
	r := p.ask(t, "status", "-o", "json").run(t)
	r.wants(t, 0)
	var s api.Status
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		t.Fatalf("%v\n%s", err, r.stdout)
	}
	if s.State != "running" || s.Generation != 1 || s.PID != p.Process.Pid || !slices.Equal(s.Policies, []string{file}) || s.LastReload != nil || s.Version == "" ||
		time.Since(s.Since) > time.Minute || s.Manager.Restarts != 0 {
		t.Errorf("%+v", s)
	}
	if len(s.Modules) != 2 || s.Modules[0].Name != "service" || s.Modules[1].Name != "many" {
		t.Fatalf("modules in another order than the policy has: %s", r.stdout)
	}
	service, many := s.Modules[0], s.Modules[1]
	if service.Health != "notify" || service.UpdateOrder != "start-first" || service.Replicas != 1 || !slices.Equal(service.Listeners, []string{"http"}) ||
		service.Command[0] != place.service || !strings.HasPrefix(service.Place, file+":") || service.User == "" {
		t.Errorf("%+v", service)
	}
	if many.Replicas != 2 || len(many.Instances) != 2 || many.Instances[1].Replica != 1 {
		t.Errorf("%+v", many)
	}
	for _, m := range s.Modules {
		for _, i := range m.Instances {
			// It is the process that runs the command, and the kernel says that it is confined.
			status := statusOf(t, i.PID)
			if status["Seccomp"] != "2" || status["NoNewPrivs"] != "1" || !slices.ContainsFunc(allProcesses(), func(p process) bool {
				return p.pid == i.PID && strings.HasPrefix(p.command, m.Command[0])
			}) {
				t.Errorf("%s: %+v is %v", m.Name, i, status)
			}
			if i.State != "ready" || i.Restarts != 0 || i.ID == 0 || i.Started == nil || i.LaunchMicros < 50 || i.LaunchMicros > 10_000_000 || i.Generation != 1 {
				t.Errorf("%s: %+v", m.Name, i)
			}
		}
		for _, name := range []string{"mount", "pid", "network", "seccomp", "landlock", "capabilities", "user"} {
			level := "enforced"
			if name == "user" && !isRoot() {
				level = "degraded" // all modules have the caller's number as far as the kernel is concerned, and it is said
			}
			at := slices.IndexFunc(m.Enforcement, func(e api.Protection) bool { return e.Name == name })
			if at < 0 || m.Enforcement[at].Detail == "" || m.Enforcement[at].Level != level {
				t.Errorf("%s: enforcement of %s is not %s in %+v", m.Name, name, level, m.Enforcement)
			}
		}
	}
	if at := slices.IndexFunc(service.Enforcement, func(e api.Protection) bool { return e.Name == "memory.max" }); at < 0 ||
		!slices.Contains([]string{"enforced", "missing"}, service.Enforcement[at].Level) || isRoot() && service.Enforcement[at].Level != "enforced" {
		t.Errorf("memory.max: %+v", service.Enforcement)
	}
	if !strings.Contains(service.Instances[0].Status, "serving version 0") {
		t.Errorf("what the service says of itself: %q", service.Instances[0].Status)
	}
	if len(s.Listeners) != 1 || s.Listeners[0].Name != "http" || s.Listeners[0].Network != "tcp" || s.Listeners[0].Address != w.address ||
		s.Listeners[0].Backlog != 1024 || !slices.Equal(s.Listeners[0].Modules, []string{"service"}) || s.Listeners[0].Healed != 0 {
		t.Errorf("listeners: %+v", s.Listeners)
	}
	// The manager is a process like those that it manages.
	if status := statusOf(t, s.Manager.PID); status["Seccomp"] != "2" || status["NoNewPrivs"] != "1" || status["CapEff"] != "0000000000000000" ||
		isRoot() && strings.HasPrefix(status["Uid"], "0\t") {
		t.Errorf("the manager: %v", status)
	}
	p.statusTable(t, s, w.address)
	p.stop(t, unix.SIGTERM)
}

// statusTable checks what people read.
func (p *program) statusTable(t *testing.T, s api.Status, address string) {
	t.Helper()
	r := p.ask(t, "status", "--enforcement").run(t)
	r.wants(t, 0)
	for _, row := range []string{
		fmt.Sprintf(`running, generation 1 of %s`, regexp.QuoteMeta(s.Policies[0])),
		fmt.Sprintf(`service +0 +%d +ready +\d+s +0 +1 +"serving version 0"`, s.Modules[0].Instances[0].PID),
		fmt.Sprintf(`many +1 +%d +ready`, s.Modules[1].Instances[1].PID),
		fmt.Sprintf(`http +tcp %s +1 +never +service`, regexp.QuoteMeta(address)),
		`service +seccomp +enforced +\d+ calls allowed`,
	} {
		if !regexp.MustCompile(`(?m)^` + row).MatchString(r.stdout) {
			t.Errorf("no row %s:\n%s", row, r.stdout)
		}
	}
	r = p.ask(t, "status", "many").run(t)
	r.wants(t, 0)
	if strings.Contains(r.stdout, "service") || !strings.Contains(r.stdout, "many") {
		t.Errorf("status of one module:\n%s", r.stdout)
	}
	p.ask(t, "status", "nobody").run(t).wants(t, 2, `no module "nobody"`, "service, many")
}

// TestLifecycle: stop holds a module stopped, start and restart make new processes, and the others are not touched.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.lines = []string{"restart: {policy: always}"}
	w.modules = []module{sleeper("other", 1)}
	file := writePolicy(t, w.text())
	p := ready(t, file)
	before := pids(p.status(t))
	first := visit(t, w.address)

	p.ask(t, "stop", "service").run(t).wants(t, 0)
	stopped := func(s api.Status) bool {
		i := s.Modules[0].Instances[0]
		return i.State == "stopped" && i.PID == 0
	}
	if s := p.status(t); !stopped(s) || pids(s)["other[0]"] != before["other[0]"] {
		t.Errorf("stopped: %+v", s.Modules)
	}
	// Neither the restart policy nor a reload nor another manager starts it.
	w.lines[0] = "restart: {policy: always, delay: 10ms}"
	rewrite(t, file, w.text())
	p.reload(t).wants(t, 0)
	last := p.status(t)
	kill(t, last.Manager.PID)
	if s := p.another(t, last); !stopped(s) {
		t.Errorf("after a reload and another manager: %+v", s.Modules[0].Instances)
	}
	waiting := connect(t, w.address) // the socket is open all the time
	p.ask(t, "start", "service").run(t).wants(t, 0)
	if s := p.status(t); !allReady(s) || pids(s)["service[0]"] == before["service[0]"] || pids(s)["other[0]"] != before["other[0]"] {
		t.Errorf("started: %+v", s.Modules)
	}
	if _, err := fmt.Fprint(waiting, "GET /healthz HTTP/1.0\r\n\r\n"); err != nil {
		t.Error(err)
	}
	answer := make([]byte, 16)
	if n, err := waiting.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.0 200") {
		t.Errorf("who had waited is answered %q, %v", answer[:n], err)
	}
	second := visit(t, w.address)
	end := pressure(t, w.address, 2)
	p.ask(t, "restart", "service").run(t).wants(t, 0)
	third := visit(t, w.address)
	end(1)
	if first.instance == second.instance || second.instance == third.instance || third.inode() != first.inode() {
		t.Errorf("%+v, %+v and %+v answered", first, second, third)
	}
	p.ask(t, "restart", "nobody").run(t).wants(t, 2, `no module "nobody"`)
	p.ask(t, "stop", "--all").run(t).wants(t, 0)
	for name, pid := range pids(p.status(t)) {
		if pid != 0 {
			t.Errorf("%s is process %d after stop --all", name, pid)
		}
	}
	p.stop(t, unix.SIGTERM)
}

// TestLogs: what modules wrote is remembered, by module, and followed.
func TestLogs(t *testing.T) {
	t.Parallel()
	talker := module{name: "talker", command: []string{place.victim, "say:one", "say:two", "say:three", "ready", "say:four", "sleep:60s"}, lines: []string{"stop_grace_period: 100ms"}}
	p := ready(t, policy(t, "", talker, module{name: "other", command: []string{place.victim, "say:other", "sleep:60s"}, lines: []string{"user: daemon", "stop_grace_period: 100ms"}}))
	p.logged(t, "other", "say:other")
	p.logged(t, "talker", "ready, too")
	r := p.ask(t, "logs", "-n", "2", "talker").run(t)
	r.wants(t, 0, "talker | ready, too\n")
	if r.stdout != "talker | ready\n" {
		t.Errorf("the last two lines, one on each stream:\n%s%s", r.stdout, r.stderr)
	}
	r = p.ask(t, "logs").run(t)
	r.wants(t, 0)
	for _, line := range []string{"talker | say:one\tok\tone\n", "other  | say:other\tok\tother\n"} {
		if strings.Count(r.stdout, line) != 1 {
			t.Errorf("not one line %q:\n%s", line, r.stdout)
		}
	}
	r = p.ask(t, "logs", "-o", "json", "talker").run(t)
	r.wants(t, 0)
	var texts []string
	for line := range strings.Lines(r.stdout) {
		var l api.LogLine
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Module != "talker" || l.PID != pids(p.status(t))["talker[0]"] {
			t.Fatalf("%s: %v", line, err)
		}
		texts = append(texts, l.Line)
	}
	if len(texts) != 5 || !strings.HasPrefix(texts[2], "say:three") {
		t.Errorf("lines %q", texts)
	}
	p.ask(t, "logs", "nobody").run(t).wants(t, 2, "nobody")

	following := p.ask(t, "logs", "-f", "-n", "1", "other", "talker").start(t)
	following.says(t, "|")
	if err := unix.Kill(pids(p.status(t))["talker[0]"], unix.SIGTERM); err != nil { // it writes
		t.Fatal(err)
	}
	following.says(t, "talker | say:four")
	p.stop(t, unix.SIGTERM)
	r = following.ended(t)
	r.wants(t, 0, "the supervisor has ended")
	if n := strings.Count(r.stdout, "say:four"); n != 1 || strings.Contains(r.stdout, "say:one") {
		t.Errorf("it followed:\n%s", r.stdout)
	}
}

// TestEvents: events are in order, and each says what it comes from.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.lines = []string{"restart: {policy: on-failure, delay: 20ms}"}
	file := writePolicy(t, w.text())
	p := ready(t, file)
	following := p.ask(t, "events", "-f", "-o", "json").start(t)
	following.says(t, "instance.ready")
	kill(t, p.status(t).Modules[0].Instances[0].PID)
	p.becomes(t, "it runs again", func(s api.Status) bool { return allReady(s) && s.Modules[0].Instances[0].Restarts == 1 })
	w = w.next()
	rewrite(t, file, w.text())
	p.reload(t).wants(t, 0)
	following.says(t, "reload.done")

	events := p.events(t)
	byID := map[string]api.Event{}
	v7 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for i, e := range events {
		if !v7.MatchString(e.ID) || i > 0 && e.ID <= events[i-1].ID || e.Text == "" || e.Kind == "" || time.Since(e.Time).Abs() > time.Minute {
			t.Errorf("event %d: %+v", i, e)
		}
		byID[e.ID] = e
	}
	// chain returns the kinds of the causes of the last event of a kind.
	chain := func(kind string) string {
		at := len(events) - 1
		for at >= 0 && events[at].Kind != kind {
			at--
		}
		if at < 0 {
			t.Fatalf("no event %s in %+v", kind, events)
		}
		var kinds []string
		for e, ok := events[at], true; ok; e, ok = byID[e.Cause] {
			kinds = append(kinds, e.Kind)
		}
		return strings.Join(kinds, " < ")
	}
	for kind, want := range map[string]string{
		"instance.backoff": "instance.backoff < instance.exited < instance.ready < instance.started",
		"reload.done":      "reload.done < reload.committed < reload.requested",
	} {
		if got := chain(kind); !strings.HasPrefix(got, want) {
			t.Errorf("the causes are %s, want %s", got, want)
		}
	}
	// The new instance of the reload belongs to its trace.
	last := byID[""]
	for _, e := range events {
		if e.Kind == "instance.started" {
			last = e
		}
	}
	done := events[slices.IndexFunc(events, func(e api.Event) bool { return e.Kind == "reload.done" })]
	if trace := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`); !trace.MatchString(last.Trace) || !trace.MatchString(done.Trace) ||
		last.Trace[:35] != done.Trace[:35] || last.Generation != 2 {
		t.Errorf("%+v was started by %+v", last, done)
	}
	p.stop(t, unix.SIGTERM)
	r := following.ended(t)
	r.wants(t, 0)
	for _, e := range events {
		if strings.Count(r.stdout, `"id":"`+e.ID+`"`) != 1 {
			t.Errorf("event %s (%s) was not followed once", e.ID, e.Kind)
		}
	}
}

// TestDryRun: a reload that is only looked at says what it would do, and why, and does nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.modules = []module{sleeper("gone", 1), sleeper("more", 1)}
	w.modules[1].lines = append(w.modules[1].lines, "user: www-data")
	file := writePolicy(t, w.text())
	p := ready(t, file)
	before := p.status(t)
	changed := w.next()
	changed.listener = "backlog: 9"
	changed.modules = []module{sleeper("more", 2), {name: "new", lines: []string{"user: games"}}}
	changed.modules[0].lines = append(changed.modules[0].lines, "user: www-data")
	rewrite(t, file, changed.text())
	r := p.reload(t, "--dry-run")
	r.wants(t, 0)
	for _, row := range []string{
		`change +listener +http +backlog: 1024 -> 9 \(.*policy.yaml:3\)`,
		`replace +module +service +environment: changed SERVICE_VERSION \(.*policy.yaml:\d+\) \(start-first\)`,
		`start +module +more\[1\] +replicas: 1 -> 2`,
		`start +module +new +new`,
		`stop +module +gone`,
		`generation 1 -> 2: `,
	} {
		if !regexp.MustCompile(`(?m)^` + row).MatchString(r.stdout) {
			t.Errorf("no row %s:\n%s", row, r.stdout)
		}
	}
	r = p.reload(t, "--dry-run", "-o", "json")
	r.wants(t, 0)
	var result api.Result
	if err := json.Unmarshal([]byte(r.stdout), &result); err != nil || !result.OK || result.Plan == nil {
		t.Fatalf("%v\n%s", err, r.stdout)
	}
	var actions []string
	for _, a := range result.Plan.Actions {
		if len(a.Reasons) == 0 {
			t.Errorf("%+v has no reason", a)
		}
		actions = append(actions, a.Verb+" "+a.Name)
	}
	slices.Sort(actions)
	if got := strings.Join(actions, ", "); got != "change http, change more, replace service, start more, start new, stop gone" || result.Plan.From != 1 {
		t.Errorf("actions: %s", got)
	}
	after := p.status(t)
	samePIDs(t, before, after)
	if after.Generation != 1 || after.LastReload != nil || len(after.Listeners) != 1 || after.Listeners[0].Backlog != 1024 {
		t.Errorf("it was only looked at: %+v", after)
	}
	// One that is wrong is refused in the same way.
	rewrite(t, file, strings.Replace(changed.text(), "replicas: 2", "replicas: two", 1))
	p.reload(t, "--dry-run").wants(t, 2, filepath.Base(file)+":", "replicas")
	p.stop(t, unix.SIGTERM)
}
