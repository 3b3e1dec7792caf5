package machine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// one returns a world with one module that was brought up.
func one(t *testing.T, v spec, c conduct) *world {
	t.Helper()
	w := newWorld(t, config{modules: []spec{v}})
	w.conducts[v.name] = c
	w.begin()
	return w
}

// instance returns the only instance of the status.
func (w *world) instance() api.Instance {
	w.t.Helper()
	st := w.m.Status()
	if len(st.Modules) != 1 || len(st.Modules[0].Instances) != 1 {
		w.t.Fatalf("%+v", st.Modules)
	}
	return st.Modules[0].Instances[0]
}

func TestBackoffGrowsAndEndsInHeld(t *testing.T) {
	w := one(t, spec{name: "a"}, conduct{lives: 10 * time.Millisecond, status: 1})
	w.run(time.Minute)
	i := w.instance()
	if i.State != "held" || i.Restarts != 4 || i.LastExit != "exited with status 1" || !strings.HasPrefix(i.Reason, "5 starts within 1m0s were too many; last: exited with status 1") {
		t.Errorf("%+v", i)
	}
	var gaps []time.Duration
	for n, p := range w.processes[1:] {
		gaps = append(gaps, p.Started.Sub(w.processes[n].Exit.At))
	}
	for n, want := range []time.Duration{200, 400, 800, 1600} {
		if got := gaps[n].Milliseconds(); got < int64(want)*9/10 || got > int64(want)*11/10+3 {
			t.Errorf("delay %d is %d ms, want %d", n, got, want)
		}
	}
	if len(w.processes) != 5 {
		t.Errorf("%d starts", len(w.processes))
	}
	// It keeps the supervisor alive, and whoever starts it begins anew.
	w.conducts["a"] = conduct{dies: 10 * time.Millisecond}
	w.ask(1, Start, false, "a")
	w.run(time.Second)
	if r := w.result(1); !r.OK || r.Text != "started a" || w.instance().State != "ready" {
		t.Errorf("%+v %+v", r, w.instance())
	}
	w.shutdown()
}

func TestBackoffBeginsAnewAfterAHealthyRun(t *testing.T) {
	w := one(t, spec{name: "a"}, conduct{lives: 15 * time.Second, status: 1})
	w.run(200 * time.Second)
	for n, p := range w.processes[1:] {
		if gap := p.Started.Sub(w.processes[n].Exit.At); gap > 300*time.Millisecond {
			t.Errorf("delay %d is %s", n, gap)
		}
	}
	if len(w.processes) < 6 {
		t.Errorf("%d starts", len(w.processes))
	}
}

func TestBackoffBounds(t *testing.T) {
	r := wire.Restart{Delay: 100 * time.Millisecond, MaxDelay: time.Second}
	for level, want := range map[uint32]time.Duration{0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 3: 800 * time.Millisecond, 4: time.Second, 4_000_000_000: time.Second} {
		if got := backoff(r, level); got != want {
			t.Errorf("level %d: %s, want %s", level, got, want)
		}
	}
	for _, r := range []wire.Restart{{}, {Delay: time.Second}, {Delay: time.Hour, MaxDelay: 1<<63 - 1}} {
		if got := backoff(r, 1<<32-1); got < r.Delay {
			t.Errorf("%+v: %s", r, got)
		}
	}
	m := New(Options{Jitter: func() float64 { return 0 }})
	if got := m.spread(time.Second); got != 900*time.Millisecond {
		t.Error(got)
	}
	m.o.Jitter = func() float64 { return 0.999999 }
	if got := m.spread(time.Second); got < 1099*time.Millisecond || got > 1100*time.Millisecond {
		t.Error(got)
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		policy string
		status int32
		want   string
	}{
		{"no", 0, "exited"}, {"no", 1, "exited"}, {"on-failure", 0, "exited"}, {"on-failure", 1, "backoff"}, {"always", 0, "backoff"}, {"always", 1, "backoff"},
	} {
		w := newWorld(t, config{modules: []spec{{name: "a", restart: c.policy}, {name: "keeps it alive"}}})
		w.conducts["a"] = conduct{lives: time.Second, status: c.status}
		w.begin()
		w.run(1100 * time.Millisecond)
		i := w.m.Status().Modules[0].Instances[0]
		if i.State != c.want || (c.want == "backoff") != (i.NextTry != nil) {
			t.Errorf("%s after status %d: %+v", c.policy, c.status, i)
		}
	}
}

