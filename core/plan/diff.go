package plan

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Orders of a replacement.
const (
	StartFirst = "start-first"
	StopFirst  = "stop-first"
)

// Problem is a reason why a configuration cannot be brought in although it is right in itself.
type Problem struct {
	Place string // "web.yaml:14"
	Text  string
	Help  string
}

// String returns the problem as `policy check` shows one.
func (p Problem) String() string {
	return fmt.Sprintf("error: %s\n  %s   help: %s", p.Text, p.Place, p.Help)
}

// Diff returns what brings a configuration in in place of another, in the order in which it is carried out, and what stands against it.
// With problems the plan is complete as well, and must not be carried out.
//
// Every module of both has exactly one action that names no replica. Replicas that are added or removed have one each besides.
func Diff(from, to wire.Outline) (api.Plan, []Problem) {
	p := api.Plan{From: uint64(from.Generation), To: uint64(to.Generation)}
	oldListeners, newListeners := listenersOf(&from), listenersOf(&to)
	oldSockets, newSockets := sockets(oldListeners), sockets(newListeners)
	wanted, closed := listeners(oldListeners, newListeners)

	old := make(map[string]*wire.Module, len(from.Modules))
	for i := range from.Modules {
		old[from.Modules[i].Name] = &from.Modules[i]
	}
	var problems []Problem
	var first, second, inPlace, last []api.Action
	for i := range to.Modules {
		m := &to.Modules[i]
		was, ok := old[m.Name]
		if !ok {
			first = append(first, api.Action{Verb: api.Start, Kind: "module", Name: m.Name, Reasons: []string{"new (" + place(m.Pos.File, m.Pos.Line) + ")"}})
			continue
		}
		delete(old, m.Name)
		a := module(was, m, oldSockets, newSockets)
		switch {
		case a.Verb != api.Replace:
			inPlace = append(inPlace, a)
		case a.Order == StartFirst:
			first = append(first, a)
			if problem := Alongside(m); problem != nil {
				problems = append(problems, *problem)
			}
		default:
			second = append(second, a)
		}
		started, stopped := replicas(was, m)
		first, last = append(first, started...), append(last, stopped...)
	}
	for i := len(from.Modules) - 1; i >= 0; i-- {
		if m := &from.Modules[i]; old[m.Name] == m {
			last = append(last, api.Action{Verb: api.Stop, Kind: "module", Name: m.Name, Reasons: []string{"not in the policy any more"}})
		}
	}
	for _, part := range [][]api.Action{wanted, first, second, inPlace, closed, last} {
		p.Actions = append(p.Actions, part...)
	}
	return p, problems
}

// Changes tells whether a plan does anything at all.
func Changes(p api.Plan) bool {
	for _, a := range p.Actions {
		if a.Verb != api.Keep {
			return true
		}
	}
	return false
}
