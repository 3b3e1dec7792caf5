package core

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/event"
	"github.com/bulkhead/bulkhead/core/future"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// script is a machine that wants a tick every hour, and notes what it is given.
type script struct {
	next  time.Time
	given []string
	stats int
}

func (s *script) Step(e machine.Event) []machine.Op {
	var ops []machine.Op
	switch e := e.(type) {
	case machine.Tick:
		s.given = append(s.given, "tick at "+e.Time.Format(time.TimeOnly))
		s.next = s.next.Add(time.Hour)
	case machine.Command:
		s.given = append(s.given, fmt.Sprintf("command %d", e.Ticket))
		if e.Verb == machine.Start {
			ops = append(ops, machine.Resolve{Ticket: e.Ticket, Result: api.Result{OK: true}}, machine.Resolve{Ticket: 99})
		}
	}
	return ops
}
func (s *script) Deadline() time.Time { return s.next }
func (s *script) Status() api.Status  { s.stats++; return api.Status{Generation: uint64(s.stats)} }

// The machine is ticked when it wants to be, one step follows the other, and who waits at the end is told.
func TestDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: time.Now().Add(time.Hour)}
		r := &Runtime{machine: s, ring: event.NewRing(1), todo: make(chan func(time.Time), 8), ended: make(chan struct{}), log: slog.New(slog.DiscardHandler),
			waiting: map[machine.Ticket]func(api.Result, error) bool{}, tell: map[uint64]func(wire.Stats, error) bool{}, changed: true}
		f, resolve := future.New[wire.Stats]()
		r.tell[ours] = resolve
		done := make(chan struct{})
		go func() { r.decide(); close(done) }()
		if a, b := r.Status(), r.Status(); a.Generation != 1 || b.Generation != 1 {
			t.Errorf("a status that has not changed was made again: %d, %d", a.Generation, b.Generation)
		}
		time.Sleep(150 * time.Minute)
		if got := r.Status(); got.Generation != 2 {
			t.Errorf("status %d after a tick", got.Generation)
		}
		if result, err := r.Do(t.Context(), machine.Start, nil, false); err != nil || !result.OK {
			t.Errorf("%+v, %v", result, err)
		}
		waits := make(chan error, 1)
		go func() {
			_, err := r.Do(t.Context(), machine.Reload, nil, false)
			waits <- err
		}()
		synctest.Wait()
		close(r.ended)
		<-done
		if err := <-waits; err != ErrEnded {
			t.Errorf("who waits is told %v", err)
		}
		if _, err := f.Wait(t.Context()); err != ErrEnded {
			t.Errorf("who waits for stats is told %v", err)
		}
		want := []string{"tick at 01:00:00", "tick at 02:00:00", "command 1", "command 2"}
		if got := fmt.Sprint(s.given); got != fmt.Sprint(want) {
			t.Errorf("%v", s.given)
		}
	})
}
