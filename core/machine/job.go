package machine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/api"
)

// job is something that takes longer than a step.
type job struct {
	verb    Verb // 0 is bringing everything up
	modules []string
	dryRun  bool
	tickets []Ticket // who waits for the result
	who     string   // "SIGHUP"; empty for a command
	cause   string   // ID of the event that it began with
	trace   traceID
	first   bool   // bringing up the first configuration: what cannot be launched ends the supervisor
	trouble string // why it has failed

	work work
}

// work is what a job does.
type work interface {
	// advance goes on as far as possible, and tells whether that was all.
	advance(m *Machine, j *job) bool
}

// alone tells whether nothing else may run at the same time.
func (j *job) alone() bool { return j.verb == 0 || j.verb == Reload }

// meets tells whether two jobs must not run at the same time.
func (j *job) meets(o *job) bool {
	if j.alone() || o.alone() || len(j.modules) == 0 || len(o.modules) == 0 {
		return true
	}
	return slices.ContainsFunc(j.modules, func(name string) bool { return slices.Contains(o.modules, name) })
}

// command takes what somebody asked for at the control socket.
func (m *Machine) command(e Command) {
	refuse := func(text string, invalid bool) {
		m.emit(api.Event{Kind: KindCommandFailed, Level: "warn", Text: fmt.Sprintf("%s: %s", e.Verb, text)})
		m.do(Resolve{e.Ticket, api.Result{Text: text, Invalid: invalid}})
	}
	switch {
	case !m.hello:
		refuse("the manager does not know yet what there is", false)
	case m.ending != nil && e.Verb == Shutdown:
		m.ending.tickets = append(m.ending.tickets, e.Ticket)
	case m.ending != nil:
		refuse("the supervisor is stopping", false)
	case e.Verb < Reload || e.Verb > Shutdown:
		refuse("there is no such command", true)
	case e.Verb == Shutdown:
		cause := m.emit(api.Event{Kind: KindCommand, Text: "shutdown"})
		m.end(0, "a command asked for it", cause)
		m.ending.tickets = append(m.ending.tickets, e.Ticket)
	default:
		modules := slices.Clone(e.Modules)
		slices.Sort(modules)
		j := &job{verb: e.Verb, modules: slices.Compact(modules), dryRun: e.DryRun, tickets: []Ticket{e.Ticket}}
		if e.Verb == Reload {
			j.modules = nil
		} else if text := m.unknown(j.modules); text != "" && !m.changing() {
			refuse(text, true)
			return
		}
		m.enqueue(j)
	}
}

// changing tells whether a reload is there that may change which modules there are.
func (m *Machine) changing() bool {
	return m.reload != nil || slices.ContainsFunc(m.queue, func(j *job) bool { return j.verb == Reload })
}

// unknown says which of the modules are not there; "" when all are.
func (m *Machine) unknown(modules []string) string {
	for _, name := range modules {
		if m.byName[name] == nil {
			known := make([]string, len(m.modules))
			for i, mod := range m.modules {
				known[i] = mod.name
			}
			return api.NoModule(name, known)
		}
	}
	return ""
}

// String returns "reload", "stop", "start", "restart" or "shutdown".
func (v Verb) String() string {
	if names := [...]string{"start-up", "reload", "stop", "start", "restart", "shutdown"}; int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("command %d", uint8(v))
}

// enqueue has a job done when its turn comes. A reload that is asked for while one waits is the same.
func (m *Machine) enqueue(j *job) {
	kind, what := KindCommand, j.verb.String()
	if len(j.modules) > 0 {
		what += " " + strings.Join(j.modules, " ")
	}
	if j.verb == Reload {
		kind = KindReloadAsked
		if j.dryRun {
			what += " --dry-run"
		}
	}
	if j.who != "" {
		what += " (" + j.who + ")"
	}
	if j.verb == Reload {
		for _, o := range m.queue {
			if o.verb == Reload && o.dryRun == j.dryRun {
				o.tickets = append(o.tickets, j.tickets...)
				m.emitIn(o.trace, api.Event{Kind: KindReloadJoined, Cause: o.cause, Text: what + ": joined with one that has not begun"})
				return
			}
		}
	}
	id := m.o.NewID(m.now)
	j.trace = traceID(bytesOf(id))
	j.cause = m.emitIn(j.trace, api.Event{ID: id, Kind: kind, Text: what})
	m.queue = append(m.queue, j)
}

// schedule begins what can begin and advances what runs. It tells whether a job came or went.
func (m *Machine) schedule() bool {
	if m.ending != nil {
		return false
	}
	for i, j := range m.queue {
		before := func(o *job) bool { return o.meets(j) }
		if slices.ContainsFunc(m.running, before) || slices.ContainsFunc(m.queue[:i], before) {
			continue
		}
		m.queue = slices.Delete(m.queue, i, i+1)
		m.running = append(m.running, j)
		m.beginJob(j)
		return true
	}
	for i, j := range m.running {
		if j.work.advance(m, j) {
			m.running = slices.Delete(m.running, i, i+1)
			return true
		}
		if m.ending != nil {
			return false
		}
	}
	return false
}

func (m *Machine) beginJob(j *job) {
	if text := m.unknown(j.modules); text != "" { // a reload has removed it meanwhile
		j.work = done{}
		m.resolve(j, api.Result{Text: text, Invalid: true})
		return
	}
	switch j.verb {
	case Reload:
		m.reload = &reload{job: j}
		j.work = m.reload
		m.reload.begin(m)
	case Stop:
		j.work = m.stopJob(j)
	case Start:
		j.work = m.startJob(j)
	case Restart:
		j.work = m.restartJob(j)
	}
}

// done is the work of a job that was refused.
type done struct{}

func (done) advance(*Machine, *job) bool { return true }

// chosen returns the modules that a job is about, in the order of the policy.
func (m *Machine) chosen(j *job) []*module {
	if len(j.modules) == 0 {
		return slices.Clone(m.modules)
	}
	var out []*module
	for _, mod := range m.modules {
		if slices.Contains(j.modules, mod.name) {
			out = append(out, mod)
		}
	}
	return out
}

// resolve tells how a command ended.
func (m *Machine) resolve(j *job, r api.Result) {
	kind, level := KindCommandDone, "info"
	if !r.OK {
		kind, level = KindCommandFailed, "error"
	}
	if j.verb != Reload {
		m.emitIn(j.trace, api.Event{Kind: kind, Level: level, Cause: j.cause, Text: r.Text})
	}
	for _, t := range j.tickets {
		m.do(Resolve{t, r})
	}
}

// lost tells the job that brought an instance up that it has ended instead.
func (m *Machine) lost(c *instance) {
	text := c.name() + ": " + strings.TrimPrefix(c.reason, c.slot.module.name+": ") // an error of a launch names the module
	if c.took > 0 && c.readyAt.IsZero() && !c.tardy {
		text += " before it was ready"
	}
	if j := c.job; j != nil {
		c.job = nil
		if j.trouble == "" {
			j.trouble = text
		}
	}
	if r := m.reload; r != nil && r.next != nil && c.gen == r.next.Generation && r.phase < committing && r.trouble == "" {
		r.trouble = text
	}
}

// booting returns the job that brings everything up, while it runs.
func (m *Machine) booting() *job {
	for _, j := range m.running {
		if j.verb == 0 {
			return j
		}
	}
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
