package event

import (
	"context"
	"fmt"
	"sync"

	"github.com/bulkhead/bulkhead/core/api"
)

// Kinds of the events that a subscription makes by itself. They have no ID.
const (
	// Cut is the last event of a follower that did not keep up.
	Cut = "events.cut"
	// Missed is the first event of one who asked for more than is kept.
	Missed = "events.missed"
)

// ahead is how many events a follower can be behind.
const ahead = 256

// Ring keeps the last events. It is safe for concurrent use, and never waits for a follower.
type Ring struct {
	mu      sync.Mutex // guards all of it
	events  []api.Event
	first   int    // index of the oldest, once the ring is full
	lost    string // ID of the last one that was dropped
	subs    map[*subscription]struct{}
	closed  bool
	dropped uint64
}

type subscription struct{ ch chan api.Event }

// NewRing returns a ring for n events.
func NewRing(n int) *Ring {
	return &Ring{events: make([]api.Event, 0, n), subs: map[*subscription]struct{}{}}
}

// Publish adds an event, whose ID is greater than those of all before.
func (r *Ring) Publish(e api.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) < cap(r.events) {
		r.events = append(r.events, e)
	} else {
		r.lost = r.events[r.first].ID
		r.events[r.first] = e
		r.first = (r.first + 1) % len(r.events)
	}
	for s := range r.subs {
		// One place is kept for the event that says that there is no place.
		if len(s.ch) < cap(s.ch)-1 {
			s.ch <- e
			continue
		}
		r.dropped++
		s.ch <- api.Event{Time: e.Time, Kind: Cut, Level: "warn", Generation: e.Generation,
			Text: fmt.Sprintf("events come faster than they are read: the first one left out is %s", e.ID)}
		r.end(s)
	}
}

// Since returns the events after the one with an ID, or all that are kept when it is empty, and whether there were more.
func (r *Ring) Since(id string) (events []api.Event, missed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.since(id)
}

func (r *Ring) since(id string) (events []api.Event, missed bool) {
	for i := range r.events {
		if e := r.events[(r.first+i)%len(r.events)]; e.ID > id {
			events = append(events, e)
		}
	}
	return events, id != "" && id < r.lost
}

// Subscribe returns the events after the one with an ID, or all that are kept when it is empty, and then what happens until ctx is done. The
// channel is closed then, when the follower does not keep up, and when the ring is closed. What is kept is in the channel when it is
// returned, so that one who does not want to follow can stop where there is nothing to be received.
func (r *Ring) Subscribe(ctx context.Context, after string) <-chan api.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, missed := r.since(after)
	s := &subscription{ch: make(chan api.Event, len(events)+ahead+2)}
	if missed {
		s.ch <- api.Event{Kind: Missed, Level: "warn", Time: events[0].Time, Generation: events[0].Generation,
			Text: "there were more events after " + after + " than are kept"}
	}
	for _, e := range events {
		s.ch <- e
	}
	r.subs[s] = struct{}{}
	if r.closed || ctx.Err() != nil {
		r.end(s)
		return s.ch
	}
	context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.end(s)
	})
	return s.ch
}

// end closes a subscription, unless that was done.
func (r *Ring) end(s *subscription) {
	if _, ok := r.subs[s]; ok {
		delete(r.subs, s)
		close(s.ch)
	}
}

// Close ends all subscriptions, and those to come.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for s := range r.subs {
		r.end(s)
	}
}

// CutOff is how many followers did not keep up so far.
func (r *Ring) CutOff() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}
