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

// sent describes the requests among operations: "start 1 web[0]", "signal 101 15", "forget 102".
func sent(ops []Op) []string {
	var out []string
	for _, op := range ops {
		s, ok := op.(Send)
		if !ok {
			continue
		}
		switch s.Kind {
		case wire.KindStart:
			r, _ := wire.DecodeStart(s.Body)
			out = append(out, fmt.Sprintf("start %d %s[%d]", r.Generation, r.Module, r.Replica))
		case wire.KindSignal:
			r, _ := wire.DecodeSignal(s.Body)
			out = append(out, fmt.Sprintf("signal %d %d", r.Instance, r.Signal))
		case wire.KindRemember:
			m, _ := wire.DecodeMemo(s.Body)
			verb := "remember "
			if len(m.Data) == 0 {
				verb = "remove "
			}
			out = append(out, verb+m.Key)
		case wire.KindFinish:
			out = append(out, fmt.Sprintf("finish %d", s.Body[0]))
		default:
			id, _ := wire.DecodeID[uint64](s.Body)
			out = append(out, fmt.Sprintf("%s %d", s.Kind, id))
		}
	}
	return out
}

// TestHello: what the next manager does about what it finds.
func TestHello(t *testing.T) {
	outline := config{listeners: []string{"http:80"}, modules: []spec{
		{name: "web", version: "1", order: "start-first", health: "notify", listeners: []string{"http"}}, {name: "db", version: "1"}}}.outline(5)
	at := func(id wire.InstanceID, g wire.GenerationID, module string, replica uint32) wire.Instance {
		return wire.Instance{ID: id, Generation: g, Module: module, Replica: replica, PID: uint32(id), Started: epoch.Add(-time.Minute)}
	}
	ended := func(i wire.Instance, status int32) wire.Instance {
		i.Exit = &wire.Exit{Code: 1, Status: status, Text: fmt.Sprintf("exited with status %d", status), At: epoch}
		return i
	}
	memo := func(key string, v slotMemo) wire.Memo { return wire.Memo{Key: key, Data: v.encode()} }
	up := wire.Memo{Key: keyUp, Data: []byte{memoVersion}}
	ready := func(ids ...wire.InstanceID) slotMemo {
		var v slotMemo
		for _, id := range ids {
			v.ready = append(v.ready, readyMemo{id, epoch.Add(-30 * time.Second), 0})
		}
		return v
	}
	bring := wire.Outline{Generation: 6}
	web, db := at(101, 5, "web", 0), at(102, 5, "db", 0)
	for _, c := range []struct {
		name   string
		s      wire.Snapshot
		want   string // requests of the first step
		states string // of web and db after it
	}{
		{"fresh", wire.Snapshot{}, "start 5 web[0]", "web launching, db waiting"},
		{"in the middle of the start", wire.Snapshot{Instances: []wire.Instance{web}}, "remember slot/0/web, start 5 db[0]", "web ready, db launching"},
		{"all is well", wire.Snapshot{Instances: []wire.Instance{web, db}, Memos: []wire.Memo{up, memo("slot/0/web", ready(101)), memo("slot/0/db", ready(102))}},
			"", "web ready, db ready"},
		{"kept by reloads", wire.Snapshot{Instances: []wire.Instance{at(11, 1, "web", 0), at(12, 2, "db", 0)}, Memos: []wire.Memo{up, memo("slot/0/web", ready(11)), memo("slot/0/db", ready(12))}},
			"", "web ready, db ready"},
		{"an end that nobody dealt with", wire.Snapshot{Instances: []wire.Instance{web, ended(db, 1)}, Memos: []wire.Memo{up, memo("slot/0/web", ready(101))}},
			"remember slot/0/db, forget 102", "web ready, db backoff"},
		{"an end that was dealt with", wire.Snapshot{Instances: []wire.Instance{web, ended(db, 1)}, Memos: []wire.Memo{up, memo("slot/0/web", ready(101)),
			memo("slot/0/db", slotMemo{state: Backoff, done: 102, restarts: 3, due: epoch.Add(time.Second)})}}, "forget 102", "web ready, db backoff"},
		{"an end of what was wanted stopped", wire.Snapshot{Instances: []wire.Instance{ended(db, 1)}, Memos: []wire.Memo{up, {Key: keyStopped + "db", Data: []byte{1}}, {Key: keyStopped + "web", Data: []byte{1}}}},
			"remember slot/0/db, forget 102", "web stopped, db stopped"},
		{"told to stop", wire.Snapshot{Instances: []wire.Instance{web, db}, Memos: []wire.Memo{up, {Key: keyStopped + "db", Data: []byte{1}}, memo("slot/0/web", ready(101))}},
			"signal 102 15", "web ready, db stopping"},
		{"held and exited", wire.Snapshot{Memos: []wire.Memo{up, memo("slot/0/web", slotMemo{state: Held, reason: "too often", done: 1}), memo("slot/0/db", slotMemo{state: Ended, done: 2})}},
			"", "web held, db exited"},
		{"a delay that is over", wire.Snapshot{Instances: []wire.Instance{db}, Memos: []wire.Memo{up, memo("slot/0/web", slotMemo{state: Backoff, done: 1, due: epoch.Add(-time.Second)}), memo("slot/0/db", ready(102))}},
			"start 5 web[0]", "web launching, db ready"},
		{"after a commit, before the old one was told to go", wire.Snapshot{Instances: []wire.Instance{at(51, 4, "web", 0), web, db}, Memos: []wire.Memo{up, memo("slot/0/web", ready(51, 101)), memo("slot/0/db", ready(102))}},
			"remember slot/0/web, signal 51 15", "web ready, web draining, db ready"},
		{"draining", wire.Snapshot{Instances: []wire.Instance{at(51, 4, "web", 0), web, db}, Memos: []wire.Memo{up, memo("slot/0/web", slotMemo{done: 51, ready: ready(101).ready}), memo("slot/0/db", ready(102))}},
			"remember slot/0/web, signal 51 15", "web ready, web draining, db ready"},
		{"a restart whose new one is not ready", wire.Snapshot{Instances: []wire.Instance{web, at(103, 5, "web", 0), db}, Memos: []wire.Memo{up, memo("slot/0/web", ready(101)), memo("slot/0/db", ready(102))}},
			"remember slot/0/web, signal 103 15", "web ready, web draining, db ready"},
		{"stop-first, the old one is leaving", wire.Snapshot{Instances: []wire.Instance{web, db}, Memos: []wire.Memo{up, memo("slot/0/web", ready(101)), memo("slot/0/db", slotMemo{done: 102})}},
			"signal 102 15", "web ready, db launching, db draining"},
		{"stop-first, the old one is gone", wire.Snapshot{Instances: []wire.Instance{web}, Memos: []wire.Memo{up, memo("slot/0/web", ready(101)), memo("slot/0/db", slotMemo{done: 102})}},
			"start 5 db[0]", "web ready, db launching"},
		{"a reload in its first phase", wire.Snapshot{Prepared: &bring, Instances: []wire.Instance{web, db, at(103, 6, "web", 0)}, Memos: []wire.Memo{up, memo("slot/0/web", ready(101)), memo("slot/0/db", ready(102))}},
			"remember slot/0/web, signal 103 15", "web ready, web draining, db ready"},
		{"a reload in its second phase", wire.Snapshot{Prepared: &bring, Instances: []wire.Instance{web, at(103, 6, "db", 0)}, Memos: []wire.Memo{up, memo("slot/0/web", ready(101)), memo("slot/0/db", slotMemo{done: 102, ready: ready(103).ready})}},
			"remember slot/0/db, signal 103 15", "web ready, db launching, db draining"},
		{"a reload of which only the preparation is left", wire.Snapshot{Prepared: &bring, Instances: []wire.Instance{web, db}, Memos: []wire.Memo{up, memo("slot/0/web", ready(101)), memo("slot/0/db", ready(102))}},
			"discard 6", "web ready, db ready"},
		{"what an undone reload has left", wire.Snapshot{Instances: []wire.Instance{at(51, 3, "web", 0), ended(at(60, 4, "web", 0), 1), ended(at(103, 6, "db", 0), 1), db}, Memos: []wire.Memo{up, memo("slot/0/web", ready(51)), memo("slot/0/db", ready(102))}},
			"forget 60, forget 103", "web ready, db ready"},
		{"of a module and a replica that are no more", wire.Snapshot{Instances: []wire.Instance{at(50, 4, "gone", 0), at(51, 4, "db", 1), ended(at(52, 4, "gone", 0), 1), web, db},
			Memos: []wire.Memo{up, memo("slot/0/web", ready(101)), memo("slot/0/db", ready(102)), memo("slot/0/gone", ready(50)), {Key: keyStopped + "gone", Data: []byte{1}}, {Key: "nonsense", Data: []byte{1}}}},
			"remove slot/0/gone, remove stopped/gone, remove nonsense, signal 50 15, forget 52, signal 51 15", "web ready, db ready, db draining, gone draining"},
		{"stopping by a signal", wire.Snapshot{Stopping: true, Instances: []wire.Instance{web, db}, Memos: []wire.Memo{up, memo("slot/0/web", ready(101)), memo("slot/0/db", ready(102))}},
			"remember ending, signal 102 15", "web ready, db stopping"},
		{"stopping because of a launch that failed", wire.Snapshot{Instances: []wire.Instance{web}, Memos: []wire.Memo{{Key: keyEnding, Data: encodeEnd(125, "no such file")}}},
			"remember slot/0/web, signal 101 15", "web stopping, db stopped"},
		{"everything was stopped", wire.Snapshot{Memos: []wire.Memo{{Key: keyEnding, Data: encodeEnd(125, "no such file")}}}, "finish 125", "web stopped, db stopped"},
		{"memos of another version", wire.Snapshot{Instances: []wire.Instance{web, db}, Memos: []wire.Memo{up, {Key: "slot/0/web", Data: []byte{99}}, {Key: keyReload, Data: []byte{1, 2}}}},
			"remove slot/0/web, remove reload, remember slot/0/db, remember slot/0/web", "web ready, db ready"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(Options{})
			c.s.Current, c.s.ManagerStarts = outline, 2
			ops := m.Step(Hello{Now{epoch}, c.s})
			if got := strings.Join(sent(ops), ", "); got != c.want {
				t.Errorf("requests: %s\nwant: %s", got, c.want)
			}
			var states []string
			st := m.Status()
			for _, mod := range st.Modules {
				for _, i := range mod.Instances {
					states = append(states, mod.Name+" "+i.State)
				}
			}
			if got := strings.Join(states, ", "); got != c.states {
				t.Errorf("states: %s\nwant: %s", got, c.states)
			}
			if st.Manager.Restarts != 1 {
				t.Errorf("%+v", st.Manager)
			}
		})
	}
}

