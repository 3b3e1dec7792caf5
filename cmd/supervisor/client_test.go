package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"golang.org/x/sys/unix"
	"golang.org/x/tools/txtar"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/control"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

var update = flag.Bool("update", false, "write the outputs of the commands into testdata/control")

// scene is a manager that answers as a test wants it to.
type scene struct {
	status api.Status
	result api.Result
	err    error
	// during are events that happen while a command is carried out.
	during []api.Event

	mu     sync.Mutex // guards what follows
	asked  []string   // commands
	events []api.Event
	lines  []api.LogLine
	follow map[chan api.Event]bool
}

func (m *scene) Status() api.Status { m.mu.Lock(); defer m.mu.Unlock(); return m.status }

func (m *scene) Do(_ context.Context, verb machine.Verb, modules []string, dryRun bool) (api.Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, fmt.Sprintf("%v %v dry-run=%v", verb, modules, dryRun))
	for n, e := range m.during {
		e.Time = time.Now()
		e.ID = fmt.Sprintf("%s-7%03d-8000-000000000000", id48(e.Time), n)
		m.events = append(m.events, e)
		for ch := range m.follow {
			ch <- e
		}
	}
	return m.result, m.err
}

// forget forgets the events of commands: those of the next one may be of the same millisecond, and have the same IDs.
func (m *scene) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = slices.DeleteFunc(m.events, func(e api.Event) bool { return strings.HasSuffix(e.ID, "-8000-000000000000") })
}

// id48 is the first half of an ID.
func id48(t time.Time) string {
	ms := fmt.Sprintf("%012x", t.UnixMilli())
	return ms[:8] + "-" + ms[8:]
}

func (m *scene) Events(ctx context.Context, after string) <-chan api.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch := make(chan api.Event, 1000)
	for _, e := range m.events {
		if e.ID > after {
			ch <- e
		}
	}
	if m.follow == nil {
		m.follow = map[chan api.Event]bool{}
	}
	m.follow[ch] = true
	context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.follow, ch)
		close(ch)
	})
	return ch
}

func (m *scene) Logs(ctx context.Context, modules []string, last int) <-chan api.LogLine {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch := make(chan api.LogLine, 1000)
	var lines []api.LogLine
	for _, l := range m.lines {
		if len(modules) == 0 || slices.Contains(modules, l.Module) {
			lines = append(lines, l)
		}
	}
	for _, l := range lines[max(len(lines)-last, 0):] {
		ch <- l
	}
	context.AfterFunc(ctx, func() { close(ch) })
	return ch
}

func (m *scene) Stats(context.Context) (wire.Stats, error) {
	return wire.Stats{}, errors.New("no spawner")
}

// play serves a scene and returns the path of its socket, and what ends it.
func play(t testing.TB, m control.Manager) (path string, end func()) {
	t.Helper()
	dir, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "s")
	k := linux.New()
	fd, err := k.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(k.Bind(fd, posix.Sockaddr{Family: unix.AF_UNIX, Path: path}), k.Listen(fd, 64)); err != nil {
		t.Fatal(err)
	}
	s, err := control.NewServer(k, control.Options{Owner: posix.UID(os.Getuid())})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(control.Listener{FD: fd, Handler: control.API(m, nil)}); err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(dir)
	})
	t.Cleanup(end)
	return path, end
}

// call runs a command of the control API and returns what it printed and its exit status.
func call(ctx context.Context, path string, args ...string) (stdout, stderr string, status int) {
	var out, errs bytes.Buffer
	argv := append(append([]string{"supervisor"}, args...), "--control", path)
	a := &app{Invocation: &invoke.Invocation{Core: linux.New(), Argv: argv}}
	root := a.rootCommand()
	root.SetArgs(a.Argv[1:])
	root.SetOut(&out)
	root.SetErr(&errs)
	err := root.ExecuteContext(ctx)
	var exit *invoke.ExitError
	switch {
	case errors.As(err, &exit):
		status = exit.Status
		if exit.Err != nil {
			fmt.Fprintln(&errs, "supervisor:", exit.Err)
		}
	case err != nil:
		status = invoke.StatusInvalid
		fmt.Fprintln(&errs, "supervisor:", err)
	}
	return out.String(), errs.String(), status
}

