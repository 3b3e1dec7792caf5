package machine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/event"
	"github.com/bulkhead/bulkhead/core/plan"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

func TestDryRun(t *testing.T) {
	w := newWorld(t, site())
	w.begin()
	w.run(time.Second)
	w.policy = site().with("2", "web", "job")
	w.ask(1, Reload, true)
	w.run(time.Second)
	r := w.result(1)
	if !r.OK || r.Plan == nil || r.Plan.To != 2 || w.current.Generation != 1 || w.prepared != nil || len(w.processes) != 5 {
		t.Fatalf("%+v", r)
	}
	if text := plan.Text(*r.Plan); !strings.Contains(text, "command: /bin/web 1 -> /bin/web 2 (t.yaml:7) (start-first)") {
		t.Error(text)
	}
	if w.m.Status().LastReload != nil {
		t.Error("a look at it counts as a reload")
	}
}

// TestProblemsOfThePlan: what is right in itself and cannot be brought in is refused with its place, and discarded.
func TestProblemsOfThePlan(t *testing.T) {
	c := config{modules: []spec{{name: "a", version: "1", order: "start-first"}}}
	w := newWorld(t, c)
	w.begin()
	w.run(time.Second)
	w.policy = c.with("2", "a")
	w.ask(1, Reload, false)
	w.run(time.Second)
	r := w.result(1)
	if r.OK || !r.Invalid || !strings.Contains(r.Problems, "t.yaml:7   help: write update_config") || !strings.HasSuffix(r.Text, "; generation 1 serves on") {
		t.Errorf("%+v", r)
	}
	if w.prepared != nil || len(w.processes[0].signals) > 0 || w.kinds(KindReloadRefused) != 1 || w.kinds(KindReloadProblems) != 1 {
		t.Errorf("%+v", w.events)
	}
	w.ask(2, Restart, false)
	w.run(time.Second)
	if r := w.result(2); r.OK || !r.Invalid || !strings.Contains(r.Text, "(t.yaml:7)") {
		t.Errorf("%+v", r)
	}
}

// TestInPlace: what only the manager uses changes without a new process.
func TestInPlace(t *testing.T) {
	w := newWorld(t, site())
	w.begin()
	w.run(2 * time.Second)
	w.policy = site()
	w.policy.modules[2].signal, w.policy.modules[2].grace = 3, 7*time.Second
	w.ask(1, Reload, false)
	w.run(2 * time.Second)
	if r := w.result(1); !r.OK || len(w.processes) != 5 {
		t.Fatalf("%+v", r)
	}
	w.ask(2, Stop, false, "job")
	w.run(time.Second)
	for _, p := range w.processes {
		if p.module == "job" && !slices.Equal(p.signals, []uint8{3}) {
			t.Errorf("signals %v", p.signals)
		}
	}
	if got := w.texts(KindInstanceStopping); len(got) != 1 || got[0] != "job: SIGQUIT; it has 7s" {
		t.Error(got)
	}
}

