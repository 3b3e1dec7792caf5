package machine

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Options configure a Machine.
type Options struct {
	// NewID returns the ID of an event at a time: a UUID of version 7. It is called from Step. Without it events have no ID.
	NewID func(time.Time) string
	// Jitter returns a number in [0, 1) that spreads the delays of restarts. It is called from Step. Without it they are not spread.
	Jitter func() float64
	// PID is the manager's, for the status; 0 when it is not known.
	PID int
}

// Machine decides what a supervisor does next. It has one owner, and is not safe for concurrent use.
type Machine struct {
	o   Options
	now time.Time
	ops []Op // of the step that is being taken

	hello   bool // the snapshot has come
	up      bool // the first configuration was brought up
	options wire.Options
	pid     uint32
	since   time.Time // of the spawner
	began   time.Time // of this manager
	starts  uint32    // of managers

	cur       wire.Outline // what is in force
	modules   []*module    // of cur, in its order
	byName    map[string]*module
	former    []*slot // that the configuration does not have any more, with what is leaving them
	byID      map[wire.InstanceID]*instance
	listeners []wire.Listener
	count     [states]int // of instances
	serial    uint64      // of the last instance, which makes their order certain

	timers   timers
	requests requests
	notes    map[string]string // what the spawner was asked to remember

	running    []*job
	queue      []*job
	reload     *reload // the one that runs
	lastReload *api.Reload
	ending     *ending
	unkept     bool // that something cannot be remembered was reported
}

// New returns a machine that waits for its [Hello].
func New(o Options) *Machine {
	if o.NewID == nil {
		o.NewID = func(time.Time) string { return "" }
	}
	if o.Jitter == nil {
		o.Jitter = func() float64 { return 0.5 }
	}
	return &Machine{o: o, byName: map[string]*module{}, byID: map[wire.InstanceID]*instance{}, notes: map[string]string{},
		requests: requests{pending: map[RequestID]request{}}}
}

// Step takes an event and returns what is to be done, in order.
func (m *Machine) Step(e Event) []Op {
	m.ops = nil
	if at := e.at(); !at.IsZero() {
		m.now = at
	}
	switch e := e.(type) {
	case Hello:
		if m.hello {
			m.bug("a second snapshot")
			break
		}
		m.begin(e.Snapshot)
	case Command:
		m.command(e)
	case Observed:
		m.observed(e.Event)
	default:
		if !m.hello {
			m.bug(fmt.Sprintf("%T before the snapshot", e))
			break
		}
		m.happened(e)
	}
	for more := m.hello; more; more = len(m.timers) > 0 && !m.timers[0].due.After(m.now) {
		m.overdue()
		m.proceed()
	}
	ops := m.ops
	m.ops = nil
	return ops
}

// happened takes the events that tell of the world outside.
func (m *Machine) happened(e Event) {
	switch e := e.(type) {
	case Tick:
	case Replied:
		m.replied(e)
	case Exited:
		m.exited(e.Instance, e.Exit)
	case Notified:
		m.notified(e)
	case Probed:
		m.probed(e)
	case Asked:
		m.asked(e.Wish)
	case Noticed:
		m.noticed(e.Notice)
	default:
		m.bug(fmt.Sprintf("an event of type %T", e))
	}
}

// asked takes a signal.
func (m *Machine) asked(w wire.Wish) {
	switch w {
	case wire.WishReload:
		if m.ending != nil {
			m.emit(api.Event{Kind: KindReloadRefused, Level: "warn", Text: "SIGHUP: the supervisor is stopping"})
			return
		}
		m.enqueue(&job{verb: Reload, who: "SIGHUP"})
	case wire.WishStop:
		m.end(0, "a signal asked for it", "")
	default:
		m.bug(fmt.Sprintf("wish %d", w))
	}
}

// noticed passes on an event of the spawner.
func (m *Machine) noticed(n wire.Notice) {
	level := "info"
	switch n.Severity {
	case wire.Warning:
		level = "warn"
	case wire.Error:
		level = "error"
	}
	e := api.Event{Kind: n.Kind, Level: level, Listener: n.Listener, Module: n.Module, Instance: uint64(n.Instance), Text: n.Text}
	if i := slices.IndexFunc(m.listeners, func(l wire.Listener) bool { return l.Name == n.Listener }); i >= 0 {
		switch n.Kind {
		case listenerOpened:
			m.listeners[i].Address = n.Address
		case listenerHealed, listenerReplaced:
			m.listeners[i].Healed++
		}
	}
	if c := m.byID[n.Instance]; c != nil {
		c.describe(&e)
	}
	m.emit(e)
	if n.Kind == listenerReplaced {
		m.replaceHolders(n.Listener)
	}
}

// Events of the spawner that the machine does something about.
const (
	listenerOpened   = "listener.opened"
	listenerHealed   = "listener.healed"
	listenerReplaced = "listener.replaced" // by another socket: who holds the old one hears nobody any more
)

// replaceHolders restarts the modules that run with a socket which is not the listener's any more.
func (m *Machine) replaceHolders(listener string) {
	if m.ending != nil {
		return
	}
	for _, mod := range m.modules {
		if slices.Contains(mod.spec.Listeners, listener) && !mod.stopped {
			m.enqueue(&job{verb: Restart, modules: []string{mod.name}, who: "listener " + listener + " is another socket now"})
		}
	}
}

// observed passes on an event of a driver.
func (m *Machine) observed(e api.Event) {
	if c := m.byID[wire.InstanceID(e.Instance)]; c != nil {
		c.describe(&e)
	}
	m.emit(e)
}

// proceed lets the jobs go on until nothing changes any more.
func (m *Machine) proceed() {
	for m.schedule() {
	}
	m.endIfNothingIsLeft()
	if m.ending != nil {
		m.stopNext()
	}
}

func (m *Machine) do(op Op) { m.ops = append(m.ops, op) }
