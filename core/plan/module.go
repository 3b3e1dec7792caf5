package plan

import (
	"fmt"
	"strings"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// managed are the sections that only the manager uses: they change without a new process. A healthcheck is one while its kind stays.
var managed = map[string]bool{"replicas": true, "restart": true, "stop_signal": true, "stop_grace_period": true, "update_config": true, "healthcheck": true}

// module returns what happens to a module that both configurations have. Sockets are the identities of listeners by name.
func module(was, is *wire.Module, oldSockets, newSockets map[string]string) api.Action {
	a := api.Action{Verb: api.Keep, Kind: "module", Name: is.Name}
	for _, c := range compare(sectionsOf(was), sectionsOf(is)) {
		a.Reasons = append(a.Reasons, c.reason)
		switch {
		case !managed[c.key] || c.key == "healthcheck" && was.Health.Kind != is.Health.Kind:
			a.Verb = api.Replace
		case a.Verb == api.Keep:
			a.Verb = api.Change
		}
	}
	for _, name := range is.Listeners {
		if old, ok := oldSockets[name]; ok && old != newSockets[name] {
			a.Verb = api.Replace
			a.Reasons = append(a.Reasons, fmt.Sprintf("listener %s: another socket, %s -> %s", name, old, newSockets[name]))
		}
	}
	if was.Digest != is.Digest && a.Verb != api.Replace {
		a.Verb = api.Replace
		text := "what the policy names on this host has changed"
		if len(a.Reasons) > 0 {
			text = "with that, how it is launched has changed"
		}
		a.Reasons = append(a.Reasons, text)
	}
	switch a.Verb {
	case api.Keep:
		a.Reasons = []string{"unchanged"}
	case api.Replace:
		a.Order = is.UpdateOrder
	}
	return a
}

// replicas returns an action for each replica that only one of two configurations of a module has.
func replicas(was, is *wire.Module) (started, stopped []api.Action) {
	had, has := max(was.Replicas, 1), max(is.Replicas, 1)
	action := func(verb string, n int) api.Action {
		return api.Action{Verb: verb, Kind: "module", Name: is.Name, Replica: &n, Reasons: []string{fmt.Sprintf("replicas: %d -> %d", had, has)}}
	}
	for n := had; n < has; n++ {
		started = append(started, action(api.Start, n))
	}
	for n := had - 1; n >= has; n-- {
		stopped = append(stopped, action(api.Stop, n))
	}
	return started, stopped
}

// Alongside returns why two instances of a module cannot run at the same time, although it is to be replaced start-first; nil when they can. They
// can when every socket that it serves on is inherited.
func Alongside(m *wire.Module) *Problem {
	if m.UpdateOrder != StartFirst {
		return nil
	}
	at := place(m.Pos.File, m.Pos.Line)
	for _, s := range sectionsOf(m) {
		if s.key == "update_config" && !strings.HasSuffix(s.place, ":0") {
			at = s.place
		}
	}
	p := &Problem{Place: at, Help: "write update_config: {order: stop-first}, or hand it its sockets with `listeners`"}
	switch {
	case len(m.Listeners) == 0:
		p.Text = fmt.Sprintf("start-first: module %q inherits no listener, so two instances of it would get into each other's way", m.Name)
	case m.Health.Kind == "tcp":
		// A probe of an inherited socket is refused by the language: it says nothing about the module.
		p.Text = fmt.Sprintf("start-first: module %q binds %s for itself, so a second instance of it cannot", m.Name, m.Health.Addr)
	default:
		return nil
	}
	return p
}
