package machine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/plan"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// phase is how far a reload has come.
type phase uint8

const (
	preparing  phase = iota // the spawner reads and compiles
	listening               // new listeners begin to listen
	starting                // what comes first is launched and gets ready
	swapping                // what must go first is replaced, one instance after the other
	committing              // the spawner was told that the new generation is in force
	draining                // what was replaced is leaving
	undoing                 // what was begun is leaving, and what was stopped comes back
	discarding              // the spawner gives the prepared generation up
	over
)

// reload brings a new generation in. Up to the commit it can be undone.
type reload struct {
	job     *job
	phase   phase
	next    *wire.Outline // prepared
	plan    api.Plan
	trouble string     // why it is undone
	result  api.Result // of what is discarded without being tried

	added     []*module // that only the next generation has
	extra     []*slot   // of modules that get more replicas
	starts    []*slot   // in phase 1
	swaps     []*slot   // in phase 2
	at, waits int       // in starts
	current   *instance // in phase 2
	brought   []*slot   // that have or had an incoming instance
	postponed []*instance
	ended     []Exited    // of incoming instances, while the commit is under way
	leaving   []*instance // what is waited for in the end
	restored  []*instance // by undoing
	remains   []string    // what has not left
}

func (r *reload) begin(m *Machine) {
	m.send(wire.KindPrepare, nil, request{})
}

// reloadReplied takes the answer to a request of a reload.
func (m *Machine) reloadReplied(k wire.Kind, e Replied) {
	r := m.reload
	if r == nil {
		if b := m.booting(); b != nil && k == wire.KindDiscard {
			b.work.(*bringUp).discarded = true
		}
		return
	}
	failed := e.Reply.Code != wire.Done
	switch {
	case k == wire.KindPrepare && r.phase == preparing:
		r.prepared(m, e)
	case k == wire.KindListen && r.phase == listening && failed:
		r.trouble = e.Reply.Text
		r.undo(m)
	case k == wire.KindListen && r.phase == listening:
		r.lists(m)
		r.phase = starting
	case k == wire.KindCommit && r.phase == committing && failed:
		r.trouble = e.Reply.Text
		r.undo(m)
		r.handBack(m)
	case k == wire.KindCommit && r.phase == committing:
		r.committed(m)
		r.handBack(m)
	case k == wire.KindDiscard && r.phase == discarding:
		if failed {
			m.requestFailed(request{kind: k}, e.Reply.Text)
		}
		r.discarded(m)
	default:
		m.bug(fmt.Sprintf("an answer to %s in phase %d of a reload", k, r.phase))
	}
}

// handBack deals with what had to wait for the answer to the commit.
func (r *reload) handBack(m *Machine) {
	postponed, ended := r.postponed, r.ended
	r.postponed, r.ended = nil, nil
	for _, c := range postponed {
		m.sendStart(c)
	}
	for _, e := range ended {
		m.exited(e.Instance, e.Exit)
	}
}

// prepared looks at what the new generation would change.
func (r *reload) prepared(m *Machine, e Replied) {
	serves := fmt.Sprintf("generation %d serves on", m.cur.Generation)
	switch o := e.Outline; {
	case e.Reply.Code != wire.Done:
		r.refuse(m, api.Result{Text: e.Reply.Text + "; " + serves}, "")
		return
	case o == nil:
		r.refuse(m, api.Result{Text: "bug: the spawner did not say what it prepared; please report it; " + serves}, "")
		return
	case o.Generation == 0:
		result := api.Result{Invalid: true, Problems: o.Rendered, Text: "the policy has errors; " + serves}
		if json.Valid([]byte(o.JSON)) {
			result.Diagnostic = json.RawMessage(o.JSON)
		}
		r.refuse(m, result, o.Rendered)
		return
	}
	r.next = e.Outline
	p, problems := plan.Diff(m.cur, *r.next)
	r.plan = p
	m.emitIn(r.job.trace, api.Event{Kind: KindReloadPlanned, Cause: r.job.cause, Generation: p.To, Text: plan.Summary(p)})
	switch {
	case len(problems) > 0:
		texts := make([]string, len(problems))
		for i, problem := range problems {
			texts[i] = problem.String() + "\n"
		}
		r.result = api.Result{Invalid: true, Plan: &p, Problems: strings.Join(texts, ""), Text: problems[0].Text + "; " + serves}
		r.discard(m)
	case r.job.dryRun:
		r.result = api.Result{OK: true, Plan: &p, Text: plan.Summary(p)}
		r.discard(m)
	default:
		r.phase = listening
		m.send(wire.KindListen, wire.EncodeID(r.next.Generation), request{})
	}
}

