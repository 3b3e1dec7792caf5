package spawner

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/listener"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// generation is one configuration with its sockets.
type generation struct {
	id        wire.GenerationID
	outline   wire.Outline
	listeners []policy.Listener
	modules   map[string]*wire.Module
	sockets   map[string]*pooled // by the name of the listener
	opened    []*pooled          // those that it brought
	undo      []func() error     // of what was changed in place
	listening bool
}

func newGeneration(id wire.GenerationID, files []string, plan wire.Plan) *generation {
	g := &generation{id: id, outline: plan.Outline(id, files), listeners: plan.Listeners, modules: map[string]*wire.Module{}, sockets: map[string]*pooled{}}
	for i := range plan.Modules {
		m := plan.Modules[i]
		g.modules[m.Name] = &m
	}
	return g
}

// fds are the sockets that its modules can name. They may be others after one was healed.
func (g *generation) fds() map[string]posix.FD {
	fds := make(map[string]posix.FD, len(g.sockets))
	for name, s := range g.sockets {
		fds[name] = s.FD
	}
	return fds
}

// place is which of the generation's listeners one is.
func (g *generation) place(l policy.Listener) int {
	return slices.IndexFunc(g.listeners, func(x policy.Listener) bool { return x.Name == l.Name })
}

// listenerError is a listener that cannot be had.
type listenerError struct {
	listener policy.Listener
	err      error
}

func (e *listenerError) Error() string {
	text := fmt.Sprintf("listener %s: %v", e.listener.Name, e.err)
	if e.listener.Pos.File == "" {
		return text
	}
	return e.listener.Pos.String() + ": " + text
}

func (e *listenerError) Unwrap() error { return e.err }

// reserveAll takes the sockets of a generation: those that are open, by their identity, and new ones that do not listen yet. It returns all
// problems; what it could reserve is the generation's nevertheless.
func (r *Resident) reserveAll(g *generation) []*listenerError {
	missing, problems := r.takeOpen(g)
	return append(problems, r.adopt(g, reserveEach(r.kernel, missing))...) // the first generation's first problem is told
}

// takeOpen takes the sockets that are open, and returns the listeners that are missing.
func (r *Resident) takeOpen(g *generation) (missing []policy.Listener, problems []*listenerError) {
	taken := map[listener.Identity]string{}
	for _, l := range g.listeners {
		id := listener.IdentityOf(l)
		if other, twice := taken[id]; twice {
			problems = append(problems, &listenerError{l, fmt.Errorf("listen on %s: listener %s does already", id, other)})
			continue
		}
		taken[id] = l.Name
		if s := r.pool[id]; s != nil {
			g.sockets[l.Name] = s
			continue
		}
		missing = append(missing, l)
	}
	return missing, problems
}

// reserved is a socket that does not listen yet, or why there is none.
type reserved struct {
	listener policy.Listener
	socket   *listener.Socket
	err      error
}

// reserveEach makes sockets. It belongs to no thread, and waits for the file systems of unix sockets.
func reserveEach(k Kernel, listeners []policy.Listener) []reserved {
	var out []reserved
	for _, l := range listeners {
		s, err := listener.Reserve(k, l)
		out = append(out, reserved{l, s, err})
	}
	return out
}

// adopt gives new sockets to a generation.
func (r *Resident) adopt(g *generation, all []reserved) (problems []*listenerError) {
	for _, x := range all {
		if x.err != nil {
			problems = append(problems, &listenerError{x.listener, x.err})
			continue
		}
		p := &pooled{Socket: x.socket, spec: x.listener, generation: g.id}
		r.pool[listener.IdentityOf(x.listener)], g.sockets[x.listener.Name] = p, p
		g.opened = append(g.opened, p)
	}
	return problems
}

// reserve is reserveAll for the first generation, of which the first problem is told.
func (r *Resident) reserve(g *generation) error {
	if problems := r.reserveAll(g); len(problems) > 0 {
		return problems[0]
	}
	return nil
}

// listen makes the new sockets of a generation listen and changes the others in place. When it fails, what was changed is undone; the new sockets
// are closed with the generation.
func (r *Resident) listen(g *generation) error {
	for _, l := range g.listeners {
		s := g.sockets[l.Name]
		if s.generation != g.id {
			undo, _, err := s.Change(r.kernel, l)
			if err != nil {
				return errors.Join(&listenerError{l, err}, r.undo(g))
			}
			if undo != nil {
				before := s.spec
				g.undo = append(g.undo, func() error { s.spec = before; return undo() })
				s.spec = l
			}
			continue
		}
		if err := s.Listen(r.kernel); err != nil {
			return errors.Join(&listenerError{l, err}, r.undo(g))
		}
		if err := r.guard(s); err != nil {
			return errors.Join(err, r.undo(g))
		}
	}
	g.listening = true
	return nil
}

// undo takes back what was changed in place, the last first.
func (r *Resident) undo(g *generation) error {
	var errs []error
	for n := len(g.undo) - 1; n >= 0; n-- {
		errs = append(errs, g.undo[n]())
	}
	g.undo = nil
	return errors.Join(errs...)
}

// commit makes the prepared generation the current one.
func (r *Resident) commit() {
	former := r.current
	r.current, r.prepared = r.prepared, nil
	r.dropAheads(func(m *wire.Module) bool { return !r.wanted(m) })
	r.current.undo = nil
	wanted := map[*pooled]bool{}
	for _, s := range r.current.sockets {
		wanted[s] = true
	}
	for _, l := range former.listeners {
		s := former.sockets[l.Name]
		if wanted[s] {
			continue
		}
		// The new generation is in force whatever comes of it.
		if err := r.closePooled(s); err != nil {
			r.Log.Error("cannot close a listener that is not wanted any more", "listener", l.Name, "error", err)
		}
	}
}

// discard gives the prepared generation up. None of its instances runs.
func (r *Resident) discard() error {
	g := r.prepared
	if g == nil {
		return nil
	}
	r.prepared = nil
	r.dropAheads(func(m *wire.Module) bool { return !r.wanted(m) })
	if !g.listening { // nothing of it was ever there: the next one can have the number
		r.lastGeneration = g.id - 1
	}
	return errors.Join(r.undo(g), r.closeOpened(g))
}

// closeOpened closes the sockets that a generation brought.
func (r *Resident) closeOpened(g *generation) error {
	var errs []error
	for _, s := range g.opened {
		errs = append(errs, r.closePooled(s))
	}
	g.opened = nil
	return errors.Join(errs...)
}
