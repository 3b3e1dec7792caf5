package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// fakeManager is a manager whose answers are set.
type fakeManager struct {
	status api.Status
	stats  func(context.Context) (wire.Stats, error)
	do     func(context.Context, command) (api.Result, error)

	events feedOf[api.Event]
	lines  feedOf[api.LogLine]
}

type command struct {
	verb    machine.Verb
	modules []string
	dryRun  bool
}

func (m *fakeManager) Status() api.Status { return m.status }

func (m *fakeManager) Do(ctx context.Context, verb machine.Verb, modules []string, dryRun bool) (api.Result, error) {
	if m.do == nil {
		return api.Result{}, errors.New("no command is expected")
	}
	return m.do(ctx, command{verb, modules, dryRun})
}

func (m *fakeManager) Events(ctx context.Context, after string) <-chan api.Event {
	return m.events.subscribe(ctx, func(e api.Event) bool { return e.ID > after })
}

func (m *fakeManager) Logs(ctx context.Context, modules []string, last int) <-chan api.LogLine {
	return m.lines.subscribe(ctx, func(l api.LogLine) bool {
		for _, name := range modules {
			if name == l.Module {
				return true
			}
		}
		return len(modules) == 0
	})
}

func (m *fakeManager) Stats(ctx context.Context) (wire.Stats, error) {
	if m.stats == nil {
		return wire.Stats{}, errors.New("no spawner")
	}
	return m.stats(ctx)
}

// feedOf is what is remembered, and who follows.
type feedOf[T any] struct {
	mu     sync.Mutex // guards what follows
	past   []T
	follow map[chan T]bool
}

func (f *feedOf[T]) subscribe(ctx context.Context, want func(T) bool) <-chan T {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := make(chan T, len(f.past)+1000)
	for _, v := range f.past {
		if want(v) {
			ch <- v
		}
	}
	if f.follow == nil {
		f.follow = map[chan T]bool{}
	}
	f.follow[ch] = true
	context.AfterFunc(ctx, func() { f.end(ch) })
	return ch
}

func (f *feedOf[T]) end(ch chan T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.follow[ch] {
		delete(f.follow, ch)
		close(ch)
	}
}

func (f *feedOf[T]) publish(v T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.past = append(f.past, v)
	for ch := range f.follow {
		ch <- v
	}
}

// followers returns how many follow.
func (f *feedOf[T]) followers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.follow)
}

// cut ends all who follow.
func (f *feedOf[T]) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch := range f.follow {
		delete(f.follow, ch)
		close(ch)
	}
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// numbered is an event with the nth ID.
func numbered(n int, kind string) api.Event {
	return api.Event{ID: fmt.Sprintf("01890000-0000-7000-8000-%012d", n), Time: epoch.Add(time.Duration(n) * time.Second), Kind: kind, Level: "info", Generation: 1, Text: kind}
}

// twoModules is a status with all that there can be.
func twoModules() api.Status {
	started := epoch
	return api.Status{
		Version: "1.2.3", PID: 100, Since: epoch, Manager: api.Manager{PID: 101, Since: epoch, Restarts: 2}, State: "running", Generation: 3,
		Policies: []string{"web.yaml"}, LastReload: &api.Reload{Time: epoch, OK: true, Generation: 3, Text: "1 module replaced"},
		Modules: []api.Module{
			{Name: "web", Place: "web.yaml:7", Command: []string{"/usr/bin/web"}, User: "www", Restart: "always", UpdateOrder: "start-first", Replicas: 2,
				Listeners: []string{"http"}, Enforcement: []api.Protection{{Name: "seccomp", Level: "enforced", Detail: "47 calls"}},
				Instances: []api.Instance{
					{ID: 7, Replica: 0, Generation: 2, PID: 4000, State: "draining", Since: epoch, Started: &started, Restarts: 4},
					{ID: 9, Replica: 0, Generation: 3, PID: 4001, State: "ready", Since: epoch, Started: &started, Restarts: 4},
					{ID: 8, Replica: 1, Generation: 3, PID: 4002, State: "ready", Since: epoch, Started: &started},
				}},
			{Name: "api", Place: "web.yaml:30", Replicas: 1, Instances: []api.Instance{{State: "held", Since: epoch, Restarts: 5, Reason: "exited with status 1"}}},
		},
		Listeners: []api.Listener{{Name: "http", Network: "tcp", Address: "127.0.0.1:8080", Modules: []string{"web"}, Generation: 1, Healed: 1}},
	}
}

// mine are the options of a server of who runs the tests.
func mine() Options { return Options{Owner: posix.UID(os.Getuid())} }

// serve serves handlers on sockets and returns their paths.
func serve(t testing.TB, o Options, listeners ...Listener) (s *Server, paths []string) {
	t.Helper()
	s, err := NewServer(linux.New(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	for _, l := range listeners {
		var path string
		l.FD, path = listen(t)
		add(t, s, l)
		paths = append(paths, path)
	}
	return s, paths
}

// serveAPI serves the control API of a manager.
func serveAPI(t testing.TB, m Manager) (path string) {
	t.Helper()
	_, paths := serve(t, mine(), Listener{Handler: API(m, nil)})
	return paths[0]
}

func testLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func add(t testing.TB, s *Server, l Listener) Key {
	t.Helper()
	key, err := s.Add(l)
	must(t, err)
	return key
}