// TestReadyThatWasNotRemembered: an instance that may have said that it is ready is not killed for having said it to a manager that is gone.
func TestReadyThatWasNotRemembered(t *testing.T) {
	w := one(t, spec{name: "a", health: "notify"}, conduct{ready: -1})
	w.run(time.Second)
	w.begin()
	w.run(time.Second)
	if i := w.instance(); i.State != "starting" {
		t.Errorf("%+v", i)
	}
	w.run(10 * time.Second)
	if i := w.instance(); i.State != "ready" || len(w.processes[0].signals) > 0 {
		t.Errorf("%+v", i)
	}
}

// TestRestartsAreRemembered: the count and the start limit go on where they were.
func TestRestartsAreRemembered(t *testing.T) {
	w := one(t, spec{name: "a"}, conduct{lives: 10 * time.Millisecond, status: 1})
	for range 200 {
		w.run(47 * time.Millisecond)
		w.begin()
	}
	i := w.instance()
	if i.State != "held" || i.Restarts != 4 || len(w.processes) != 5 || i.LastExit != "exited with status 1" {
		t.Errorf("%+v, %d starts", i, len(w.processes))
	}
	if st := w.m.Status(); st.Manager.Restarts != 200 || st.Manager.PID != 241 || st.PID != 7 {
		t.Errorf("%+v", st.Manager)
	}
}

