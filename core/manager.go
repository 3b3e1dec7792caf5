package core

import (
	"context"
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/future"
	"github.com/bulkhead/bulkhead/core/link"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Status returns what there is now.
func (r *Runtime) Status() api.Status {
	result := make(chan api.Status, 1)
	ok := r.post(func(time.Time) {
		if r.changed {
			r.status, r.changed = r.machine.Status(), false
		}
		result <- r.status
	})
	if ok {
		select {
		case s := <-result:
			return s
		case <-r.ended:
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Do carries a command out and waits for its end. When ctx is done first, the command goes on. No modules means all of them.
func (r *Runtime) Do(ctx context.Context, verb machine.Verb, modules []string, dryRun bool) (api.Result, error) {
	f, resolve := future.New[api.Result]()
	ok := r.post(func(now time.Time) {
		r.tickets++
		r.waiting[r.tickets] = resolve
		r.step(machine.Command{Now: machine.Now{Time: now}, Ticket: r.tickets, Verb: verb, Modules: modules, DryRun: dryRun})
	})
	if !ok {
		return api.Result{}, ErrEnded
	}
	select {
	case <-r.ended:
		// What was posted may never be looked at.
		if result, err, known := f.Result(); known {
			return result, err
		}
		return api.Result{}, ErrEnded
	case <-f.Done():
	case <-ctx.Done():
	}
	return f.Wait(ctx)
}

// Events returns the events after the one with an ID, or all that are remembered when it is empty, and then those that happen, until ctx
// is done: see [event.Ring.Subscribe].
func (r *Runtime) Events(ctx context.Context, after string) <-chan api.Event {
	return r.ring.Subscribe(ctx, after)
}

// Logs returns the last lines of some modules, of all when none is named, and then those that they write, until ctx is done: see
// [logs.Ring.Subscribe].
func (r *Runtime) Logs(ctx context.Context, modules []string, last int) <-chan api.LogLine {
	return r.lines.Subscribe(ctx, modules, last)
}

// Stats asks the spawner for its counters. Those who ask at the same time get the same answer.
func (r *Runtime) Stats(ctx context.Context) (wire.Stats, error) {
	f, err := r.askStats()
	if err != nil {
		return wire.Stats{}, err
	}
	return f.Wait(ctx)
}

func (r *Runtime) askStats() (*future.Future[wire.Stats], error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.tell == nil:
		return nil, ErrEnded
	case r.stats != nil:
		return r.stats, nil
	}
	r.asked++
	id := ours | r.asked
	f, resolve := future.New[wire.Stats]()
	r.tell[id] = resolve
	if err := r.link.Send(id, wire.KindStats, nil); err != nil {
		delete(r.tell, id)
		return nil, fmt.Errorf("ask the spawner for its counters: %w", err)
	}
	r.stats = f
	return f, nil
}

// answer takes the answer to a request of our own.
func (r *Runtime) answer(p link.Replied) {
	r.mu.Lock()
	resolve := r.tell[p.Request]
	delete(r.tell, p.Request)
	r.stats = nil
	r.mu.Unlock()
	if resolve == nil {
		return // it has ended
	}
	if p.Stats == nil {
		resolve(wire.Stats{}, fmt.Errorf("ask the spawner for its counters: %s", p.Reply.Text))
		return
	}
	resolve(*p.Stats, nil)
}
