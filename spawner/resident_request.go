package spawner

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// take deals with a frame from the manager. An error is about the frame itself: then its sender is not listened to any more. What does not
// fit what there is, is answered.
func (r *Resident) take(f wire.Frame) error {
	switch f.Kind {
	case wire.KindPing:
		if len(f.Body) > 0 {
			return errBody
		}
		r.send(&outgoing{frame: wire.Frame{Kind: wire.KindPong, ID: f.ID}})
		return nil
	case wire.KindPong:
		m := r.manager
		if _, ok := m.pings[f.ID]; !ok || len(f.Body) > 0 {
			return fmt.Errorf("%w: it answers what was not asked", wire.ErrMalformed)
		}
		delete(m.pings, f.ID)
		return nil
	}
	if !f.Kind.Request() {
		return fmt.Errorf("%w: managers do not send that", wire.ErrMalformed)
	}
	if f.Kind != wire.KindStats { // which somebody may ask for all the time
		r.restless()
	}
	return r.request(f)
}

var errBody = fmt.Errorf("%w: it has a body", wire.ErrMalformed)

// request carries out what the manager asks for, as far as it fits.
func (r *Resident) request(f wire.Frame) error {
	switch f.Kind {
	case wire.KindPrepare, wire.KindStats:
		if len(f.Body) > 0 {
			return errBody
		}
		if f.Kind == wire.KindPrepare {
			r.prepare(f.ID)
		} else {
			r.takeStatistics(f.ID)
		}
		return nil
	case wire.KindListen, wire.KindCommit, wire.KindDiscard:
		g, err := wire.DecodeID[wire.GenerationID](f.Body)
		if err == nil {
			r.onPrepared(f.Kind, f.ID, g)
		}
		return err
	case wire.KindStart:
		s, err := wire.DecodeStart(f.Body)
		if err == nil {
			r.start(f.ID, s)
		}
		return err
	case wire.KindSignal:
		s, err := wire.DecodeSignal(f.Body)
		if err == nil {
			r.signalInstance(f.ID, s)
		}
		return err
	case wire.KindKill, wire.KindForget:
		i, err := wire.DecodeID[wire.InstanceID](f.Body)
		if err != nil {
			return err
		}
		if f.Kind == wire.KindKill {
			r.kill(f.ID, i)
		} else {
			r.forget(f.ID, i)
		}
		return nil
	case wire.KindRemember:
		m, err := wire.DecodeMemo(f.Body)
		if err == nil {
			r.remember(f.ID, m)
		}
		return err
	case wire.KindFinish:
		status, err := wire.DecodeStatus(f.Body)
		if err == nil {
			r.finish(f.ID, status)
		}
		return err
	}
	return fmt.Errorf("bug: no answer to a request of kind %s; please report it", f.Kind)
}

// onPrepared does something with the generation that was prepared.
func (r *Resident) onPrepared(kind wire.Kind, id uint64, which wire.GenerationID) {
	g := r.prepared
	if g == nil || g.id != which {
		r.refuse(id, "generation %d is not prepared", which)
		return
	}
	switch kind {
	case wire.KindListen:
		if g.listening {
			r.refuse(id, "generation %d listens already", which)
			return
		}
		r.answer(id, r.listen(g))
	case wire.KindCommit:
		if !g.listening {
			r.refuse(id, "generation %d does not listen yet", which)
			return
		}
		r.commit()
		r.answer(id, nil)
		r.announce(g)
	case wire.KindDiscard:
		if i := r.runningOf(which); i != nil {
			r.refuse(id, "instance %d of generation %d still runs", i.ID, which)
			return
		}
		r.answer(id, r.discard())
	}
}

// start launches an instance of what the policies say.
func (r *Resident) start(id uint64, s wire.StartRequest) {
	g := r.current
	if r.prepared != nil && r.prepared.id == s.Generation {
		g = r.prepared
	}
	switch {
	case g.id != s.Generation:
		r.refuse(id, "there is no generation %d", s.Generation)
		return
	case !g.listening:
		r.refuse(id, "generation %d does not listen yet", s.Generation)
		return
	}
	m := g.modules[s.Module]
	switch {
	case m == nil:
		r.refuse(id, "generation %d has no module %q", s.Generation, s.Module)
		return
	case int(s.Replica) >= max(m.Replicas, 1):
		r.refuse(id, "module %s has %d replicas; there is no number %d", s.Module, max(m.Replicas, 1), s.Replica)
		return
	}
	if why := r.crowded(s); why != "" {
		r.refuse(id, "%s", why)
		return
	}
	if err := r.launch(g, m, s.Replica, id); err != nil {
		r.answer(id, err)
	}
}