func TestReadiness(t *testing.T) {
	for _, c := range []struct {
		name   string
		health string
		c      conduct
		after  time.Duration
		want   string
	}{
		{"settling", "", conduct{}, 240 * time.Millisecond, "starting"},
		{"settled", "", conduct{}, 260 * time.Millisecond, "ready"},
		{"says nothing yet", "notify", conduct{ready: time.Second}, 900 * time.Millisecond, "starting"},
		{"says so", "notify", conduct{ready: time.Second}, 1100 * time.Millisecond, "ready"},
		{"does not listen yet", "tcp", conduct{ready: time.Second}, 900 * time.Millisecond, "starting"},
		{"listens", "tcp", conduct{ready: time.Second}, 1300 * time.Millisecond, "ready"},
		{"never says so", "notify", conduct{ready: -1}, 3010 * time.Millisecond, "backoff"},
		{"never listens", "tcp", conduct{ready: -1}, 3010 * time.Millisecond, "backoff"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := one(t, spec{name: "a", health: c.health}, c.c)
			w.run(c.after)
			i := w.instance()
			if i.State != c.want {
				t.Errorf("%+v", i)
			}
			switch {
			case c.want == "backoff" && !strings.HasPrefix(i.Reason, "not ready within 3s"),
				c.name == "never listens" && i.Reason != "not ready within 3s: connection refused; then killed by SIGKILL",
				c.name == "does not listen yet" && i.Reason != "connection refused":
				t.Errorf("reason %q", i.Reason)
			}
		})
	}
}

func TestWatchdog(t *testing.T) {
	w := one(t, spec{name: "a", health: "notify", watchdog: 2 * time.Second}, conduct{ready: 10 * time.Millisecond, hangs: 10 * time.Second, abortDies: true})
	w.run(9 * time.Second)
	if i := w.instance(); i.State != "ready" || i.Status != "well" {
		t.Fatalf("%+v", i)
	}
	w.run(4 * time.Second)
	p := w.processes[0]
	if !slices.Equal(p.signals, []uint8{6}) || p.Exit == nil {
		t.Errorf("signals %v", p.signals)
	}
	if got := w.texts(KindUnhealthy); len(got) != 1 || got[0] != "a does not answer: no sign of life for 2s" {
		t.Error(got)
	}
	if len(w.processes) != 2 {
		t.Errorf("%d starts", len(w.processes))
	}
}

// TestWatchdogWithoutMercy: what does not even end of SIGABRT is killed, and its end is a failure whatever it says.
func TestWatchdogWithoutMercy(t *testing.T) {
	w := one(t, spec{name: "a", health: "notify", watchdog: 2 * time.Second}, conduct{ready: 10 * time.Millisecond, hangs: time.Second, dies: -1})
	w.run(9 * time.Second)
	if p := w.processes[0]; !slices.Equal(p.signals, []uint8{6, 9}) || p.Exit.At.Sub(p.Started) < 7*time.Second {
		t.Errorf("signals %v, %v", p.signals, p.Exit)
	}
}

func TestProbesFindWhatHangs(t *testing.T) {
	w := one(t, spec{name: "a", health: "tcp"}, conduct{ready: 10 * time.Millisecond, hangs: 7 * time.Second})
	w.run(40 * time.Second)
	p := w.processes[0]
	if !slices.Equal(p.signals, []uint8{9}) || len(w.processes) < 2 {
		t.Errorf("signals %v, %d starts", p.signals, len(w.processes))
	}
	// Probes at 5.2, 10.2, 15.2, 20.2 s: the first is answered, and three in a row must fail.
	if at := p.Exit.At.Sub(p.Started); at < 19*time.Second || at > 22*time.Second {
		t.Errorf("killed after %s", at)
	}
	if got := w.texts(KindUnhealthy); len(got) < 1 || got[0] != "a does not answer: 3 probes in a row: connection refused" {
		t.Error(got)
	}
}

