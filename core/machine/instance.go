package machine

import (
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// module is a module of the configuration in force, or of one that is being brought in.
type module struct {
	name    string
	spec    *wire.Module
	slots   []*slot // by replica
	stopped bool    // somebody wants it stopped
}

// slot is the place of one replica of a module.
type slot struct {
	module   *module
	replica  int
	serving  *instance   // nil while a reload replaces it stop-first
	incoming *instance   // comes in for it
	leaving  []*instance // were told to end
	blocked  *instance   // waits to be launched until all others of the slot have ended
	removed  bool        // the configuration does not have it any more, and nothing of it is remembered
	parked   bool        // serving has no process, and must not get one while a reload replaces it

	// What follows survives the manager: see memo.go.
	done     wire.InstanceID // instances up to this one have ended and were dealt with, or were told to leave
	restarts uint32          // by the restart policy
	level    uint32          // of the back-off
	starts   []time.Time     // that count for the start limit
	counted  wire.InstanceID // the last instance that is among them
	lastExit string
}

// goal is what an instance is wanted for.
type goal uint8

const (
	toRun goal = iota
	toStop
	toLeave
)

// instance is one running copy of a module, or the place of one that does not run.
type instance struct {
	slot   *slot
	spec   *wire.Module // settings in force
	gen    wire.GenerationID
	serial uint64
	state  State
	since  time.Time
	goal   goal
	reason string // why it is in the state

	id      wire.InstanceID // 0 without a process
	pid     uint32
	started time.Time
	took    time.Duration // the launch
	parts   []wire.Part   // of it
	readyAt time.Time
	doubt   bool // whether it is ready was not remembered

	due   time.Time // of the state
	timer int       // place in the heap

	watchdog time.Duration
	misses   int    // failed probes in a row
	probe    string // why the last one failed
	probed   bool   // a probe is asked for
	status   string // what it says of itself
	failed   bool   // how it ended counts as a failure
	tardy    bool   // it did not get ready in time
	killed   bool   // it was sent SIGKILL
	stuck    bool   // which did not help
	again    bool   // launch it without a delay when it ends
	unsent   bool   // in state Launching, but the spawner was not asked yet

	job   *job // that brings it up, until it is ready
	cause string
	trace traceID
}

// name is how the instance is called in texts: "web", or "web[2]" where there are several.
func (c *instance) name() string { return c.slot.name() }

func (s *slot) name() string {
	if s.module.spec.Replicas > 1 || s.replica > 0 {
		return fmt.Sprintf("%s[%d]", s.module.name, s.replica)
	}
	return s.module.name
}

// newInstance puts a new instance into a slot's books; where it stands there is for the caller to say.
func (m *Machine) newInstance(s *slot, spec *wire.Module, gen wire.GenerationID) *instance {
	m.serial++
	m.count[Waiting]++
	return &instance{slot: s, spec: spec, gen: gen, serial: m.serial, since: m.now, timer: unset, watchdog: spec.Health.Watchdog}
}

// newModule returns a module with empty slots.
func newModule(spec *wire.Module) *module {
	mod := &module{name: spec.Name, spec: spec}
	for n := range max(spec.Replicas, 1) {
		mod.slots = append(mod.slots, &slot{module: mod, replica: n})
	}
	return mod
}

// stuck returns an instance that leaves the slot and does not end; nil when there is none.
func (s *slot) stuck() *instance {
	for _, c := range s.leaving {
		if c.stuck {
			return c
		}
	}
	return nil
}

// all returns every instance of the slot: the one that serves, the one that comes in, and those that leave.
func (s *slot) all() []*instance {
	out := make([]*instance, 0, 2+len(s.leaving))
	for _, c := range []*instance{s.serving, s.incoming} {
		if c != nil {
			out = append(out, c)
		}
	}
	return append(out, s.leaving...)
}

// busy tells whether an instance other than c has a process.
func (s *slot) busy(c *instance) bool {
	for _, o := range []*instance{s.serving, s.incoming} {
		if o != nil && o != c && o.state.process() && !o.unsent {
			return true
		}
	}
	return len(s.leaving) > 0
}
