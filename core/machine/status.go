package machine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Status is what there is now. The value is the caller's.
func (m *Machine) Status() api.Status {
	st := api.Status{
		Version: m.options.Version, PID: int(m.pid), Since: m.since,
		Manager:    api.Manager{PID: m.o.PID, Since: m.began, Restarts: int(max(m.starts, 1)) - 1},
		State:      m.state(),
		Generation: uint64(m.cur.Generation), Policies: slices.Clone(m.cur.Files),
		Modules: make([]api.Module, 0, len(m.modules)), Listeners: make([]api.Listener, 0, len(m.listeners)),
	}
	if m.lastReload != nil {
		last := *m.lastReload
		st.LastReload = &last
	}
	users := map[string][]string{}
	for _, mod := range m.modules {
		for _, l := range mod.spec.Listeners {
			users[l] = append(users[l], mod.name)
		}
		st.Modules = append(st.Modules, mod.status(mod.slots))
	}
	// What is still leaving although the configuration does not have it any more.
	for _, s := range m.former {
		if len(s.all()) == 0 {
			continue
		}
		at := slices.IndexFunc(st.Modules, func(v api.Module) bool { return v.Name == s.module.name })
		if at < 0 {
			st.Modules = append(st.Modules, s.module.status([]*slot{s}))
			continue
		}
		st.Modules[at].Instances = append(st.Modules[at].Instances, s.status()...)
	}
	for _, l := range m.listeners {
		modules := users[l.Name]
		if modules == nil {
			modules = []string{}
		}
		st.Listeners = append(st.Listeners, api.Listener{Name: l.Name, Network: l.Network, Address: l.Address, Backlog: int(l.Backlog),
			Modules: modules, Generation: uint64(l.Generation), Healed: int(l.Healed)})
	}
	slices.SortFunc(st.Listeners, func(a, b api.Listener) int { return strings.Compare(a.Name, b.Name) })
	return st
}

// state is the supervisor's as a whole.
func (m *Machine) state() string {
	switch {
	case m.ending != nil:
		return "stopping"
	case !m.up:
		return "starting"
	case m.reload != nil:
		return "reloading"
	}
	return "running"
}

func (mod *module) status(slots []*slot) api.Module {
	v := mod.spec
	out := api.Module{Name: mod.name, Place: fmt.Sprintf("%s:%d", v.Pos.File, v.Pos.Line), Command: slices.Clone(v.Command), User: v.User.Name,
		Restart: v.Restart.Policy, Health: v.Health.Kind, UpdateOrder: v.UpdateOrder, Replicas: v.Replicas, Listeners: slices.Clone(v.Listeners),
		Enforcement: []api.Protection{}, Instances: []api.Instance{}}
	if out.User == "" {
		out.User = fmt.Sprint(v.User.UID)
	}
	if v.Health.Kind == "tcp" {
		out.Health = "tcp " + v.Health.Addr.String()
	}
	for _, s := range v.Sections {
		if s.Key == "resources" {
			out.Limits = slices.Clone(s.Items)
		}
	}
	for _, e := range v.Enforcement {
		out.Enforcement = append(out.Enforcement, api.Protection{Name: e.Protection, Level: e.Level.String(), Detail: e.Detail})
	}
	for _, s := range slots {
		out.Instances = append(out.Instances, s.status()...)
	}
	return out
}

func (s *slot) status() []api.Instance {
	var out []api.Instance
	for _, c := range s.all() {
		v := api.Instance{ID: uint64(c.id), Replica: s.replica, Generation: uint64(c.gen), PID: int(c.pid), State: c.state.String(), Since: c.since,
			Reason: c.reason, Restarts: int(s.restarts), LastExit: s.lastExit, Status: c.status}
		if c.state == Starting && v.Reason == "" {
			v.Reason = c.probe
		}
		if c.id > 0 {
			started := c.started
			v.Started, v.LaunchMicros = &started, c.took.Microseconds()
			for _, p := range c.parts {
				v.LaunchParts = append(v.LaunchParts, api.LaunchPart{Name: p.Name, Micros: p.Took.Microseconds()})
			}
		}
		if c.state == Backoff {
			next := c.due
			v.NextTry = &next
		}
		out = append(out, v)
	}
	return out
}

// adoptListeners brings the listeners up to date with a configuration: a socket stays where its identity does.
func (m *Machine) adoptListeners(o wire.Outline) {
	identities := func(o wire.Outline) []string {
		var out []string
		for _, l := range o.Listeners {
			for _, s := range l.Sections() {
				if s.Key == "address" {
					out = append(out, strings.Join(s.Items, " "))
				}
			}
		}
		return out
	}
	was, is := identities(m.cur), identities(o)
	var out []wire.Listener
	for i, l := range o.Listeners {
		v := wire.Listener{Network: l.Network, Address: l.Path, Generation: o.Generation}
		if l.Addr.IsValid() {
			v.Address = l.Addr.String()
		}
		if at := slices.Index(was, is[i]); at >= 0 {
			for _, old := range m.listeners {
				if old.Name == m.cur.Listeners[at].Name {
					v = old
				}
			}
		}
		v.Name, v.Backlog = l.Name, uint32(l.Backlog.V)
		out = append(out, v)
	}
	m.listeners = out
}