// TestStartWhileItStops: a command to stop was given to a manager that is gone; the next one is told to start.
func TestStartWhileItStops(t *testing.T) {
	w := one(t, spec{name: "a", grace: 5 * time.Second}, conduct{dies: time.Second})
	w.run(time.Second)
	w.ask(1, Stop, false)
	w.run(100 * time.Millisecond)
	w.begin()
	w.ask(2, Start, false, "a")
	w.run(5 * time.Second)
	if r := w.result(2); !r.OK || r.Text != "started a" {
		t.Errorf("%+v", r)
	}
	if i := w.instance(); i.State != "ready" || i.Restarts != 0 || len(w.processes) != 2 {
		t.Errorf("%+v", i)
	}
}

// TestStartedAgainIsRemembered: the next manager does not stop what was stopped once.
func TestStartedAgainIsRemembered(t *testing.T) {
	w := one(t, spec{name: "a"}, conduct{dies: time.Millisecond})
	w.run(time.Second)
	w.ask(1, Stop, false)
	w.run(time.Second)
	w.ask(2, Start, false)
	w.run(time.Second)
	w.begin()
	w.run(time.Second)
	if i := w.instance(); i.State != "ready" || len(w.processes) != 2 || len(w.processes[1].signals) > 0 {
		t.Errorf("%+v", i)
	}
}

