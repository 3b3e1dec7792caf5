package machine

import (
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// scenario is a course of events with what must be true at its end, whatever goes wrong with one request or with managers.
type scenario struct {
	name string
	from config
	// conducts are how processes behave from the beginning.
	conducts map[string]conduct
	play     func(w *world)
	// check looks at what is only true when nothing goes wrong.
	check func(t *testing.T, w *world)
	// untouched are modules that must keep their first process from beginning to end.
	untouched []string
	// stopped are modules that somebody wants stopped at the end: nothing is said of them when that command was lost.
	stopped []string
	// ends tells that the supervisor ends by itself.
	ends bool
}

// site is a configuration with a module of each kind.
func site() config {
	return config{listeners: []string{"http:80"}, modules: []spec{
		{name: "web", version: "1", order: "start-first", health: "notify", replicas: 2, listeners: []string{"http"}},
		{name: "db", version: "1", health: "tcp"},
		{name: "job", version: "1"},
		{name: "still", version: "1", health: "notify", watchdog: 4 * time.Second},
	}}
}

// with returns the site with another version of modules.
func (c config) with(version string, modules ...string) config {
	c.modules = append([]spec(nil), c.modules...)
	for i := range c.modules {
		for _, name := range modules {
			if c.modules[i].name == name {
				c.modules[i].version = version
			}
		}
	}
	return c
}

func scenarios() []scenario {
	reloaded := func(w *world) {
		w.run(2 * time.Second)
		w.wish(wire.WishReload)
	}
	return []scenario{
		{name: "start", from: site(), untouched: []string{"web", "db", "job", "still"},
			play: func(*world) {},
			check: func(t *testing.T, w *world) {
				if w.kinds(KindStarted) != 1 || w.kinds(KindReady) != 5 {
					t.Errorf("%d started, %d ready", w.kinds(KindStarted), w.kinds(KindReady))
				}
			}},
		{name: "reload of everything but one", from: site(), untouched: []string{"still"},
			play: func(w *world) {
				next := site().with("2", "web", "db")
				next.modules = append([]spec{{name: "new", version: "1", restart: "always"}}, next.modules[0], next.modules[1], next.modules[3])
				next.modules[1].replicas = 3
				w.policy = next
				reloaded(w)
			},
			check: func(t *testing.T, w *world) {
				if w.current.Generation != 2 || w.kinds(KindReloadDone) != 1 {
					t.Errorf("generation %d, %v", w.current.Generation, w.texts(KindReloadFailed))
				}
			}},
		{name: "reload of nothing", from: site(), untouched: []string{"web", "db", "job", "still"},
			play: reloaded,
			check: func(t *testing.T, w *world) {
				if got := w.texts(KindReloadDone); len(got) != 1 || !strings.Contains(got[0], "nothing changes") || w.current.Generation != 2 {
					t.Errorf("%v", got)
				}
			}},
		{name: "reload that never gets ready", from: site(), untouched: []string{"web", "job", "still"},
			play: func(w *world) {
				w.conducts["web 2"] = conduct{ready: -1, dies: 50 * time.Millisecond}
				w.policy = site().with("2", "web")
				reloaded(w)
			},
			check: func(t *testing.T, w *world) {
				if got := w.texts(KindReloadFailed); len(got) != 1 || got[0] != "web[0]: not ready within 3s; then killed by SIGKILL; generation 1 serves on" || w.current.Generation != 1 {
					t.Errorf("%q", got)
				}
			}},
		{name: "reload that is undone in its second phase", from: site(), untouched: []string{"web", "still"},
			play: func(w *world) {
				w.conducts["job 2"] = conduct{lives: 100 * time.Millisecond, status: 3}
				w.policy = site().with("2", "web", "db", "job")
				w.policy.modules = append(w.policy.modules, spec{name: "extra", version: "1"})
				reloaded(w)
			},
			check: func(t *testing.T, w *world) {
				if got := w.texts(KindReloadFailed); len(got) != 1 || got[0] != "job: exited with status 3 before it was ready; generation 1 serves on" {
					t.Errorf("%q", got)
				}
			}},
		{name: "reload with a binary that is missing", from: site(), untouched: []string{"web", "db", "still"},
			play: func(w *world) {
				w.conducts["job 2"] = conduct{launchFails: "job: execveat /bin/job: no such file or directory (policy t.yaml:9)"}
				w.policy = site().with("2", "job")
				reloaded(w)
			},
			check: func(t *testing.T, w *world) {
				if got := w.texts(KindReloadFailed); len(got) != 1 || !strings.HasPrefix(got[0], "job: execveat /bin/job") {
					t.Errorf("%q", got)
				}
			}},
		{name: "reload of a broken policy", from: site(), untouched: []string{"web", "db", "job", "still"},
			play: func(w *world) {
				w.policy.broken = true
				w.run(2 * time.Second)
				w.ask(1, Reload, false)
			},
			check: func(t *testing.T, w *world) {
				if r := w.result(1); r.OK || !r.Invalid || !strings.Contains(r.Problems, "E201") || r.Diagnostic == nil {
					t.Errorf("%+v", r)
				}
				if w.kinds(KindReloadProblems) != 1 {
					t.Error("the problems are in no event")
				}
			}},
		{name: "reloads faster than they complete", from: site(), untouched: []string{"still"},
			play: func(w *world) {
				w.run(2 * time.Second)
				for i := range 20 {
					w.policy = site().with(string(rune('a'+i)), "web", "job")
					w.wish(wire.WishReload)
					w.ask(Ticket(100+i), Reload, false)
					w.run(70 * time.Millisecond)
				}
			},
			check: func(t *testing.T, w *world) {
				for i := range 20 {
					if r := w.result(Ticket(100 + i)); !r.OK {
						t.Errorf("%+v", r)
					}
				}
				if n := w.kinds(KindReloadDone); n < 2 || n > 10 {
					t.Errorf("%d reloads", n)
				}
			}},
		{name: "reload during start-up", from: site(), untouched: []string{"still"},
			play: func(w *world) {
				w.policy = site().with("2", "web", "db")
				w.wish(wire.WishReload)
			},
			check: func(t *testing.T, w *world) {
				if w.kinds(KindReloadDone) != 1 || w.current.Generation != 2 {
					t.Errorf("generation %d", w.current.Generation)
				}
			}},
		{name: "stop, start and restart", from: site(), untouched: []string{"still"},
			play: func(w *world) {
				w.run(2 * time.Second)
				w.ask(1, Stop, false, "job", "web")
				w.run(2 * time.Second)
				w.ask(2, Start, false, "web")
				w.ask(3, Restart, false, "db")
				w.run(5 * time.Second)
				w.ask(4, Restart, false, "web")
				w.ask(5, Stop, false, "db")
				w.run(5 * time.Second)
				w.policy = site().with("2", "db")
				w.ask(6, Reload, false)
				w.run(10 * time.Second)
				w.ask(7, Start, false)
			},
			check: func(t *testing.T, w *world) {
				for i := Ticket(1); i <= 7; i++ {
					if r := w.result(i); !r.OK {
						t.Errorf("command %d: %+v", i, r)
					}
				}
			}, stopped: []string{"job", "web", "db"}},
		{name: "crash and come back", from: site(), untouched: []string{"still"},
			play: func(w *world) {
				w.conducts["job"] = conduct{lives: 15 * time.Second, status: 1, dies: 10 * time.Millisecond}
				w.conducts["db"] = conduct{ready: 10 * time.Millisecond, hangs: 20 * time.Second, dies: -1}
				w.run(80 * time.Second)
				w.conducts["job"] = conduct{dies: 10 * time.Millisecond}
				w.conducts["db"] = conduct{ready: 10 * time.Millisecond, dies: -1}
			},
			check: func(t *testing.T, w *world) {
				if w.kinds(KindBackoff) < 5 || w.kinds(KindUnhealthy) < 1 {
					t.Errorf("%d back-offs, %d unhealthy", w.kinds(KindBackoff), w.kinds(KindUnhealthy))
				}
			}},
		{name: "everything ends", ends: true, from: config{modules: []spec{{name: "a", version: "1"}, {name: "b", version: "1", restart: "no"}}},
			conducts: map[string]conduct{"a": {lives: time.Second}, "b": {lives: 2 * time.Second, status: 4}},
			play:     func(*world) {},
			check: func(t *testing.T, w *world) {
				if w.finished == nil || *w.finished != 1 {
					t.Errorf("%v", w.texts(KindFinished))
				}
			}},
		{name: "what cannot be launched ends the first generation", ends: true, from: site(),
			conducts: map[string]conduct{"job": {launchFails: "no such file"}}, play: func(*world) {},
			check: func(t *testing.T, w *world) {
				if w.finished == nil || *w.finished != 125 {
					t.Error("status")
				}
				if got := w.texts(KindStopping); len(got) != 1 || !strings.Contains(got[0], "no such file") {
					t.Error(got)
				}
			}},
	}
}

// quiet is how long after the last thing everything must have come to rest.
const quiet = 3 * time.Minute

// first returns the first process of each untouched module.
func (s scenario) first(w *world) map[string]wire.InstanceID {
	out := map[string]wire.InstanceID{}
	for _, p := range w.processes {
		key := p.module + string(rune('0'+p.Replica))
		if _, ok := out[key]; !ok {
			out[key] = p.ID
		}
	}
	return out
}

// perform plays a scenario and checks what must be true in any case.
func (s scenario) perform(t testing.TB, w *world) {
	t.Helper()
	for key, c := range s.conducts {
		w.conducts[key] = c
	}
	w.begin()
	s.play(w)
	w.run(quiet)
	clean := w.failSend == 0 && w.dieAfter == 0
	if w.finished != nil {
		if !s.ends && w.failedOn != wire.KindStart {
			t.Errorf("it has ended\n%s", w.tail())
		}
		return
	}
	if s.ends {
		t.Errorf("it does not end\n%s", w.tail())
		return
	}
	except := s.stopped
	if clean {
		except = nil
	}
	w.settled(except...)
	if w.prepared != nil && w.failedOn != wire.KindDiscard && w.failedOn != wire.KindPrepare {
		t.Errorf("generation %d is still prepared", w.prepared.Generation)
	}
	firsts := s.first(w)
	for _, p := range w.processes {
		for _, name := range s.untouched {
			if p.module != name {
				continue
			}
			if v := p.version; v != "1" {
				continue // the one that came in for it, and went
			}
			if id := firsts[p.module+string(rune('0'+p.Replica))]; id != p.ID || p.Exit != nil || len(p.signals) > 0 {
				t.Errorf("%s[%d] was disturbed: instance %d after %d, signals %v, exit %v\n%s", p.module, p.Replica, p.ID, id, p.signals, p.Exit, w.tail())
			}
		}
	}
	for ticket, results := range w.results {
		if len(results) != 1 {
			t.Errorf("%d answers to command %d", len(results), ticket)
		}
	}
	w.shutdown()
}

func TestScenarios(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t, s.from)
			s.perform(t, w)
			s.check(t, w)
			if w.finished == nil {
				t.Errorf("it does not end")
			}
			if t.Failed() {
				t.Log(strings.Join(w.transcript, "\n"))
			}
		})
	}
}

