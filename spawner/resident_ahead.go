package spawner

import (
	"errors"
	"slices"
	"time"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Who starts a module often starts it again soon: more replicas, or one that ended. So after a launch the spawner makes the next instance but for
// its process, when it has nothing else to do. What is not used is removed: each is a process, and a network namespace that the kernel has to keep.
const (
	aheadAfter = 2 * time.Millisecond // of quiet
	aheadFor   = 10 * time.Second     // how long one waits to be used
	mostAhead  = 4
)

// waiting is an instance that waits for its process.
type waiting struct {
	*Ahead
	instance *instance
	limit    *alarm
}

// anticipate has another instance of a module made, soon.
func (r *Resident) anticipate(m *wire.Module) {
	if !r.Ahead || m.Init == nil || !r.Host.Launcher.Ahead() || r.stop.begun() {
		return
	}
	r.alarms.stop(r.anticipating)
	r.expected = append(slices.DeleteFunc(r.expected, func(x *wire.Module) bool { return x == m }), m)
	if len(r.expected) > mostAhead {
		r.expected = slices.Delete(r.expected, 0, len(r.expected)-mostAhead)
	}
	r.anticipating = r.alarms.set(aheadAfter, r.makeAhead)
}

// makeAhead makes one instance of those that are expected, and goes on when there is nothing else to do.
func (r *Resident) makeAhead() {
	r.anticipating = nil
	for len(r.expected) > 0 {
		m := r.expected[len(r.expected)-1]
		r.expected = r.expected[:len(r.expected)-1]
		if !r.wanted(m) || slices.ContainsFunc(r.aheads, func(a *waiting) bool { return a.instance.module == m }) {
			continue
		}
		if len(r.aheads) >= mostAhead {
			r.dropAhead(r.aheads[0])
		}
		i := r.newInstance(m)
		err := r.withSockets(i, func(sockets map[string]posix.FD) error {
			made, err := r.Host.ahead(m, i.group(), sockets)
			if made != nil {
				a := &waiting{Ahead: made, instance: i}
				a.limit = r.alarms.set(aheadFor, func() { r.dropAhead(a) })
				r.aheads = append(r.aheads, a)
			}
			return err
		})
		if err != nil { // the next launch tries, and says why not
			r.Log.Debug("cannot make an instance ahead", "module", m.Name, "error", errors.Join(err, i.close(r.kernel)))
			return
		}
		r.anticipating = r.alarms.set(0, r.makeAhead)
		return
	}
}

// wanted tells whether a module is of a generation that is in force.
func (r *Resident) wanted(m *wire.Module) bool {
	return !r.stop.begun() && (r.current != nil && r.current.modules[m.Name] == m || r.prepared != nil && r.prepared.modules[m.Name] == m)
}

// takeAhead returns an instance of a module that was made ahead, if there is one that is as a new one would be.
func (r *Resident) takeAhead(m *wire.Module) (*instance, *Ahead, error) {
	at := slices.IndexFunc(r.aheads, func(a *waiting) bool { return a.instance.module == m })
	if at < 0 {
		return nil, nil, nil
	}
	a := r.aheads[at]
	if !a.Current() {
		r.dropAhead(a)
		return nil, nil, nil
	}
	r.aheads = slices.Delete(r.aheads, at, at+1)
	r.alarms.stop(a.limit)
	return a.instance, a.Ahead, nil
}

// dropAhead removes one that nobody wanted.
func (r *Resident) dropAhead(a *waiting) {
	r.aheads = slices.DeleteFunc(r.aheads, func(x *waiting) bool { return x == a })
	r.alarms.stop(a.limit)
	if err := errors.Join(a.Abandon(), a.instance.close(r.kernel)); err != nil {
		r.Log.Error("something of an instance that was made ahead could not be cleaned up", "module", a.instance.Module, "error", err)
	}
}

// dropAheads removes those that stale says so of.
func (r *Resident) dropAheads(stale func(m *wire.Module) bool) {
	for _, a := range slices.Clone(r.aheads) {
		if stale(a.instance.module) {
			r.dropAhead(a)
		}
	}
}