// ago is a time that is shown as 3m for as long as a test takes.
func ago(d time.Duration) time.Time { return time.Now().Add(-d - 30*time.Second) }

// stageScene is a supervisor with a bit of everything.
func stageScene() *scene {
	zero := 0
	soon := time.Now().Add(90 * time.Second)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &scene{
		status: api.Status{
			Version: "1.2.3", PID: 100, Since: ago(125 * time.Minute), Manager: api.Manager{PID: 101, Since: ago(3 * time.Minute), Restarts: 1}, State: "running", Generation: 3,
			Policies: []string{"web.yaml"}, LastReload: &api.Reload{Time: ago(5 * time.Minute), Generation: 4, Text: "web[0]: exited with status 1 before it was ready; generation 3 serves on"},
			Modules: []api.Module{
				{Name: "web", Place: "web.yaml:7", Command: []string{"/usr/bin/web"}, User: "www", Restart: "always", UpdateOrder: "start-first", Replicas: 2, Listeners: []string{"http"},
					Enforcement: []api.Protection{{Name: "seccomp", Level: "enforced", Detail: "47 calls"}, {Name: "landlock", Level: "degraded", Detail: "ABI 2 of 6"}},
					Instances: []api.Instance{
						{ID: 9, Replica: 0, Generation: 3, PID: 4001, State: "ready", Since: ago(3 * time.Minute), Restarts: 4, Status: "serving \x1b[2J"},
						{ID: 8, Replica: 1, Generation: 3, PID: 4002, State: "starting", Since: ago(26 * time.Hour)},
					}},
				{Name: "worker", Place: "web.yaml:30", Command: []string{"/usr/bin/worker"}, User: "work", Restart: "on-failure", UpdateOrder: "stop-first", Replicas: 1,
					Enforcement: []api.Protection{{Name: "seccomp", Level: "enforced", Detail: "12 calls"}},
					Instances:   []api.Instance{{Generation: 3, State: "backoff", Since: ago(time.Minute), Restarts: 2, NextTry: &soon, Reason: "exited with status 1"}}},
			},
			Listeners: []api.Listener{{Name: "http", Network: "tcp", Address: "127.0.0.1:8080", Modules: []string{"web"}, Generation: 1, Healed: 1},
				{Name: "jobs", Network: "unix", Address: "/run/jobs.sock", Modules: []string{"worker"}, Generation: 2}},
		},
		events: []api.Event{
			{ID: "01890000-0000-7000-8000-000000000001", Time: at, Kind: "supervisor.started", Level: "info", Generation: 1, Text: "generation 1: 3 instances running"},
			{ID: "01890000-0000-7000-8000-000000000002", Time: at.Add(time.Second), Kind: "instance.exited", Level: "warn", Generation: 1, Module: "web", Replica: &zero, PID: 4000, Text: "exited with status 1"},
			{ID: "01890000-0000-7000-8000-000000000003", Time: at.Add(2 * time.Second), Kind: "listener.healed", Level: "error", Generation: 1, Listener: "http", Text: "listens again \x1b]0;x\a"},
		},
		lines: []api.LogLine{
			{Time: at, Module: "web", Replica: 0, PID: 4001, Stream: "stdout", Line: "hello"},
			{Time: at, Module: "web", Replica: 1, PID: 4002, Stream: "stderr", Line: "oh no"},
			{Time: at.Add(time.Second), Module: "worker", Stream: "stdout", Line: "\x1b[31mred\x1b[0m <&>"},
		},
		during: []api.Event{
			{Kind: "reload.requested", Level: "info", Generation: 3, Trace: trace, Text: "reload"},
			{Kind: "instance.exited", Level: "warn", Generation: 3, Module: "worker", Replica: &zero, Text: "exited with status 1"}, // of its own accord
			{Kind: "instance.ready", Level: "info", Generation: 4, Module: "web", Replica: &zero, Trace: trace, Text: "is ready"},
		},
		result: api.Result{OK: true, Text: "generation 4 is in force"},
	}
}