func TestGracePeriod(t *testing.T) {
	w := one(t, spec{name: "a", grace: 3 * time.Second, signal: 3}, conduct{dies: -1})
	w.run(time.Second)
	w.ask(1, Stop, false, "a")
	w.run(2900 * time.Millisecond)
	if i := w.instance(); i.State != "stopping" || i.Reason != "stopped by a command" {
		t.Errorf("%+v", i)
	}
	w.run(time.Second)
	if p := w.processes[0]; !slices.Equal(p.signals, []uint8{3, 9}) {
		t.Errorf("signals %v", p.signals)
	}
	if i := w.instance(); i.State != "stopped" || i.LastExit != "killed by SIGKILL" || i.ID != 0 {
		t.Errorf("%+v", i)
	}
	if r := w.result(1); !r.OK || r.Text != "stopped a" || w.kinds(KindKilled) != 1 {
		t.Errorf("%+v", r)
	}
	w.ask(2, Stop, false)
	w.run(time.Millisecond)
	if r := w.result(2); !r.OK || r.Text != "a: stopped already" {
		t.Errorf("%+v", r)
	}
	w.run(time.Hour)
	if w.finished != nil {
		t.Error("a supervisor of which somebody stopped everything has ended")
	}
}

// TestStopSignalThatIsRefused: the supervisor's own is tried instead, and when that does not help either nothing is waited for.
func TestStopSignalThatIsRefused(t *testing.T) {
	for number, want := range map[int][]uint8{3: {15}, 15: {9}} {
		w := one(t, spec{name: "a", grace: time.Hour, signal: number}, conduct{dies: 10 * time.Millisecond})
		w.run(time.Second)
		w.ask(1, Stop, false)
		w.run(0)
		var last RequestID
		for id := range w.m.requests.pending {
			last = max(last, id)
		}
		w.coming = nil // nor does the signal arrive
		w.processes[0].signals = nil
		w.step(Replied{Now: Now{w.now}, Request: last, Reply: wire.Reply{Code: wire.Refused, Text: "module a gets no such signal"}})
		w.run(time.Second)
		if p := w.processes[0]; !slices.Equal(p.signals, want) || p.Exit == nil || w.kinds(KindRequestFailed) != 1 {
			t.Errorf("signal %d: %v", number, p.signals)
		}
	}
}

// TestShutdownOrder: what was started last is stopped first, and the next one when it has ended.
func TestShutdownOrder(t *testing.T) {
	w := newWorld(t, config{modules: []spec{{name: "a", replicas: 2}, {name: "b"}, {name: "c"}}})
	w.conducts["c"] = conduct{dies: time.Second}
	w.begin()
	w.run(time.Second)
	w.ask(1, Shutdown, false)
	w.ask(2, Shutdown, false)
	w.ask(3, Stop, false, "a")
	w.run(time.Minute)
	var order []string
	for _, e := range w.events {
		if e.Kind == KindInstanceStopping || e.Kind == KindExited {
			order = append(order, fmt.Sprintf("%s %s%d", e.Kind[9:], e.Module, *e.Replica))
		}
	}
	want := "stopping c0, exited c0, stopping b0, exited b0, stopping a0, stopping a1, exited a0, exited a1"
	if got := strings.Join(order, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if w.finished == nil || *w.finished != 0 {
		t.Errorf("%v", w.finished)
	}
	for _, ticket := range []Ticket{1, 2} {
		if r := w.result(ticket); !r.OK {
			t.Errorf("%+v", r)
		}
	}
	if r := w.result(3); r.OK || r.Text != "the supervisor is stopping" {
		t.Errorf("%+v", r)
	}
}

// TestShutdownAtAnyMoment: however far a reload or a command has come, everything ends.
func TestShutdownAtAnyMoment(t *testing.T) {
	for _, s := range scenarios() {
		if s.ends {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for at := 2000; at < 8000; at += 23 {
				w := newWorld(t, s.from)
				w.begin()
				w.after(time.Duration(at)*time.Millisecond, false, func() { w.wish(wire.WishStop) })
				s.play(w)
				w.run(time.Minute)
				if w.finished == nil || *w.finished != 0 {
					t.Fatalf("stopped at %d ms, it does not end\n%s", at, w.tail())
				}
				for _, p := range w.processes {
					if !p.forgot {
						t.Fatalf("stopped at %d ms, %s[%d] was not forgotten", at, p.module, p.Replica)
					}
				}
				for ticket, results := range w.results {
					if len(results) != 1 {
						t.Fatalf("stopped at %d ms, %d answers to command %d", at, len(results), ticket)
					}
				}
			}
		})
	}
}

