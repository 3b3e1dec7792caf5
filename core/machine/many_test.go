package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// many returns a configuration with that many modules.
func many(n int) config {
	c := config{listeners: []string{"http:80"}}
	for i := range n {
		c.modules = append(c.modules, spec{name: fmt.Sprintf("m%04d", i), version: "1", order: "start-first", health: "notify", listeners: []string{"http"}, watchdog: time.Hour})
	}
	return c
}

// TestAThousandModules: they come up in order, a reload of one leaves the others alone, one of all replaces all, and all end; with few
// enough requests under way for the spawner.
func TestAThousandModules(t *testing.T) {
	const n = 1000
	s := wire.Snapshot{Current: many(n).outline(1)}
	f := &fast{t: t, m: New(Options{}), current: s.Current, lastID: 1}
	begun := time.Now()
	f.step(Hello{Now{epoch}, s})
	f.run()
	if f.m.count[Ready] != n || f.order[0] != "m0000" || f.order[n-1] != "m0999" {
		t.Fatalf("%v", f.m.count)
	}
	c := many(n)
	c.modules[500].version = "2"
	f.next = c.outline(2)
	f.step(Asked{Now{f.now}, wire.WishReload})
	f.run()
	if f.m.count[Ready] != n || f.launches != n+1 || f.signals != 1 || f.m.cur.Generation != 2 {
		t.Fatalf("%v, %d launches, %d signals", f.m.count, f.launches, f.signals)
	}
	for i := range c.modules {
		c.modules[i].version = "3"
	}
	f.next = c.outline(3)
	f.step(Asked{Now{f.now}, wire.WishReload})
	f.run()
	if f.m.count[Ready] != n || f.launches != 2*n+1 || f.m.cur.Generation != 3 {
		t.Fatalf("%v, %d launches", f.m.count, f.launches)
	}
	f.step(Asked{Now{f.now}, wire.WishStop})
	f.run()
	if !f.finished {
		t.Fatal("it does not end")
	}
	if f.most > mostPending {
		t.Errorf("%d requests under way", f.most)
	}
	t.Logf("%d steps in %s", f.steps, time.Since(begun))
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestStepDoesNotLookAtEverything: what a sign of life costs does not depend on how many modules there are.
func TestStepDoesNotLookAtEverything(t *testing.T) {
	cost := func(n int) (allocs float64, visited time.Duration) {
		s := wire.Snapshot{Current: many(n).outline(1)}
		f := &fast{t: t, m: New(Options{}), current: s.Current, lastID: 1}
		f.step(Hello{Now{epoch}, s})
		f.run()
		ping := Notified{Now: Now{f.now}, Instance: wire.InstanceID(1 + n/2), Watchdog: true}
		allocs = testing.AllocsPerRun(1000, func() { f.m.Step(ping) })
		best := time.Hour
		for range 20 {
			begun := time.Now()
			for range 200 {
				f.m.Step(ping)
			}
			best = min(best, time.Since(begun))
		}
		return allocs, best
	}
	fewAllocs, few := cost(10)
	manyAllocs, lots := cost(1000)
	if manyAllocs > fewAllocs || manyAllocs > 2 {
		t.Errorf("%v allocations with 1000 modules, %v with 10", manyAllocs, fewAllocs)
	}
	if lots > 20*few {
		t.Errorf("200 signs of life take %s with 1000 modules, %s with 10", lots, few)
	}
}

// fast is a spawner that answers at once and remembers nothing.
type fast struct {
	t        *testing.T
	m        *Machine
	now      time.Time
	current  wire.Outline
	next     wire.Outline
	lastID   wire.InstanceID
	mail     []Event
	order    []string
	launches int
	signals  int
	steps    int
	most     int
	finished bool
}

func (f *fast) step(e Event) {
	f.steps++
	if f.now.IsZero() {
		f.now = epoch
	}
	for _, op := range f.m.Step(e) {
		switch op := op.(type) {
		case Send:
			f.answer(op)
		case Emit:
			if op.Event.Kind == KindBug {
				f.t.Fatal(op.Event.Text)
			}
		}
	}
	f.most = max(f.most, len(f.m.requests.pending)-len(f.m.requests.waiting))
}

func (f *fast) answer(s Send) {
	r := Replied{Now: Now{f.now}, Request: s.Request}
	switch s.Kind {
	case wire.KindStart:
		v, _ := wire.DecodeStart(s.Body)
		id := f.lastID
		f.lastID++
		f.launches++
		f.order = append(f.order, v.Module)
		r.Instance = &wire.Instance{ID: id, Generation: v.Generation, Module: v.Module, Replica: v.Replica, Started: f.now}
		f.mail = append(f.mail, r, Notified{Now: Now{f.now}, Instance: id, Ready: true})
		return
	case wire.KindPrepare:
		r.Outline = &f.next
	case wire.KindSignal:
		f.signals++
		v, _ := wire.DecodeSignal(s.Body)
		f.mail = append(f.mail, r, Exited{Now{f.now}, wire.ExitedEvent{Instance: v.Instance, Exit: wire.Exit{Code: 1, Text: "exited"}}})
		return
	case wire.KindFinish:
		f.finished = true
	}
	f.mail = append(f.mail, r)
}

func (f *fast) run() {
	for len(f.mail) > 0 {
		e := f.mail[0]
		f.mail = f.mail[1:]
		f.now = f.now.Add(time.Microsecond)
		f.step(e)
	}
}

// TestRequestsWaitForAnswers: what is too much for the spawner at once is asked for when it has answered, in the same order.
func TestRequestsWaitForAnswers(t *testing.T) {
	const n = 1500
	s := wire.Snapshot{Current: many(1).outline(1)}
	for i := range n {
		s.Instances = append(s.Instances, wire.Instance{ID: wire.InstanceID(10 + i), Generation: 1, Module: fmt.Sprintf("old%d", i), Started: epoch})
	}
	f := &fast{t: t, m: New(Options{}), current: s.Current, lastID: 5000}
	f.step(Hello{Now{epoch}, s})
	if f.most != mostPending {
		t.Errorf("%d requests under way", f.most)
	}
	f.run()
	if f.signals != n || f.most > mostPending || len(f.m.requests.pending) > 0 || len(f.m.requests.waiting) > 0 || f.m.count[Ready] != 1 {
		t.Errorf("%d signals, %d requests under way, %d left, %v", f.signals, f.most, len(f.m.requests.pending), f.m.count)
	}
}