// TestReloadAndWhatDoesNotRun: a reload starts what was held when it has changed, and leaves alone what is wanted stopped; undone, it puts everything back.
func TestReloadAndWhatDoesNotRun(t *testing.T) {
	c := config{modules: []spec{{name: "held", version: "1"}, {name: "stopped", version: "1"}, {name: "late", version: "1", restart: "always"}, {name: "runs", version: "1"}}}
	w := newWorld(t, c)
	w.conducts["held 1"] = conduct{lives: 10 * time.Millisecond, status: 1}
	w.begin()
	w.run(10 * time.Second)
	w.ask(1, Stop, false, "stopped")
	w.run(20 * time.Second)
	w.conducts["late"] = conduct{lives: 10 * time.Millisecond}
	for _, p := range w.processes {
		if p.module == "late" && p.Exit == nil {
			w.exit(p, 2, 9, "killed by SIGKILL")
		}
	}
	w.run(50 * time.Millisecond) // late is in its back-off
	states := func() string {
		var out []string
		for _, m := range w.m.Status().Modules {
			for _, i := range m.Instances {
				out = append(out, m.Name+" "+i.State)
			}
		}
		return strings.Join(out, ", ")
	}
	if got := states(); got != "held held, stopped stopped, late backoff, runs ready" {
		t.Fatal(got)
	}
	w.policy = c.with("2", "held", "stopped", "late", "runs")
	w.policy.modules[1].replicas = 3
	w.conducts["runs 2"] = conduct{launchFails: "no such file"}
	w.conducts["late 2"] = conduct{ready: 10 * time.Millisecond, dies: time.Millisecond}
	w.ask(2, Reload, false)
	w.run(800 * time.Millisecond)
	if r := w.result(2); r.OK || r.Text != "runs: no such file; generation 1 serves on" {
		t.Errorf("%+v", r)
	}
	w.conducts["late"] = conduct{dies: time.Millisecond}
	w.run(20 * time.Second)
	if got := states(); got != "held held, stopped stopped, late ready, runs ready" {
		t.Error(got)
	}
	delete(w.conducts, "runs 2")
	w.ask(3, Reload, false)
	w.run(10 * time.Second)
	if r := w.result(3); !r.OK {
		t.Errorf("%+v", r)
	}
	if got := states(); got != "held ready, stopped stopped, stopped stopped, stopped stopped, late ready, runs ready" {
		t.Error(got)
	}
	// Once more what failed before, in a slot where nothing had run the last time.
	w.policy = c.with("3", "held", "runs")
	w.conducts["runs 3"] = conduct{launchFails: "no such file"}
	w.ask(6, Reload, false)
	w.run(10 * time.Second)
	if r := w.result(6); r.OK || r.Text != "runs: no such file; generation 3 serves on" {
		t.Errorf("%+v", r)
	}
	if got := states(); got != "held ready, stopped stopped, stopped stopped, stopped stopped, late ready, runs ready" {
		t.Error(got)
	}
	w.policy = config{modules: slices.Clone(c.modules[3:])}
	w.policy.modules[0].version = "2"
	w.ask(4, Reload, false)
	w.run(10 * time.Second)
	for _, m := range w.memos {
		if strings.HasPrefix(m.Key, keyStopped) || strings.HasPrefix(m.Key, keySlot) && !strings.HasSuffix(m.Key, "/runs") {
			t.Errorf("memo %q is about a module that is no more", m.Key)
		}
	}
	w.policy = c.with("2", "held", "stopped", "late", "runs")
	w.ask(5, Reload, false)
	w.run(10 * time.Second)
	if got := states(); got != "held ready, stopped ready, late ready, runs ready" {
		t.Errorf("after it was removed and added again: %s", got)
	}
	w.shutdown()
}

// TestExitWhileTheCommitIsUnderWay: what ends then is started again when the answer is there, from the generation that is in force.
func TestExitWhileTheCommitIsUnderWay(t *testing.T) {
	for _, refused := range []bool{false, true} {
		w := newWorld(t, site())
		w.begin()
		w.run(2 * time.Second)
		w.policy = site().with("2", "web")
		w.wish(wire.WishReload)
		for w.m.reload == nil || w.m.reload.phase != committing {
			w.run(time.Millisecond / 2)
		}
		if refused {
			// The answer that is on its way is not heard; another one comes.
			w.coming = slices.DeleteFunc(w.coming, func(o occurrence) bool { return o.mail })
			w.current = site().outline(1)
			o := w.policy.outline(2)
			w.prepared = &o
		}
		for _, p := range slices.Clone(w.processes) {
			if p.module == "web" && p.version == "2" || p.module == "job" {
				w.exit(p, 1, 1, "exited with status 1")
			}
		}
		for _, o := range slices.Clone(w.coming) {
			if o.mail && refused {
				o.do()
			}
		}
		if refused {
			w.coming = slices.DeleteFunc(w.coming, func(o occurrence) bool { return o.mail })
			w.run(300 * time.Millisecond) // the back-off of job is over, and its launch waits
			if len(w.m.reload.ended) != 2 || len(w.m.reload.postponed) != 1 {
				t.Fatalf("%d ended, %d postponed", len(w.m.reload.ended), len(w.m.reload.postponed))
			}
			var id RequestID
			for n, r := range w.m.requests.pending {
				if r.kind == wire.KindCommit {
					id = n
				} else {
					delete(w.m.requests.pending, n) // not heard either
				}
			}
			w.m.requests.forgets = 0
			for _, p := range w.processes {
				p.forgot = p.forgot || p.Exit != nil && p.module == "job"
			}
			w.step(Replied{Now: Now{w.now}, Request: id, Reply: wire.Reply{Code: wire.Failed, Text: "no memory"}})
		}
		w.run(20 * time.Second)
		w.settled()
		if want := wire.GenerationID(2); (w.current.Generation == want) == refused {
			t.Errorf("generation %d", w.current.Generation)
		}
		w.shutdown()
	}
}