// refuse ends a reload of which nothing was begun.
func (r *reload) refuse(m *Machine, result api.Result, problems string) {
	if problems != "" {
		m.emitIn(r.job.trace, api.Event{Kind: KindReloadProblems, Level: "error", Cause: r.job.cause, Text: problems})
	}
	m.emitIn(r.job.trace, api.Event{Kind: KindReloadRefused, Level: "error", Cause: r.job.cause, Text: result.Text})
	made := uint64(0)
	if r.next != nil {
		made = uint64(r.next.Generation)
	}
	m.reloaded(api.Reload{Time: m.now, Generation: made, Text: result.Text})
	m.resolve(r.job, result)
	r.phase = over
}

// reloaded notes how a reload ended.
func (m *Machine) reloaded(v api.Reload) {
	m.lastReload = &v
	m.note(keyReload, encodeReload(v))
}

// lists says which slots are dealt with in which phase. What somebody wants stopped is left alone.
func (r *reload) lists(m *Machine) {
	specs := make(map[string]*wire.Module, len(r.next.Modules))
	for i := range r.next.Modules {
		specs[r.next.Modules[i].Name] = &r.next.Modules[i]
	}
	for _, a := range r.plan.Actions {
		if a.Kind != "module" {
			continue
		}
		mod := m.byName[a.Name]
		switch {
		case a.Verb == api.Start && a.Replica == nil:
			mod = newModule(specs[a.Name])
			r.added = append(r.added, mod)
			r.starts = append(r.starts, mod.slots...)
		case a.Verb == api.Start:
			s := &slot{module: mod, replica: *a.Replica}
			r.extra = append(r.extra, s)
			if !mod.stopped {
				r.starts = append(r.starts, s)
			}
		case a.Verb == api.Replace && !mod.stopped:
			kept := mod.slots[:min(len(mod.slots), max(specs[a.Name].Replicas, 1))]
			if a.Order == plan.StartFirst {
				r.starts = append(r.starts, kept...)
			} else {
				r.swaps = append(r.swaps, kept...)
			}
		}
	}
}

// bring launches the successor in a slot.
func (r *reload) bring(m *Machine, s *slot) *instance {
	var spec *wire.Module
	for i := range r.next.Modules {
		if r.next.Modules[i].Name == s.module.name {
			spec = &r.next.Modules[i]
		}
	}
	c := m.newInstance(s, spec, r.next.Generation)
	c.job, c.cause, c.trace = r.job, r.job.cause, r.job.trace
	s.incoming = c
	r.brought = append(r.brought, s)
	if old := s.serving; old != nil && !old.state.process() {
		s.parked = true
		m.disarm(old)
	}
	m.feed(c, inStart)
	return c
}

func (r *reload) advance(m *Machine, j *job) bool {
	if r.trouble != "" && r.phase < committing {
		r.undo(m)
	}
	switch r.phase {
	case starting:
		if !r.startAll(m) {
			return false
		}
		r.phase = swapping
		fallthrough
	case swapping:
		if r.trouble == "" && !r.swapAll(m) {
			return false
		}
		if r.trouble != "" {
			return r.advance(m, j)
		}
		r.phase = committing
		m.send(wire.KindCommit, wire.EncodeID(r.next.Generation), request{})
	case draining:
		if r.drained() {
			r.succeed(m)
		}
	case undoing:
		if r.drained() {
			r.discard(m)
		}
	}
	if r.phase == over {
		m.reload = nil
		return true
	}
	return false
}

// startAll launches in order, and waits until everything is ready.
func (r *reload) startAll(m *Machine) bool {
	for ; r.at < len(r.starts); r.at++ {
		s := r.starts[r.at]
		if s.incoming == nil {
			r.bring(m, s)
		}
		if r.trouble != "" {
			return true
		}
		if c := s.incoming; c.state == Launching && !c.unsent {
			return false
		}
	}
	for ; r.waits < len(r.starts); r.waits++ {
		if c := r.starts[r.waits].incoming; c == nil || c.state != Ready {
			return false
		}
	}
	return true
}