func TestCommandsThatDoNotFit(t *testing.T) {
	m := New(Options{})
	ops := m.Step(Command{Now{epoch}, 1, Stop, nil, false})
	if r, ok := ops[len(ops)-1].(Resolve); !ok || r.Result.OK {
		t.Errorf("%+v", ops)
	}
	w := one(t, spec{name: "a"}, conduct{})
	w.run(time.Second)
	w.ask(1, Restart, false, "b")
	w.ask(2, Verb(77), false)
	w.ask(3, Start, false, "a")
	w.run(time.Second)
	if r := w.result(1); r.OK || !r.Invalid || r.Text != `there is no module "b"; there are: a` {
		t.Errorf("%+v", r)
	}
	if r := w.result(2); r.OK || !r.Invalid {
		t.Errorf("%+v", r)
	}
	if r := w.result(3); !r.OK || r.Text != "a: running already" {
		t.Errorf("%+v", r)
	}
}

func TestStartThatFails(t *testing.T) {
	w := one(t, spec{name: "a"}, conduct{dies: time.Millisecond})
	w.run(time.Second)
	w.ask(1, Stop, false)
	w.run(time.Second)
	w.conducts["a"] = conduct{launchFails: "no such file"}
	w.ask(2, Start, false)
	w.run(time.Millisecond * 100)
	if r := w.result(2); r.OK || r.Text != "a: no such file" || w.instance().State != "backoff" {
		t.Errorf("%+v %+v", r, w.instance())
	}
	w.conducts["a"] = conduct{lives: 100 * time.Millisecond, status: 2}
	w.run(time.Second)
	w.ask(3, Start, false)
	w.run(time.Minute)
	if r := w.result(3); r.OK || r.Text != "a: exited with status 2 before it was ready" {
		t.Errorf("%+v", r)
	}
	w.ask(4, Restart, false)
	w.run(time.Second)
	if r := w.result(4); r.OK || r.Text != "a: exited with status 2 before it was ready" {
		t.Errorf("%+v", r)
	}
}

// TestRestartKeepsServing: start-first has the new instance ready before the old one is told to go, and a new one that fails changes nothing.
func TestRestartKeepsServing(t *testing.T) {
	v := spec{name: "a", order: "start-first", health: "notify", listeners: []string{"http"}}
	w := newWorld(t, config{modules: []spec{v}, listeners: []string{"http:80"}})
	w.begin()
	w.run(time.Second)
	w.ask(1, Restart, false)
	w.run(time.Second)
	if r := w.result(1); !r.OK || r.Text != "restarted a" || len(w.processes) != 2 {
		t.Fatalf("%+v", r)
	}
	old, now := w.processes[0], w.processes[1]
	if old.Exit == nil || old.Exit.At.Before(now.Started.Add(100*time.Millisecond)) {
		t.Errorf("the old one ended at %v, and the new one began at %v", old.Exit, now.Started)
	}
	w.conducts["a"] = conduct{ready: -1, dies: time.Millisecond}
	w.ask(2, Restart, false)
	w.run(10 * time.Second)
	if r := w.result(2); r.OK || r.Text != "a: not ready within 3s; then killed by SIGKILL" {
		t.Errorf("%+v", r)
	}
	if now.Exit != nil || len(now.signals) > 0 || w.instance().ID != uint64(now.ID) {
		t.Errorf("%+v", w.instance())
	}
	w.shutdown()
}

func TestDisjointCommandsRunAtTheSameTime(t *testing.T) {
	w := newWorld(t, config{modules: []spec{{name: "a", grace: time.Minute}, {name: "b"}}})
	w.conducts["a"] = conduct{dies: -1}
	w.begin()
	w.run(time.Second)
	w.ask(1, Stop, false, "a")
	w.ask(2, Restart, false, "b")
	w.ask(3, Start, false, "a")
	w.ask(4, Reload, false)
	w.run(5 * time.Second)
	if r := w.result(2); !r.OK {
		t.Errorf("%+v", r)
	}
	if len(w.results[1])+len(w.results[3])+len(w.results[4]) > 0 {
		t.Error("what has to wait has ended")
	}
	w.run(time.Minute)
	for _, ticket := range []Ticket{1, 3, 4} {
		if r := w.result(ticket); !r.OK {
			t.Errorf("%d: %+v", ticket, r)
		}
	}
	if st := w.m.Status(); st.Modules[0].Instances[0].State != "ready" || st.Generation != 2 {
		t.Errorf("%+v", st)
	}
}
