package machine

import (
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// undo brings back what was there before a reload: what it started leaves, and what it stopped is started again.
func (r *reload) undo(m *Machine) {
	r.phase = undoing
	r.job.cause = m.emitIn(r.job.trace, api.Event{Kind: KindReloadUndone, Level: "error", Cause: r.job.cause, Generation: uint64(r.next.Generation),
		Text: r.trouble + "; undoing what was begun"})
	for i := len(r.brought) - 1; i >= 0; i-- {
		s := r.brought[i]
		if c := s.incoming; c != nil {
			c.cause, c.trace, c.job = r.job.cause, r.job.trace, nil
			r.leaving = append(r.leaving, c)
			s.leave(m, c)
		}
		m.restore(s, r)
	}
}

// restore has the generation in force serve in a slot again.
func (m *Machine) restore(s *slot, r *reload) {
	c := s.serving
	switch {
	case s.parked:
		s.parked = false
		if c.state == Backoff {
			m.arm(c, m.now)
		}
	case c == nil && m.byName[s.module.name] == s.module && s.replica < len(s.module.slots):
		c = m.newInstance(s, s.module.spec, m.cur.Generation)
		c.cause, c.trace = r.job.cause, r.job.trace
		c.job = &job{} // takes note when it fails
		s.serving = c
		r.restored = append(r.restored, c)
		m.feed(c, inStart)
	}
}

// discard has the spawner give the prepared generation up.
func (r *reload) discard(m *Machine) {
	r.phase = discarding
	m.send(wire.KindDiscard, wire.EncodeID(r.next.Generation), request{})
}

// discarded ends a reload that left nothing behind.
func (r *reload) discarded(m *Machine) {
	switch {
	case r.trouble == "" && r.result.OK:
		m.resolve(r.job, r.result) // a look at it
		r.phase = over
		return
	case r.trouble == "":
		r.refuse(m, r.result, r.result.Problems)
		return
	}
	r.abandon(m)
	text := fmt.Sprintf("%s; generation %d serves on", r.trouble, m.cur.Generation)
	for _, remains := range r.remains {
		text += "; " + remains
	}
	for _, c := range r.restored {
		if c.slot.stuck() != nil {
			text += fmt.Sprintf("; %s is started again when that has ended", c.name())
			continue
		}
		if c.state != Ready && c.state != Starting && c.state != Launching {
			text += fmt.Sprintf("; %s did not come back: %s", c.name(), c.reason)
		}
	}
	m.emitIn(r.job.trace, api.Event{Kind: KindReloadFailed, Level: "error", Cause: r.job.cause, Text: text})
	m.reloaded(api.Reload{Time: m.now, Generation: uint64(r.next.Generation), Text: text})
	m.resolve(r.job, api.Result{Plan: &r.plan, Text: text})
	r.phase = over
}

// abandon keeps the slots of which something is left although the configuration does not have them.
func (r *reload) abandon(m *Machine) {
	slots := slices.Clone(r.extra)
	for _, mod := range r.added {
		slots = append(slots, mod.slots...)
	}
	for _, s := range slots {
		if len(s.leaving) > 0 {
			m.note(slotKey(s), nil)
			s.removed = true
			m.former = append(m.former, s)
		}
	}
}
