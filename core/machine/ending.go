package machine

import (
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// ending is how everything is stopped: module by module, what was started last first.
type ending struct {
	status   uint8
	cause    string
	tickets  []Ticket
	groups   [][]*slot // of modules
	asked    bool      // the first of groups was told to stop
	patience time.Time // until when the answers to Forgets are waited for; zero before the last instance has ended
	refused  bool      // the spawner does not end
	finished bool
}

// drainTime is how long the output of what has ended may take to be written.
const drainTime = 5 * time.Second

// finishTime is how long to wait with another Finish after one that was refused.
const finishTime = time.Second

// end begins to stop everything. The first reason counts.
func (m *Machine) end(status uint8, why, cause string) {
	if m.ending != nil {
		return
	}
	m.note(keyEnding, encodeEnd(status, why))
	id := m.emit(api.Event{Kind: KindStopping, Cause: cause, Text: "stopping: " + why})
	m.ending = &ending{status: status, cause: id}
	for _, list := range [][]*job{m.running, m.queue} {
		for _, j := range list {
			j.trouble = "the supervisor is stopping"
			m.resolve(j, api.Result{Text: j.trouble})
		}
	}
	m.running, m.queue = nil, nil
	for _, mod := range m.modules {
		m.ending.groups = append(m.ending.groups, mod.slots)
	}
	m.ending.groups = append(m.ending.groups, m.former)
	if r := m.reload; r != nil {
		m.reload = nil // what it began is stopped with the rest
		for _, e := range r.ended {
			m.exited(e.Instance, e.Exit)
		}
		if r.phase != draining {
			m.ending.groups = append(m.ending.groups, r.extra)
			m.former = append(m.former, r.extra...)
			for _, mod := range r.added {
				m.ending.groups = append(m.ending.groups, mod.slots)
				m.former = append(m.former, mod.slots...)
			}
		}
	}
	for _, group := range m.ending.groups {
		for _, s := range group {
			m.hush(s)
		}
	}
}

// hush lets nothing come up in a slot any more. What runs goes on running until its turn.
func (m *Machine) hush(s *slot) {
	for _, c := range s.all() {
		c.job, c.again = nil, false
		if c.goal == toRun {
			c.goal = toStop
		}
		if c.state == Launching || !c.state.process() {
			m.feed(c, c.farewell())
		}
	}
}

// farewell is what tells an instance that everything ends.
func (c *instance) farewell() input {
	if c.slot.incoming == c {
		return inLeave
	}
	return inStop
}

// stopNext stops the module that was started last of those that are left.
func (m *Machine) stopNext() {
	e := m.ending
	for len(e.groups) > 0 {
		group := e.groups[len(e.groups)-1]
		if !e.asked {
			e.asked = true
			for _, s := range group {
				for _, c := range s.all() {
					if c.state == Starting || c.state == Ready || c.state == Failing {
						c.cause = e.cause
						m.feed(c, c.farewell())
					}
				}
			}
		}
		for _, s := range group {
			for _, c := range s.all() {
				if c.state.process() {
					return
				}
			}
		}
		e.groups, e.asked = e.groups[:len(e.groups)-1], false
	}
	m.finish()
}

// finish tells the spawner that nothing is left, when the output of everything was written.
func (m *Machine) finish() {
	e := m.ending
	if e.finished {
		return
	}
	if e.patience.IsZero() {
		e.patience = m.now.Add(drainTime)
	}
	if (m.requests.forgets > 0 || e.refused) && m.now.Before(e.patience) {
		return
	}
	e.finished = true
	m.emit(api.Event{Kind: KindFinished, Cause: e.cause, Text: fmt.Sprintf("nothing is left; the exit status is %d", e.status)})
	for _, t := range e.tickets {
		m.do(Resolve{t, api.Result{OK: true, Text: "stopped"}})
	}
	e.tickets = nil
	m.send(wire.KindFinish, wire.EncodeStatus(e.status), request{})
}

// unfinished asks once more, a little later.
func (e *ending) unfinished(now time.Time) {
	e.refused, e.finished, e.patience = true, false, now.Add(finishTime)
}

// endIfNothingIsLeft ends the supervisor when every instance has ended and none is going to be started again.
func (m *Machine) endIfNothingIsLeft() {
	if !m.up || m.ending != nil || len(m.running) > 0 || len(m.queue) > 0 {
		return
	}
	for s, n := range m.count {
		if n > 0 && State(s) != Ended {
			return
		}
	}
	status, why := uint8(0), "every module has ended"
	for _, mod := range m.modules {
		for _, s := range mod.slots {
			if c := s.serving; c != nil && c.failed {
				status, why = 1, fmt.Sprintf("every module has ended, %s not well: %s", c.name(), c.reason)
			}
		}
	}
	m.end(status, why, "")
}
