package machine

import (
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/plan"
)

// names lists modules for a person.
func names(list []*module) string {
	out := make([]string, len(list))
	for i, mod := range list {
		out[i] = mod.name
	}
	return strings.Join(out, ", ")
}

// stopWork stops modules and waits until they have ended.
type stopWork struct {
	modules []*module
	slots   []*slot
	already int
}

func (m *Machine) stopJob(j *job) work {
	w := &stopWork{modules: m.chosen(j)}
	for _, mod := range slices.Backward(w.modules) {
		if mod.stopped {
			w.already++
		}
		mod.stopped = true
		m.note(keyStopped+mod.name, []byte{memoVersion})
		w.slots = append(w.slots, mod.slots...)
	}
	for _, s := range w.slots {
		if c := s.serving; c != nil && c.state != Stopped {
			c.cause, c.trace, c.reason = j.cause, j.trace, "stopped by a command"
			m.feed(c, inStop)
		}
	}
	return w
}

func (w *stopWork) advance(m *Machine, j *job) bool {
	for ; len(w.slots) > 0; w.slots = w.slots[1:] {
		c := w.slots[0].serving
		if c == nil || !c.state.process() {
			continue
		}
		if c.stuck {
			m.resolve(j, api.Result{Text: c.stays()})
			return true
		}
		return false
	}
	text := "stopped " + names(w.modules)
	if w.already == len(w.modules) {
		text = names(w.modules) + ": stopped already"
	}
	m.resolve(j, api.Result{OK: true, Text: text})
	return true
}

// startWork starts what does not run and waits until it is ready.
type startWork struct {
	modules []*module
	todo    []*slot
	current *instance   // that is being launched
	waits   []*instance // that must get ready
	began   int
}

func (m *Machine) startJob(j *job) work {
	w := &startWork{modules: m.chosen(j)}
	for _, mod := range w.modules {
		m.wanted(mod)
		w.todo = append(w.todo, mod.slots...)
	}
	return w
}

// wanted notes that nobody wants a module stopped any more.
func (m *Machine) wanted(mod *module) {
	mod.stopped = false
	m.note(keyStopped+mod.name, nil)
}

func (w *startWork) advance(m *Machine, j *job) bool {
	for {
		if w.current != nil && w.current.state == Launching && !w.current.unsent {
			return false // one after the other
		}
		if w.current = nil; len(w.todo) == 0 {
			break
		}
		c := w.todo[0].serving
		w.todo = w.todo[1:]
		if c == nil || c.state.process() && c.state != Stopping && c.state != Cancelled {
			continue // it runs, or comes up by itself
		}
		c.slot.renew()
		m.remember(c.slot)
		c.job, c.cause, c.trace = j, j.cause, j.trace
		m.feed(c, inStart)
		w.current, w.waits = c, append(w.waits, c)
		w.began++
	}
	for ; len(w.waits) > 0; w.waits = w.waits[1:] {
		if w.waits[0].job == j {
			return false
		}
	}
	switch {
	case j.trouble != "":
		m.resolve(j, api.Result{Text: j.trouble})
	case w.began == 0:
		m.resolve(j, api.Result{OK: true, Text: names(w.modules) + ": running already"})
	default:
		m.resolve(j, api.Result{OK: true, Text: "started " + names(w.modules)})
	}
	return true
}

// restartWork replaces one instance after the other.
type restartWork struct {
	modules []*module
	slots   []*slot
	old     *instance // that is leaving
	begun   bool      // the first of slots was taken on
}

func (m *Machine) restartJob(j *job) work {
	w := &restartWork{modules: m.chosen(j)}
	for _, mod := range w.modules {
		if p := plan.Alongside(mod.spec); p != nil {
			m.resolve(j, api.Result{Text: p.Text + " (" + p.Place + "): " + p.Help, Invalid: true})
			return done{}
		}
	}
	for _, mod := range w.modules {
		m.wanted(mod)
		w.slots = append(w.slots, mod.slots...)
	}
	return w
}

func (w *restartWork) advance(m *Machine, j *job) bool {
	for len(w.slots) > 0 && j.trouble == "" {
		s := w.slots[0]
		if !w.begun {
			w.begun = true
			w.old = m.swap(s, j)
		}
		if c := s.incoming; c != nil {
			if c.state != Ready {
				return false
			}
			w.old = m.promote(s)
		}
		if c := s.stuck(); c != nil && (c == w.old || s.blocked != nil) && j.trouble == "" {
			j.trouble = c.stays()
			break
		}
		if c := s.serving; c != nil && c.job == j || w.old != nil && w.old.state != Gone {
			return false
		}
		if j.trouble == "" {
			w.slots, w.begun, w.old = w.slots[1:], false, nil
		}
	}
	if j.trouble == "" {
		m.resolve(j, api.Result{OK: true, Text: "restarted " + names(w.modules)})
		return true
	}
	if s := w.slots[0]; s.incoming != nil { // it does not end
		s.leave(m, s.incoming)
	}
	m.resolve(j, api.Result{Text: j.trouble})
	return true
}

// swap begins to replace the instance of a slot by one of the generation in force, and returns the one that leaves, if it leaves first.
func (m *Machine) swap(s *slot, j *job) (old *instance) {
	old = s.serving
	s.renew()
	c := m.newInstance(s, s.module.spec, m.cur.Generation)
	c.job, c.cause, c.trace = j, j.cause, j.trace
	switch {
	case old != nil && old.state.process() && !alone(s.module.spec):
		s.incoming = c
		old = nil // it leaves when the new one is ready
	case old != nil:
		old.cause, old.trace, old.reason = j.cause, j.trace, "replaced"
		s.serving = nil
		m.retire(old)
		s.serving = c
	default:
		s.serving = c
	}
	m.feed(c, inStart)
	return old
}

// promote lets the instance that came in serve, and the one that served leave.
func (m *Machine) promote(s *slot) *instance {
	old, c := s.serving, s.incoming
	s.serving, s.incoming = c, nil
	if old != nil {
		old.cause, old.trace, old.reason = c.cause, c.trace, "replaced"
		m.retire(old)
	}
	m.remember(s)
	return old
}
