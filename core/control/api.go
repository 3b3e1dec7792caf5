package control

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/machine"
)

const (
	maxStreams  = 32 // requests that follow events or lines
	maxCommands = 16 // commands that are carried out or wait
	maxModules  = 4096
	maxLines    = 10_000
	someLines   = 100 // of a request for lines that does not say how many
)

// Selection is the body of the commands that are about modules.
type Selection struct {
	// Modules are names of modules.
	Modules []string `json:"modules,omitempty"`
	// All stands for all modules, and excludes Modules.
	All bool `json:"all,omitempty"`
}

// apiServer serves the control API of one manager.
type apiServer struct {
	m        Manager
	streams  chan struct{} // places
	commands chan struct{}
}

// API returns the handler of the control API. metrics serves GET /v1/metrics and may be nil: then there are none.
func API(m Manager, metrics http.Handler) http.Handler {
	a := &apiServer{m: m, streams: make(chan struct{}, maxStreams), commands: make(chan struct{}, maxCommands)}
	return a.routes(metrics)
}

// routes is everything that can be asked, in the order of openapi.yaml.
func (a *apiServer) routes(metrics http.Handler) router {
	return router{
		{method: "GET", path: "/v1/status", serve: a.status},
		{method: "POST", path: "/v1/reload", query: []string{"dry_run"}, serve: a.reload},
		{method: "POST", path: "/v1/stop", body: true, serve: a.about(machine.Stop)},
		{method: "POST", path: "/v1/start", body: true, serve: a.about(machine.Start)},
		{method: "POST", path: "/v1/restart", body: true, serve: a.about(machine.Restart)},
		{method: "POST", path: "/v1/shutdown", serve: a.shutdown},
		{method: "GET", path: "/v1/events", query: []string{"after", "follow"}, serve: a.events},
		{method: "GET", path: "/v1/logs", query: []string{"module", "last", "follow"}, serve: a.logs},
		{method: "GET", path: "/v1/metrics", serve: func(w http.ResponseWriter, r *request) *Error {
			if metrics == nil {
				return refuse(http.StatusNotFound, codeNotFound, "", "this supervisor has no metrics")
			}
			metrics.ServeHTTP(w, r.Request)
			return nil
		}},
		{method: "GET", path: "/v1/openapi.yaml", serve: description},
	}
}

func (a *apiServer) status(w http.ResponseWriter, _ *request) *Error {
	answer(w, http.StatusOK, whole(a.m.Status()))
	return nil
}

// whole returns a copy with empty lists in place of those that are nil, which JSON would call null.
func whole(s api.Status) api.Status {
	s.Policies, s.Modules, s.Listeners = some(s.Policies), some(slices.Clone(s.Modules)), some(slices.Clone(s.Listeners))
	for i := range s.Modules {
		m := &s.Modules[i]
		m.Command, m.Enforcement, m.Instances = some(m.Command), some(m.Enforcement), some(m.Instances)
	}
	for i := range s.Listeners {
		s.Listeners[i].Modules = some(s.Listeners[i].Modules)
	}
	return s
}

func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (a *apiServer) reload(w http.ResponseWriter, r *request) *Error {
	dryRun, err := r.boolean("dry_run")
	if err != nil {
		return err
	}
	return a.do(w, r, machine.Reload, nil, dryRun)
}

func (a *apiServer) shutdown(w http.ResponseWriter, r *request) *Error {
	return a.do(w, r, machine.Shutdown, nil, false)
}

// about serves a command about modules.
func (a *apiServer) about(verb machine.Verb) func(http.ResponseWriter, *request) *Error {
	return func(w http.ResponseWriter, r *request) *Error {
		var s Selection
		if err := decode(w, r, &s); err != nil {
			return err
		}
		if err := a.check(s); err != nil {
			return err
		}
		return a.do(w, r, verb, s.Modules, false)
	}
}

// check refuses a selection of nothing, of everything and something, and of what does not exist.
func (a *apiServer) check(s Selection) *Error {
	const help = `for example {"modules": ["web"]} or {"all": true}`
	switch {
	case s.All && len(s.Modules) > 0:
		return refuse(http.StatusBadRequest, codeBody, help, "the body has both all and modules")
	case !s.All && len(s.Modules) == 0:
		return refuse(http.StatusBadRequest, codeBody, help, "the body names no module")
	}
	return a.exist(s.Modules)
}

// exist refuses modules that the configuration in force does not have, and those that are named twice.
func (a *apiServer) exist(modules []string) *Error {
	if len(modules) == 0 {
		return nil
	}
	if len(modules) > maxModules {
		return refuse(http.StatusBadRequest, codeBody, "", "%d modules are named; at most %d can be", len(modules), maxModules)
	}
	have := map[string]bool{}
	for _, m := range a.m.Status().Modules {
		have[m.Name] = true
	}
	named := map[string]bool{}
	for _, name := range modules {
		switch {
		case !have[name]:
			return refuse(http.StatusNotFound, codeNotFound, api.Meant(name, slices.Sorted(maps.Keys(have))), "there is no module %s", shown(name))
		case named[name]:
			return refuse(http.StatusBadRequest, codeBody, "name it once", "module %s is named twice", shown(name))
		}
		named[name] = true
	}
	return nil
}

// do carries a command out. It goes on when the client goes away.
func (a *apiServer) do(w http.ResponseWriter, r *request, verb machine.Verb, modules []string, dryRun bool) *Error {
	select {
	case a.commands <- struct{}{}:
	default:
		w.Header().Set("Retry-After", "1")
		return refuse(http.StatusServiceUnavailable, codeBusy, "wait for one of them to end", "%d commands are being carried out or wait", maxCommands)
	}
	type outcome struct {
		result api.Result
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-a.commands }()
		result, err := a.m.Do(context.WithoutCancel(r.Context()), verb, modules, dryRun)
		done <- outcome{result, err}
	}()
	var o outcome
	select {
	case <-r.Context().Done():
		return nil // nobody reads the answer
	case o = <-done:
	}
	extend(w, writeTimeout)
	if o.err != nil {
		return refuse(http.StatusServiceUnavailable, codeEnding, "", "%v", o.err)
	}
	answer(w, statusOf(o.result), o.result)
	return nil
}

// statusOf is the status of the response with a result.
func statusOf(r api.Result) int {
	switch {
	case r.OK:
		return http.StatusOK
	case r.Invalid:
		return http.StatusUnprocessableEntity
	}
	return http.StatusConflict
}