// Bounds of instances in one place, a replica of a module. Old ones drain while a new one serves, and what has ended is
// kept until it is forgotten; but nobody needs many.
const (
	maxTwins  = 2 // of one generation: a restart has the next one ready before it ends the old one
	maxLiving = 8 // of former generations
	maxDead   = 8
)

// crowded tells why there is no room for another instance, or nothing.
func (r *Resident) crowded(s wire.StartRequest) string {
	living, twins, dead := 0, 0, 0
	for _, i := range r.instances {
		if i.Module != s.Module || i.Replica != s.Replica {
			continue
		}
		switch {
		case i.Exit != nil:
			dead++
		case i.Generation == s.Generation:
			twins++
		default:
			living++
		}
	}
	for _, l := range r.launching {
		if l.Module == s.Module && l.Replica == s.Replica && l.Generation == s.Generation {
			twins++
		}
	}
	if twins >= maxTwins {
		return fmt.Sprintf("%d instances run as replica %d of module %s in generation %d already", twins, s.Replica, s.Module, s.Generation)
	}
	if living >= maxLiving {
		return fmt.Sprintf("%d instances of former generations still run as replica %d of module %s", living, s.Replica, s.Module)
	}
	if dead >= maxDead {
		return fmt.Sprintf("%d ended instances of replica %d of module %s were not forgotten", dead, s.Replica, s.Module)
	}
	return ""
}

// signalInstance sends a signal of those that a manager may send.
func (r *Resident) signalInstance(id uint64, s wire.SignalRequest) {
	i := r.instances[s.Instance]
	if i == nil {
		r.refuse(id, "there is no instance %d", s.Instance)
		return
	}
	sig := posix.Signal(s.Signal)
	allowed := []posix.Signal{posix.Signal(i.module.StopSignal), unix.SIGTERM, unix.SIGHUP, unix.SIGABRT, unix.SIGKILL}
	if m := r.current.modules[i.Module]; m != nil { // which may have another one than when the instance was launched
		allowed = append(allowed, posix.Signal(m.StopSignal))
	}
	if !slices.Contains(allowed, sig) {
		r.refuse(id, "module %s gets no %s: that is neither its stop signal nor TERM, HUP, ABRT or KILL", i.Module, unix.SignalName(sig))
		return
	}
	r.answer(id, i.signal(sig))
}

func (r *Resident) kill(id uint64, which wire.InstanceID) {
	i := r.instances[which]
	if i == nil {
		r.refuse(id, "there is no instance %d", which)
		return
	}
	r.answer(id, i.kill())
}

func (r *Resident) forget(id uint64, which wire.InstanceID) {
	i := r.instances[which]
	switch {
	case i == nil:
		r.refuse(id, "there is no instance %d", which)
	case i.Exit == nil:
		r.refuse(id, "instance %d has not ended", which)
	case i.unsent > 0:
		r.refuse(id, "instance %d is still to be attached", which)
	default:
		delete(r.instances, which)
		r.answer(id, i.close(r.kernel))
	}
}

func (r *Resident) remember(id uint64, m wire.Memo) {
	switch _, known := r.memos[m.Key]; {
	case m.Key == "":
		r.refuse(id, "a memo without a key")
		return
	case len(m.Data) == 0:
		delete(r.memos, m.Key)
	case !known && len(r.memos) >= wire.MaxMemos:
		r.refuse(id, "there are %d memos already", len(r.memos))
		return
	default:
		r.memos[m.Key] = m.Data
	}
	r.answer(id, nil)
}

// finish ends the supervisor, when nothing runs any more.
func (r *Resident) finish(id uint64, status uint8) {
	if len(r.started) > 0 {
		r.refuse(id, "instance %d still runs", r.started[0].ID)
		return
	}
	if len(r.launching) > 0 {
		r.refuse(id, "instance %d is being launched", r.launching[0].ID)
		return
	}
	r.answer(id, nil)
	r.status, r.stop.finishing = int(status), true
	if r.manager.serves() {
		r.flush()
	}
	if r.manager.serves() {
		r.dismiss(r.manager)
	}
}