// TestOnlyTheFirstStartIsStrict: what cannot be launched after everything was up once does not end the supervisor, whatever manager sees it.
func TestOnlyTheFirstStartIsStrict(t *testing.T) {
	w := newWorld(t, config{modules: []spec{{name: "a"}, {name: "b"}}})
	w.begin()
	w.run(time.Second)
	w.conducts["a"] = conduct{launchFails: "no such file"}
	w.memos = slices.DeleteFunc(w.memos, func(m wire.Memo) bool { return m.Key == "slot/0/a" })
	w.processes[0].forgot, w.processes[0].Exit = true, &wire.Exit{}
	w.begin() // which finds nothing in the slot
	w.run(10 * time.Millisecond)
	if st := w.m.Status(); w.finished != nil || st.Modules[0].Instances[0].State != "backoff" || st.Modules[1].Instances[0].State != "ready" {
		t.Errorf("%+v", st)
	}
}

func TestLastReloadIsRemembered(t *testing.T) {
	w := newWorld(t, site())
	w.begin()
	w.run(time.Second)
	w.policy.broken = true
	w.wish(wire.WishReload)
	w.run(time.Second)
	before := w.m.Status().LastReload
	w.begin()
	after := w.m.Status().LastReload
	if before == nil || after == nil || before.OK || !before.Time.Equal(after.Time) || before.Text != after.Text || !strings.HasPrefix(after.Text, "the policy has errors") {
		t.Errorf("%+v, %+v", before, after)
	}
}

// TestWatchdogOfItsOwn: the interval that a module asked for is kept.
func TestWatchdogOfItsOwn(t *testing.T) {
	w := one(t, spec{name: "a", health: "notify"}, conduct{ready: 10 * time.Millisecond, abortDies: true})
	w.run(time.Second)
	w.step(Notified{Now: Now{w.now}, Instance: w.processes[0].ID, WatchdogT: 3 * time.Second})
	w.run(time.Millisecond)
	w.begin()
	if d := w.m.Deadline(); !d.Equal(w.now.Add(3 * time.Second)) {
		t.Errorf("%v", d.Sub(w.now))
	}
	w.run(4 * time.Second)
	if !slices.Equal(w.processes[0].signals, []uint8{6}) {
		t.Errorf("signals %v", w.processes[0].signals)
	}
}

func TestBeforeAndAfterHello(t *testing.T) {
	m := New(Options{})
	for _, e := range []Event{Tick{Now{epoch}}, Exited{Now: Now{epoch}}, Replied{Now: Now{epoch}}} {
		ops := m.Step(e)
		if len(ops) != 1 || ops[0].(Emit).Event.Kind != KindBug {
			t.Errorf("%T: %+v", e, ops)
		}
	}
	w := one(t, spec{name: "a"}, conduct{})
	w.run(time.Second)
	for _, e := range []Event{Hello{Now: Now{w.now}}, Exited{Now: Now{w.now}}, Replied{Now: Now{w.now}, Request: 99}, Asked{Now{w.now}, 9}, nothing{}} {
		bugs := 0
		for _, op := range w.m.Step(e) {
			if emit, ok := op.(Emit); ok && emit.Event.Kind == KindBug && emit.Event.Level == "error" {
				bugs++
			}
		}
		if bugs != 1 {
			t.Errorf("%T: %d bugs are reported", e, bugs)
		}
	}
	if i := w.instance(); i.State != "ready" {
		t.Errorf("%+v", i)
	}
	w.m.feed(w.m.modules[0].slots[0].serving, inLaunched)
	if got := w.m.ops[len(w.m.ops)-1].(Emit).Event; got.Text != "bug: a is ready, and then launched; please report it" || w.instance().State != "ready" {
		t.Errorf("%+v", got)
	}
}

type nothing struct{ Now }

// TestObserved: events of others get what the machine knows about the instance.
func TestObserved(t *testing.T) {
	w := one(t, spec{name: "a"}, conduct{})
	w.run(time.Second)
	id := uint64(w.processes[0].ID)
	w.events = nil
	w.step(Observed{Now{w.now}, api.Event{Kind: "log.lost", Instance: id, Text: "x", Level: "warn"}})
	w.step(Noticed{Now{w.now}, wire.Notice{Kind: "k", Severity: wire.Error, Instance: wire.InstanceID(id), Text: "y"}})
	for n, level := range []string{"warn", "error"} {
		if e := w.events[n]; e.Module != "a" || e.Replica == nil || e.PID == 0 || e.Level != level || e.ID == "" || e.Generation != 1 {
			t.Errorf("%+v", e)
		}
	}
}