// TestSame: the same events lead to the same operations.
func TestSame(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			var first []string
			for range 3 {
				w := newWorld(t, s.from)
				s.perform(t, w)
				if first == nil {
					first = w.transcript
					continue
				}
				if a, b := strings.Join(first, "\n"), strings.Join(w.transcript, "\n"); a != b {
					t.Fatalf("not the same twice:\n%s\n\n%s", a, b)
				}
			}
		})
	}
}

// TestEveryRequestFails: whichever request fails, the rest goes on, and what serves goes on serving.
func TestEveryRequestFails(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			whole := newWorld(t, s.from)
			s.perform(t, whole)
			total := whole.sends
			for _, code := range []wire.ReplyCode{wire.Failed, wire.Refused} {
				for n := 1; n <= total; n++ {
					w := newWorld(t, s.from)
					w.failSend, w.failCode = n, code
					s.perform(t, w)
					if t.Failed() {
						t.Fatalf("request %d of %d (%s) fails with code %d\n%s", n, total, w.failedOn, code, w.tail())
					}
				}
			}
		})
	}
}

// TestManagerEndsAnywhere: a manager is killed after each operation in turn; the next one goes on, and no module that is not to be changed notices.
func TestManagerEndsAnywhere(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			whole := newWorld(t, s.from)
			s.perform(t, whole)
			total := whole.ops
			for n := 1; n <= total; n++ {
				w := newWorld(t, s.from)
				w.dieAfter = n
				s.perform(t, w)
				if t.Failed() {
					t.Fatalf("the manager ends after operation %d of %d\n%s", n, total, strings.Join(w.transcript, "\n"))
				}
			}
		})
	}
}