// variants are what else the scripts of testdata/control can ask for, by the name in their first line.
var variants = map[string]func(*scene){
	"planned": func(m *scene) {
		m.result.Plan = &api.Plan{From: 3, To: 4, Actions: []api.Action{
			{Verb: api.Keep, Kind: "listener", Name: "http", Reasons: []string{"identity unchanged"}},
			{Verb: api.Replace, Kind: "module", Name: "web", Order: "start-first", Reasons: []string{"seccomp.allow: added socket (web.yaml:14)", "user: www-data (web.yaml:9)"}},
		}}
	},
	"refused": func(m *scene) {
		m.result = api.Result{Invalid: true, Text: "reload refused: 1 error; generation 3 serves on",
			Problems: "error[E201]: unknown system call \"wirte\"\n  web.yaml:31:20\n", Diagnostic: []any{map[string]any{"code": "E201"}}}
	},
	"undone": func(m *scene) {
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		m.result = api.Result{Text: "web[0]: exited with status 1 before it was ready; generation 3 serves on",
			Plan:   &api.Plan{From: 3, To: 4, Actions: []api.Action{{Verb: api.Replace, Kind: "module", Name: "web", Order: "start-first", Reasons: []string{"user: x"}}}},
			Output: []api.LogLine{{Time: at, Module: "web", PID: 4009, Stream: "stderr", Line: "bind() to 0.0.0.0:80 \x1bfailed"}}}
	},
	"ending": func(m *scene) { m.err = errors.New("the manager is ending") },
	"empty": func(m *scene) {
		m.status = api.Status{Version: "1.2.3", State: "starting"}
		m.events, m.lines = nil, nil
	},
}

// Times that differ from run to run, and those that differ with the place.
var (
	changing = regexp.MustCompile(`"(since|time|next_try)": ?"[^"]*"`)
	local    = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d `)
)

// TestCommands runs the scripts of testdata/control: the first line of the comment names variants of the scene, and the files are the
// arguments, a command a line, and everything that they print.
func TestCommands(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "control", "*.txtar"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m := stageScene()
			first, _, _ := strings.Cut(string(ar.Comment), "\n")
			for name := range strings.FieldsSeq(first) {
				variants[name](m)
			}
			path, _ := play(t, m)
			var got []txtar.File
			for line := range strings.Lines(string(ar.Files[0].Data)) {
				m.forget()
				args := strings.Fields(line)
				out, errs, status := call(t.Context(), path, args...)
				for _, f := range []txtar.File{{Name: "stdout", Data: []byte(out)}, {Name: "stderr", Data: []byte(errs)}, {Name: "status", Data: []byte(strconv.Itoa(status) + "\n")}} {
					f.Data = changing.ReplaceAll(bytes.ReplaceAll(f.Data, []byte(path), []byte("SOCKET")), []byte(`"$1": "TIME"`))
					f.Data = local.ReplaceAll(f.Data, []byte("TIME "))
					if len(f.Data) > 0 {
						got = append(got, f)
					}
				}
			}
			if m.asked != nil {
				got = append(got, txtar.File{Name: "asked", Data: []byte(strings.Join(m.asked, "\n") + "\n")})
			}
			result := &txtar.Archive{Comment: ar.Comment, Files: append(ar.Files[:1:1], got...)}
			if *update {
				if err := os.WriteFile(file, txtar.Format(result), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(ar)), string(txtar.Format(result))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// slow is a scene whose commands take until finish is closed.
type slow struct {
	*scene
	inside, finish chan struct{}
	done           chan error
}

func (m *slow) Do(ctx context.Context, _ machine.Verb, _ []string, _ bool) (api.Result, error) {
	close(m.inside)
	<-m.finish
	m.done <- ctx.Err()
	return api.Result{OK: true}, nil
}

// gathered gathers from one collector.
type gathered struct{ c prometheus.Collector }

func (g gathered) Gather() ([]*dto.MetricFamily, error) {
	r := prometheus.NewRegistry()
	if err := r.Register(g.c); err != nil {
		return nil, err
	}
	return r.Gather()
}
