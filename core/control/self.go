package control

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// maxSelfEvents is how many events a module gets to know of itself.
const maxSelfEvents = 50

// Self returns the handler of a module's own socket: GET /v1/self, an [api.Self], and nothing else.
func Self(m Manager, instance wire.InstanceID) http.Handler {
	return router{{method: "GET", path: "/v1/self", serve: func(w http.ResponseWriter, r *request) *Error {
		status := m.Status()
		self, ok := about(status, instance)
		if !ok {
			return refuse(http.StatusNotFound, codeNotFound, "", "this instance is not known any more")
		}
		self.Events = eventsOf(r, m, self, listenersOf(status, self.Module))
		answer(w, http.StatusOK, self)
		return nil
	}}}
}

// about finds an instance.
func about(s api.Status, id wire.InstanceID) (api.Self, bool) {
	for _, m := range s.Modules {
		for _, i := range m.Instances {
			if i.ID == uint64(id) {
				return api.Self{Generation: s.Generation, Module: m.Name, Instance: i, Replicas: m.Replicas}, true
			}
		}
	}
	return api.Self{}, false
}

// listenersOf returns the names of the listeners that a module has.
func listenersOf(s api.Status, module string) []string {
	var names []string
	for _, l := range s.Listeners {
		if slices.Contains(l.Modules, module) {
			names = append(names, l.Name)
		}
	}
	return names
}

// eventsOf returns the last events about a place and about the listeners that it has.
func eventsOf(r *request, m Manager, self api.Self, listeners []string) []api.Event {
	out := []api.Event{}
	for e := range remembered(m.Events(r.Context(), "")) {
		own := e.Module == self.Module && (e.Replica == nil || *e.Replica == self.Instance.Replica)
		heard := e.Module == "" && strings.HasPrefix(e.Kind, "listener.") && slices.Contains(listeners, e.Listener)
		if own || heard {
			out = append(out, e)
		}
	}
	return out[max(len(out)-maxSelfEvents, 0):]
}
