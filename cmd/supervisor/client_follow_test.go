package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/control"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/metrics"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

func TestNobodyListens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	for _, args := range [][]string{{"status"}, {"status", "--watch"}, {"reload"}, {"stop", "web"}, {"start", "web"}, {"restart", "--all"}, {"logs"}, {"logs", "-f"}, {"events"}, {"events", "-f"}} {
		out, errs, status := call(t.Context(), path, args...)
		if want := "supervisor: no supervisor listens on " + path + ": is it running? --control names another socket\n"; out != "" || errs != want || status != invoke.StatusSupervisor {
			t.Errorf("%v: status %d, %q, %q", args, status, out, errs)
		}
	}
}

// stripped is a scene whose streams end at once, as when the manager is killed again and again.
type stripped struct {
	*scene
	mu     sync.Mutex // guards what follows
	opened int
	afters []string
	end    func()
}

func (m *stripped) Events(ctx context.Context, after string) <-chan api.Event {
	m.mu.Lock()
	m.opened++
	m.afters = append(m.afters, after)
	opened := m.opened
	m.mu.Unlock()
	if opened == 4 {
		go m.end()
	}
	ch := make(chan api.Event, 1)
	if opened <= len(m.events) {
		ch <- m.events[opened-1]
	}
	close(ch)
	return ch
}

func (m *stripped) Logs(context.Context, []string, int) <-chan api.LogLine {
	m.mu.Lock()
	m.opened++
	opened := m.opened
	m.mu.Unlock()
	if opened == 3 {
		go m.end()
	}
	ch := make(chan api.LogLine, 10)
	for _, l := range m.lines[:opened] {
		ch <- l
	}
	close(ch)
	return ch
}

// TestFollowEvents: a stream that ends is opened again behind the last event, until the supervisor has ended.
func TestFollowEvents(t *testing.T) {
	m := &stripped{scene: stageScene()}
	path, end := play(t, m)
	m.end = end
	out, errs, status := call(t.Context(), path, "events", "-f", "-o", "json")
	if n := strings.Count(out, "\n"); n != 3 || status != invoke.StatusDone || errs != "supervisor: the supervisor has ended\n" {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	if want := []string{"", m.events[0].ID, m.events[1].ID, m.events[2].ID}; !slices.Equal(m.afters, want) {
		t.Errorf("asked for what came after %v, want %v", m.afters, want)
	}
}

// TestFollowLogs: no line is shown twice when a stream is opened again.
func TestFollowLogs(t *testing.T) {
	m := &stripped{scene: stageScene()}
	path, end := play(t, m)
	m.end = end
	out, errs, status := call(t.Context(), path, "logs", "-f")
	if want := "web    | hello\nworker | \x1b[31mred\x1b[0m <&>\n"; out != want || status != invoke.StatusDone || errs != "web-1  | oh no\nsupervisor: the supervisor has ended\n" {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
}

// TestRepeatedLines: lines of one moment are told apart by their number.
func TestRepeatedLines(t *testing.T) {
	at := time.Unix(1000, 0)
	line := func(s int) api.LogLine { return api.LogLine{Time: at.Add(time.Duration(s) * time.Second)} }
	v := &logView{}
	for i, c := range []struct {
		resume bool
		l      api.LogLine
		shown  bool
	}{
		{false, line(0), true}, {false, line(1), true}, {false, line(1), true},
		{true, line(0), false}, {false, line(1), false}, {false, line(1), false}, {false, line(1), true}, {false, line(2), true},
		{true, line(3), true}, {false, line(3), true},
	} {
		if c.resume {
			v.resume()
		}
		if got := !v.repeated(c.l); got != c.shown {
			t.Errorf("line %d is shown: %v", i, got)
		}
	}
}

// TestWatch: without a terminal a status is printed when it has changed, until the supervisor has ended.
func TestWatch(t *testing.T) {
	m := stageScene()
	path, end := play(t, m)
	shown := make(chan struct{}, 100)
	w := &signalled{shown: shown}
	done := make(chan error)
	v := statusView{json: true, now: time.Now}
	go func() {
		done <- v.watch(context.Background(), control.NewClient(path), func() screen { return screen{Writer: w} })
	}()
	<-shown
	m.mu.Lock()
	m.status.Generation = 9
	m.mu.Unlock()
	<-shown
	end()
	if err := <-done; !errors.Is(err, errEnded) {
		t.Error(err)
	}
	if text := w.b.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, `"generation":9`) {
		t.Errorf("%s", text)
	}
}

// signalled tells of each write.
type signalled struct {
	b     bytes.Buffer
	shown chan struct{}
}

func (w *signalled) Write(p []byte) (int, error) {
	n, err := w.b.Write(p)
	w.shown <- struct{}{}
	return n, err
}

// TestInterrupted: Ctrl-C ends the command, not what it asked for.
func TestInterrupted(t *testing.T) {
	m := &slow{scene: stageScene(), inside: make(chan struct{}), finish: make(chan struct{}), done: make(chan error, 1)}
	path, _ := play(t, m)
	type outcome struct {
		errs   string
		status int
	}
	got := make(chan outcome)
	go func() {
		_, errs, status := call(context.Background(), path, "reload")
		got <- outcome{errs, status}
	}()
	<-m.inside
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if o := <-got; o.status != interrupted || o.errs != "supervisor: interrupted; the reload goes on: `supervisor status` says what became of it\n" {
		t.Errorf("status %d, %q", o.status, o.errs)
	}
	close(m.finish)
	if err := <-m.done; err != nil {
		t.Errorf("the reload ended with its client: %v", err)
	}
}

// TestMetricsOfTheSpawner: what goes over the wire comes out as it was counted.
func TestMetricsOfTheSpawner(t *testing.T) {
	core := metrics.New(linux.New())
	core.Getuid()
	_ = core.Close(-1) // EBADF
	calls, durations := callCounts(core)
	if len(calls) != 2 || len(durations) != 2 {
		t.Fatalf("%v, %v", calls, durations)
	}
	r := newSpawnerCalls()
	if err := r.Show(wire.Stats{Calls: calls, Durations: durations}); err != nil {
		t.Fatal(err)
	}
	want, _ := metrics.OpFirst(gathered{core.Collector("spawner")}).Gather()
	got, err := metrics.OpFirst(gathered{r}).Gather()
	if err != nil || len(got) != 2 || len(want) != 2 {
		t.Fatalf("%d families, %v", len(got), err)
	}
	for i := range want {
		if got[i].String() != want[i].String() {
			t.Errorf("%v, want %v", got[i], want[i])
		}
	}
	if err := r.Show(wire.Stats{Calls: []wire.CallCount{{Op: "frobnicate", Errno: "0", N: 1}, {Op: "close", Errno: "EFROB", N: 1}}}); err == nil ||
		!strings.Contains(err.Error(), `"frobnicate"`) || !strings.Contains(err.Error(), `"EFROB"`) {
		t.Error(err)
	}
}
