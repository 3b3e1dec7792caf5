package plan

import (
	"strings"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// listener is what the plan of the listeners is made from.
type listener struct {
	name     string
	identity string // network and address: what would force it to be opened again
	sections []section
}

func listenersOf(o *wire.Outline) []listener {
	out := make([]listener, len(o.Listeners))
	for i, l := range o.Listeners {
		out[i] = listener{name: l.Name, sections: listenerSections(o, i)}
		for _, s := range out[i].sections {
			if s.key == "address" {
				out[i].identity = strings.Join(s.items, " ")
			}
		}
	}
	return out
}

// sockets returns the identity of each listener by its name.
func sockets(list []listener) map[string]string {
	out := make(map[string]string, len(list))
	for _, l := range list {
		out[l.name] = l.identity
	}
	return out
}

// listeners returns what happens to the listeners: those that are wanted from now on, and those that nobody wants any more.
func listeners(from, to []listener) (wanted, closed []api.Action) {
	byIdentity := make(map[string]listener, len(from))
	byName := sockets(from)
	for _, l := range from {
		byIdentity[l.identity] = l
	}
	taken := map[string]bool{}
	for _, l := range to {
		a := api.Action{Kind: "listener", Name: l.name}
		was, same := byIdentity[l.identity]
		old, named := byName[l.name]
		switch {
		case same:
			taken[l.identity] = true
			a.Verb, a.Reasons = api.Keep, []string{"identity unchanged"}
			if changes := compare(was.sections, l.sections); len(changes) > 0 {
				a.Verb, a.Reasons = api.Change, reasonsOf(changes)
			}
		case named:
			a.Verb, a.Reasons = api.Open, []string{"address: " + old + " -> " + l.identity + " (" + l.place() + ")"}
		default:
			a.Verb, a.Reasons = api.Open, []string{"new (" + l.place() + ")"}
		}
		wanted = append(wanted, a)
	}
	for _, l := range from {
		if !taken[l.identity] {
			closed = append(closed, api.Action{Verb: api.Close, Kind: "listener", Name: l.name, Reasons: []string{"nobody listens on " + l.identity + " any more"}})
		}
	}
	return wanted, closed
}

// place is where the address is written.
func (l listener) place() string {
	for _, s := range l.sections {
		if s.key == "address" {
			return s.place
		}
	}
	return ""
}

func reasonsOf(changes []change) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = c.reason
	}
	return out
}
