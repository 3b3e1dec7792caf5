package spawner

import (
	"errors"
	"slices"
	"time"

	"github.com/bulkhead/bulkhead/spawner/launch"
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
		if !r.lanes.free() || r.lateOf(m.Name) != nil { // what somebody waits for comes first
			return
		}
		if err := r.prepareAhead(m); err != nil { // the next launch tries, and says why not
			r.Log.Debug("cannot make an instance ahead", "module", m.Name, "error", err)
			return
		}
		return
	}
}

// prepareAhead has a lane make one instance, and goes on with the next one when it is there.
func (r *Resident) prepareAhead(m *wire.Module) error {
	i := r.newInstance(m)
	l := &launching{instance: i}
	sockets, made, err := r.instanceSockets(i)
	l.made = made
	for _, fd := range sockets {
		l.give = append(l.give, fd)
	}
	if err != nil {
		return errors.Join(err, r.clear(l), i.close(r.kernel))
	}
	l.pending = r.Host.pending(m, i.group(), launch.Request{Sockets: sockets})
	var a *Ahead
	r.lanes.run(&errand{
		do: func(on *launch.Launcher) (err error) {
			a, err = l.pending.ahead(on)
			return err
		},
		cancel: func() error { return l.pending.cancel() },
		then:   func(err error) { r.preparedAhead(l, a, errors.Join(err, r.clear(l))) },
		limit:  r.launchLimit, late: func() { l.late, r.late = true, append(r.late, l) },
	})
	return nil
}

// preparedAhead keeps what a lane has made for a while.
func (r *Resident) preparedAhead(l *launching, a *Ahead, err error) {
	r.late = slices.DeleteFunc(r.late, func(x *launching) bool { return x == l })
	if a != nil {
		w := &waiting{Ahead: a, instance: l.instance}
		w.limit = r.alarms.set(aheadFor, func() { r.dropAhead(w) })
		r.aheads = append(r.aheads, w)
		if err != nil || l.late || !r.wanted(l.module) {
			r.dropAhead(w)
		}
	} else {
		err = errors.Join(err, l.close(r.kernel))
	}
	if err != nil {
		r.Log.Debug("cannot make an instance ahead", "module", l.Module, "error", err)
		return
	}
	if r.alarms.stop(r.anticipating); len(r.expected) > 0 {
		r.anticipating = r.alarms.set(0, r.makeAhead)
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