// TestTraces: all events of a reload have one trace, each leads to the one that caused it, and nothing else has it.
func TestTraces(t *testing.T) {
	w := newWorld(t, site())
	w.begin()
	w.run(2 * time.Second)
	w.policy = site().with("2", "web", "db")
	w.ask(1, Reload, false)
	w.run(5 * time.Second)
	w.ask(2, Restart, false, "job")
	w.run(5 * time.Second)
	byID := map[string]api.Event{}
	traces := map[string][]api.Event{}
	spans := map[[8]byte]bool{}
	for _, e := range w.events {
		if e.Cause != "" {
			if _, ok := byID[e.Cause]; !ok {
				t.Errorf("%s %q has a cause that is not there: %s", e.Kind, e.Text, e.Cause)
			}
		}
		byID[e.ID] = e
		if e.Trace == "" {
			continue
		}
		trace, err := event.ParseTrace(e.Trace)
		if err != nil {
			t.Fatalf("%q: %v", e.Trace, err)
		}
		if spans[trace.Span] {
			t.Errorf("%s: its part of the trace is another's", e.Kind)
		}
		spans[trace.Span] = true
		id := string(trace.ID[:])
		traces[id] = append(traces[id], e)
	}
	if len(traces) != 2 {
		t.Fatalf("%d traces", len(traces))
	}
	for _, events := range traces {
		root := events[0]
		if root.Kind != KindReloadAsked && root.Kind != KindCommand {
			t.Errorf("a trace begins with %s", root.Kind)
		}
		kinds := map[string]int{}
		for _, e := range events {
			kinds[e.Kind]++
			at := e
			for at.Cause != "" && at.ID != root.ID {
				at = byID[at.Cause]
			}
			if at.ID != root.ID {
				t.Errorf("%s %q does not lead back to %s, but to %s %q", e.Kind, e.Text, root.Kind, at.Kind, at.Text)
			}
			if e.Module == "still" {
				t.Errorf("%s of a module that is not concerned", e.Kind)
			}
		}
		want := map[string]int{KindLaunched: 3, KindReady: 3, KindInstanceStopping: 3, KindExited: 3, KindReloadCommitted: 1, KindReloadDone: 1}
		if root.Kind == KindCommand {
			want = map[string]int{KindLaunched: 1, KindReady: 1, KindInstanceStopping: 1, KindExited: 1, KindCommandDone: 1}
		}
		for kind, n := range want {
			if kinds[kind] != n {
				t.Errorf("%d times %s in the trace of %s, want %d", kinds[kind], kind, root.Kind, n)
			}
		}
	}
}

