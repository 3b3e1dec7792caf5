package machine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// begin takes what the spawner says there is, and goes on from there.
//
// Of the instances in a slot one serves: of the latest generation in force, rather one that is ready, rather a later one. Those that a manager had told
// to leave, those of a generation that is not in force and those of slots that are not there any more leave. Ends that nobody has dealt with are
// dealt with now. What is missing is started, except where a memo says why it is not there.
func (m *Machine) begin(s wire.Snapshot) {
	m.hello = true
	m.options, m.pid, m.since, m.began, m.starts = s.Options, s.PID, s.Since, m.now, s.ManagerStarts
	m.cur = s.Current
	m.listeners = slices.Clone(s.Listeners)
	for i := range m.cur.Modules {
		mod := newModule(&m.cur.Modules[i])
		m.modules = append(m.modules, mod)
		m.byName[mod.name] = mod
	}
	memos, last := m.memos(s.Memos)

	instances := slices.Clone(s.Instances)
	slices.SortFunc(instances, func(a, b wire.Instance) int { return cmp.Compare(a.ID, b.ID) })
	bySlot := make(map[*slot][]wire.Instance, len(instances))
	orphans := map[string]*slot{}
	for _, w := range instances {
		slot := m.slotOf(w, orphans)
		bySlot[slot] = append(bySlot[slot], w)
	}
	b := &bringUp{}
	if s.Prepared != nil {
		b.prepared = s.Prepared.Generation
	}
	var ended []*instance
	var exits []wire.Exit
	for _, mod := range m.modules {
		for _, slot := range mod.slots {
			c, exit := m.recover(slot, bySlot[slot], memos[slotKey(slot)])
			if c.state == Waiting {
				b.slots = append(b.slots, slot)
			}
			if exit != nil {
				ended, exits = append(ended, c), append(exits, *exit)
			}
		}
	}
	for _, slot := range m.former {
		for _, w := range bySlot[slot] {
			m.leftover(slot, w)
		}
	}
	cause := m.emit(api.Event{Kind: KindManagerStarted, Text: fmt.Sprintf("manager %d has begun; %s running", max(m.starts, 1), plural(len(m.byID), "instance"))})
	switch {
	case last != nil:
		m.end(last.status, last.why, cause)
	case s.Stopping:
		m.end(0, "a signal asked for it", cause)
	default:
		m.goOn(b, cause)
	}
	for i, c := range ended {
		m.exited(c.id, exits[i])
	}
}

// goOn brings up what is missing.
func (m *Machine) goOn(b *bringUp, cause string) {
	for _, s := range m.everySlot() {
		b.remains = append(b.remains, s.leaving...)
	}
	if m.up && len(b.slots) == 0 && len(b.remains) == 0 && b.prepared == 0 {
		return
	}
	m.running = append(m.running, &job{cause: cause, first: !m.up, work: b})
}

// everySlot returns the slots of the configuration and those that are left from others.
func (m *Machine) everySlot() []*slot {
	var out []*slot
	for _, mod := range m.modules {
		out = append(out, mod.slots...)
	}
	return append(out, m.former...)
}

// memos reads what a manager had asked to remember. What cannot be read, or is about something that is not there any more, is removed.
func (m *Machine) memos(list []wire.Memo) (map[string]slotMemo, *endMemo) {
	out := make(map[string]slotMemo, len(list))
	var last *endMemo
	for _, memo := range list {
		m.notes[memo.Key] = string(memo.Data)
	}
	for _, memo := range list {
		var err error
		name, isStopped := strings.CutPrefix(memo.Key, keyStopped)
		switch mod := m.byName[name]; {
		case memo.Key == keyUp:
			m.up = true
		case memo.Key == keyEnding:
			last = &endMemo{}
			last.status, last.why, err = decodeEnd(memo.Data)
		case memo.Key == keyReload:
			var r api.Reload
			if r, err = decodeReload(memo.Data); err == nil {
				m.lastReload = &r
			}
		case isStopped && mod != nil:
			mod.stopped = true
		case strings.HasPrefix(memo.Key, keySlot) && m.knows(memo.Key):
			var v slotMemo
			if v, err = decodeSlot(memo.Data); err == nil {
				out[memo.Key] = v
			}
		default:
			m.note(memo.Key, nil)
		}
		if err != nil {
			m.bug(fmt.Sprintf("memo %q: %v", memo.Key, err))
			if memo.Key != keyEnding { // whatever it says, everything was being stopped
				m.note(memo.Key, nil)
			}
		}
	}
	return out, last
}

// endMemo is why everything was being stopped.
type endMemo struct {
	status uint8
	why    string
}

// knows tells whether a key is that of a slot of the configuration.
func (m *Machine) knows(key string) bool {
	_, name, _ := strings.Cut(strings.TrimPrefix(key, keySlot), "/")
	mod := m.byName[name]
	return mod != nil && slices.ContainsFunc(mod.slots, func(s *slot) bool { return slotKey(s) == key })
}

