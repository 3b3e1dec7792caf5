package core

import (
	"slices"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/logs"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// lastWords is how many lines of those who failed a result has.
const lastWords = 5

// failing remembers what the instances wrote to their standard error that a reload started and that went wrong: that says why, and when the reload
// is undone the lines of a new module are forgotten with it.
type failing struct {
	generation uint64 // that is being brought up; 0 is none
	waits      map[wire.InstanceID]logs.Source
	lines      []api.LogLine
	held       []machine.Resolve // that wait for the rest of the output
}

// watch takes note of an event of a reload.
func (r *Runtime) watch(e api.Event) {
	f := &r.failing
	switch {
	case e.Kind == machine.KindReloadPlanned:
		*f = failing{generation: e.Generation, waits: map[wire.InstanceID]logs.Source{}, held: f.held}
	case e.Kind == machine.KindReloadDone || e.Kind == machine.KindReloadUndone:
		f.generation = 0
	case f.generation != 0 && e.Generation == f.generation && e.Module != "" && e.Level == "error" && e.PID != 0:
		id := wire.InstanceID(e.Instance)
		f.waits[id] = logs.Source{Instance: id, Module: e.Module, PID: e.PID}
		if _, more := r.undrained[id]; !more {
			r.heard(id)
		}
	}
}

// heard is called when everything that an instance wrote is known.
func (r *Runtime) heard(id wire.InstanceID) {
	f := &r.failing
	of, ok := f.waits[id]
	if !ok {
		return
	}
	delete(f.waits, id)
	own := slices.DeleteFunc(r.lines.Last([]string{of.Module}, 20*lastWords), func(l api.LogLine) bool { return l.PID != of.PID || l.Stream != "stderr" })
	f.lines = append(f.lines, own...)
	f.lines = f.lines[max(len(f.lines)-lastWords, 0):]
	if len(f.waits) == 0 {
		held := f.held
		f.held = nil
		for _, op := range held {
			r.resolve(op)
		}
	}
}

// resolve answers who waits for a command. That of a reload which was undone waits until the output of what failed is known.
func (r *Runtime) resolve(op machine.Resolve) {
	if f := &r.failing; !op.Result.OK && !op.Result.Invalid && op.Result.Plan != nil {
		if len(f.waits) > 0 {
			f.held = append(f.held, op)
			return
		}
		op.Result.Output = slices.Clone(f.lines)
	}
	if resolve, ok := r.waiting[op.Ticket]; ok {
		delete(r.waiting, op.Ticket)
		resolve(op.Result, nil)
	}
}
