package control

import (
	"net/http"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// maxSelfEvents is how many events a module gets to know of itself.
const maxSelfEvents = 50

// Self returns the handler of a module's own socket: GET /v1/self, an [api.Self], and nothing else.
func Self(m Manager, instance wire.InstanceID) http.Handler {
	return router{{method: "GET", path: "/v1/self", serve: func(w http.ResponseWriter, r *request) *Error {
		self, ok := about(m.Status(), instance)
		if !ok {
			return refuse(http.StatusNotFound, codeNotFound, "", "this instance is not known any more")
		}
		self.Events = eventsOf(r, m, self.Module, self.Instance.Replica)
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

// eventsOf returns the last events about a place.
func eventsOf(r *request, m Manager, module string, replica int) []api.Event {
	out := []api.Event{}
	for e := range remembered(m.Events(r.Context(), "")) {
		if e.Module == module && (e.Replica == nil || *e.Replica == replica) {
			out = append(out, e)
		}
	}
	return out[max(len(out)-maxSelfEvents, 0):]
}