// swapAll replaces one instance after the other.
func (r *reload) swapAll(m *Machine) bool {
	for len(r.swaps) > 0 && r.trouble == "" {
		s := r.swaps[0]
		if r.current == nil {
			if old := s.serving; old != nil && old.state.process() {
				old.cause, old.trace, old.reason = r.job.cause, r.job.trace, "replaced"
				m.retire(old)
			}
			r.current = r.bring(m, s)
		}
		if c := s.stuck(); c != nil && r.current.unsent && r.trouble == "" {
			r.trouble = c.stays()
		}
		if r.trouble != "" || r.current.state != Ready {
			return r.trouble != ""
		}
		r.swaps, r.current = r.swaps[1:], nil
	}
	return true
}

// drained tells whether everything that had to leave is gone, or never will be.
func (r *reload) drained() bool {
	for ; len(r.leaving) > 0; r.leaving = r.leaving[1:] {
		switch c := r.leaving[0]; {
		case c.state == Gone:
		case c.stuck:
			r.remains = append(r.remains, c.stays())
		default:
			return false
		}
	}
	return true
}

// committed makes the next generation the one in force, and has what it replaces leave.
func (r *reload) committed(m *Machine) {
	r.phase = draining
	m.adoptListeners(*r.next)
	old := m.modules
	m.cur, m.modules = *r.next, make([]*module, 0, len(r.next.Modules))
	r.job.cause = m.emitIn(r.job.trace, api.Event{Kind: KindReloadCommitted, Cause: r.job.cause, Text: fmt.Sprintf("generation %d is in force", m.cur.Generation)})
	for _, mod := range r.added {
		m.byName[mod.name] = mod
	}
	for _, s := range r.extra {
		s.module.slots = append(s.module.slots, s)
	}
	var remains []*slot
	kept := make(map[*module]bool, len(r.next.Modules))
	for i := range m.cur.Modules {
		spec := &m.cur.Modules[i]
		mod := m.byName[spec.Name]
		kept[mod] = true
		if n := max(spec.Replicas, 1); len(mod.slots) > n {
			remains = append(remains, mod.slots[n:]...)
			mod.slots = mod.slots[:n:n]
		}
		m.modules = append(m.modules, mod)
		m.respecify(mod, spec)
	}
	for _, mod := range old {
		if !kept[mod] {
			remains = append(remains, mod.slots...)
			delete(m.byName, mod.name)
			m.note(keyStopped+mod.name, nil)
		}
	}
	for _, s := range slices.Backward(r.brought) {
		s.parked = false
		s.renew()
		if gone := m.promote(s); gone != nil {
			r.leaving = append(r.leaving, gone)
		}
	}
	for _, s := range slices.Backward(remains) {
		m.note(slotKey(s), nil)
		s.removed = true
		if c := s.serving; c != nil {
			c.cause, c.trace, c.reason = r.job.cause, r.job.trace, "not in the policy any more"
			m.retire(c)
			r.leaving = append(r.leaving, c)
		}
	}
	m.former = append(slices.DeleteFunc(m.former, func(s *slot) bool { return len(s.leaving) == 0 }), remains...)
}

// respecify gives a module's instances the settings of a new generation that need no new process.
func (m *Machine) respecify(mod *module, spec *wire.Module) {
	mod.spec = spec
	for _, s := range mod.slots {
		c := s.serving
		switch {
		case c != nil && s.incoming == nil:
			before := c.spec.Health
			c.spec = spec
			if c.state == Ready && before != spec.Health {
				c.watchdog = spec.Health.Watchdog
				m.watch(c)
			}
			if c.state == Starting && before != spec.Health && spec.Health.Kind != "" {
				m.adopt(c)
			}
		case c == nil && s.incoming == nil:
			s.serving = m.newInstance(s, spec, m.cur.Generation) // another replica of a module that is wanted stopped
			m.feed(s.serving, inStop)
		}
	}
}

// succeed ends a reload that is complete.
func (r *reload) succeed(m *Machine) {
	text := strings.Join(append([]string{plan.Summary(r.plan)}, r.remains...), "; ")
	m.emitIn(r.job.trace, api.Event{Kind: KindReloadDone, Cause: r.job.cause, Text: text})
	m.reloaded(api.Reload{Time: m.now, OK: true, Generation: uint64(m.cur.Generation), Text: text})
	m.resolve(r.job, api.Result{OK: true, Plan: &r.plan, Text: text})
	r.phase = over
}