// slotOf returns the slot of an instance. One that the configuration does not have is made up.
func (m *Machine) slotOf(w wire.Instance, orphans map[string]*slot) *slot {
	mod := m.byName[w.Module]
	if mod != nil && int(w.Replica) < len(mod.slots) {
		return mod.slots[w.Replica]
	}
	key := fmt.Sprintf("%d/%s", w.Replica, w.Module)
	if orphans[key] == nil {
		if mod == nil {
			// Nothing is known of it any more; it is asked to end as most are.
			mod = &module{name: w.Module, spec: &wire.Module{Name: w.Module, Replicas: 1, StopSignal: 15, StopGracePeriod: 10 * time.Second}}
		}
		orphans[key] = &slot{module: mod, replica: int(w.Replica), removed: true}
		m.former = append(m.former, orphans[key])
	}
	return orphans[key]
}

// recover finds out which instance serves in a slot, and has the others leave. The end of the one that serves is returned when nobody has
// dealt with it.
func (m *Machine) recover(s *slot, list []wire.Instance, v slotMemo) (*instance, *wire.Exit) {
	s.done, s.restarts, s.level, s.lastExit, s.starts, s.counted = v.done, v.restarts, v.level, v.lastExit, v.starts, v.counted
	best := -1
	for i, w := range list {
		if w.ID > v.done && w.Generation <= m.cur.Generation && (best < 0 || m.rather(w, list[best], v)) {
			best = i
		}
	}
	if best < 0 {
		c := m.absent(s, v)
		s.serving = c
		for _, w := range list {
			m.leftover(s, w)
		}
		return c, nil
	}
	c := m.present(s, list[best], v)
	s.serving = c
	for i, w := range list {
		if i != best {
			m.leftover(s, w)
		}
	}
	if exit := list[best].Exit; exit != nil {
		return c, exit
	}
	if s.module.stopped {
		c.reason = "stopped by a command"
		m.feed(c, inStop)
	}
	return c, nil
}

// rather tells whether an instance serves rather than another one.
func (m *Machine) rather(a, b wire.Instance, v slotMemo) bool {
	// One of an earlier generation that has ended may be what is left of a reload that was undone.
	rank := func(w wire.Instance) [4]uint64 {
		var r [4]uint64
		if w.Exit == nil || w.Generation == m.cur.Generation {
			r[0] = 1
		}
		r[1] = uint64(w.Generation)
		if w.Exit == nil {
			r[2] = 1
			if slices.ContainsFunc(v.ready, func(k readyMemo) bool { return k.id == w.ID }) {
				r[2] = 2
			}
		}
		r[3] = uint64(w.ID)
		return r
	}
	ra, rb := rank(a), rank(b)
	return slices.Compare(ra[:], rb[:]) > 0
}

// place puts an instance into a state without asking the table: it was in it when the last manager ended.
func (m *Machine) place(c *instance, s State) {
	m.count[c.state]--
	m.count[s]++
	c.state = s
}

// known fills in what the spawner knows of an instance.
func (m *Machine) known(s *slot, w wire.Instance) *instance {
	c := m.newInstance(s, s.module.spec, w.Generation)
	c.id, c.pid, c.started, c.took, c.since = w.ID, w.PID, w.Started, max(w.Launch, 1), w.Started
	c.parts = w.Parts
	m.place(c, Starting)
	m.byID[c.id] = c
	return c
}

// present puts an instance that was found back to work.
func (m *Machine) present(s *slot, w wire.Instance, v slotMemo) *instance {
	c := m.known(s, w)
	if w.ID > s.counted {
		s.starts, s.counted = append(s.starts, w.Started), w.ID
	}
	for _, k := range v.ready {
		if k.id == c.id {
			m.place(c, Ready)
			c.readyAt, c.since, c.watchdog = k.at, k.at, k.watchdog
		}
	}
	switch h := c.spec.Health; {
	case w.Exit != nil:
	case c.state == Ready:
		m.watch(c)
	case h.Kind == "":
		m.arm(c, c.started.Add(settling))
	case h.Kind == "tcp":
		m.look(c, min(h.Interval, probeAtStart))
		m.arm(c, m.now.Add(h.StartTimeout))
	default:
		c.doubt = true
		m.arm(c, c.started.Add(h.StartTimeout))
	}
	if s.module.stopped {
		c.goal = toStop
	}
	return c
}

// absent returns the place of an instance that does not run, in the state that the memo says.
func (m *Machine) absent(s *slot, v slotMemo) *instance {
	c := m.newInstance(s, s.module.spec, m.cur.Generation)
	switch {
	case s.module.stopped:
		m.place(c, Stopped)
		c.goal, c.reason = toStop, "stopped by a command"
	case v.state == Backoff:
		m.place(c, Backoff)
		m.arm(c, v.due)
	case v.state != Waiting:
		m.place(c, v.state)
	}
	if v.state != Waiting && !s.module.stopped {
		c.since, c.reason, c.failed = v.since, v.reason, v.failed
	}
	return c
}

// leftover has an instance leave that does not serve. What has ended is forgotten.
func (m *Machine) leftover(s *slot, w wire.Instance) {
	if w.Exit != nil {
		m.forget(w.ID)
		return
	}
	c := m.known(s, w)
	c.reason = "replaced"
	s.leaving = append(s.leaving, c)
	if w.Generation <= m.cur.Generation && s.serving != nil && (s.serving.id == 0 || s.serving.id > w.ID) {
		s.done = max(s.done, w.ID)
	}
	m.remember(s)
	m.feed(c, inLeave)
}