// TestKindsAreDocumented: the machine makes no event of a kind that is not in the list, and every kind of the list.
func TestKindsAreDocumented(t *testing.T) {
	made := map[string]bool{KindBug: true, KindHeld: true, KindRequestFailed: true, KindStuck: true} // made in other tests
	for _, s := range scenarios() {
		w := newWorld(t, s.from)
		s.perform(t, w)
		w.ask(1, Shutdown, false)
		for _, e := range w.events {
			made[e.Kind] = true
			if e.ID == "" || e.Time.IsZero() || e.Level == "" || e.Generation == 0 || e.Text == "" {
				t.Errorf("%+v", e)
			}
		}
	}
	w := one(t, spec{name: "a", grace: time.Second}, conduct{dies: -1})
	w.run(time.Second)
	w.ask(1, Restart, false)
	w.ask(2, Stop, false, "no")
	w.run(time.Minute)
	for _, e := range w.events {
		made[e.Kind] = true
	}
	for _, k := range kindMeanings {
		if !made[k.kind] {
			t.Errorf("nothing makes an event of kind %s", k.kind)
		}
		delete(made, k.kind)
	}
	if len(made) > 0 {
		t.Errorf("not in the list: %v", made)
	}
}

func TestListenersOfTheStatus(t *testing.T) {
	c := config{listeners: []string{"a:80", "b:0"}, modules: []spec{{name: "m", version: "1", listeners: []string{"a"}}}}
	w := newWorld(t, c)
	s := wire.Snapshot{Current: w.current, Listeners: []wire.Listener{{Name: "b", Network: "tcp", Address: "127.0.0.1:41234", Generation: 1},
		{Name: "a", Network: "tcp", Address: "127.0.0.1:80", Generation: 1, Backlog: 9}}}
	w.m = New(Options{})
	w.step(Hello{Now{w.now}, s})
	w.step(Noticed{Now{w.now}, wire.Notice{Kind: "listener.healed", Listener: "b", Severity: wire.Warning, Text: "b was shut down by a module"}})
	w.run(time.Second)
	w.policy = config{listeners: []string{"c:0", "d:81"}, modules: c.modules}
	w.ask(1, Reload, false)
	w.run(5 * time.Second)
	if r := w.result(1); !r.OK {
		t.Fatalf("%+v", r)
	}
	w.step(Noticed{Now{w.now}, wire.Notice{Kind: "listener.opened", Listener: "d", Address: "127.0.0.1:8181", Text: "listener d listens on 127.0.0.1:8181"}})
	ls := w.m.Status().Listeners
	if len(ls) != 2 || ls[0].Name != "c" || ls[0].Address != "127.0.0.1:41234" || ls[0].Generation != 1 || ls[0].Healed != 1 ||
		ls[1].Name != "d" || ls[1].Address != "127.0.0.1:8181" || ls[1].Generation != 2 || ls[1].Modules == nil {
		t.Errorf("%+v", ls)
	}
}

// Whoever holds a socket that was replaced by another one is restarted; nobody else is, and nobody who was stopped on purpose.
func TestHoldersOfAReplacedSocket(t *testing.T) {
	c := config{listeners: []string{"a:1", "b:2"}, modules: []spec{{name: "holds", listeners: []string{"a"}}, {name: "other", listeners: []string{"b"}},
		{name: "stopped", listeners: []string{"a"}}}}
	w := newWorld(t, c)
	w.begin()
	w.run(5 * time.Second)
	w.ask(1, Stop, false, "stopped")
	w.run(5 * time.Second)
	pid := func(module string) wire.InstanceID {
		if live := w.live(module, 0); len(live) == 1 {
			return live[0].ID
		}
		return 0
	}
	holds, other := pid("holds"), pid("other")
	w.step(Noticed{Now{w.now}, wire.Notice{Kind: "listener.replaced", Listener: "a", Severity: wire.Warning, Text: "a was shut down by a module"}})
	w.run(10 * time.Second)
	if got := pid("holds"); got == holds || got == 0 {
		t.Errorf("the holder is instance %d, and was %d", got, holds)
	}
	if got := pid("other"); got != other {
		t.Errorf("the one with another listener was %d, and is %d", other, got)
	}
	if got := pid("stopped"); got != 0 {
		t.Errorf("what was stopped on purpose runs as instance %d", got)
	}
}
