package core

import (
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/link"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/core/probe"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// decide owns the machine until the runtime ends.
func (r *Runtime) decide() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := time.Duration(1<<63 - 1)
		if d := r.machine.Deadline(); !d.IsZero() {
			wait = time.Until(d)
		}
		timer.Reset(wait)
		select {
		case f := <-r.todo:
			f(time.Now())
		case now := <-timer.C:
			r.step(machine.Tick{Now: machine.Now{Time: now}})
		case <-r.ended:
			r.conclude()
			return
		}
	}
}

// conclude answers those who wait.
func (r *Runtime) conclude() {
	for _, resolve := range r.waiting {
		resolve(api.Result{}, ErrEnded)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = r.machine.Status()
	for _, resolve := range r.tell {
		resolve(wire.Stats{}, ErrEnded)
	}
	r.stats, r.tell = nil, nil
}

// step gives the machine an event and carries out what it decides.
func (r *Runtime) step(e machine.Event) {
	r.changed = true
	for _, op := range r.machine.Step(e) {
		switch op := op.(type) {
		case machine.Send:
			r.send(op)
		case machine.Probe:
			r.probe.Start(probe.Target{Instance: op.Instance, Addr: op.Addr, Interval: op.Interval, Timeout: op.Timeout})
		case machine.StopProbe:
			r.probe.Stop(op.Instance)
		case machine.Emit:
			r.emit(op.Event)
		case machine.Resolve:
			r.resolve(op)
		default:
			panic(fmt.Sprintf("bug: the machine wants %T; please report it", op))
		}
	}
}

// send passes a request on to the spawner. An instance is not forgotten before its output was read: its successor as a reader would be
// given nothing to read.
func (r *Runtime) send(s machine.Send) {
	switch s.Kind {
	case wire.KindForget:
		id, err := wire.DecodeID[wire.InstanceID](s.Body)
		if err != nil {
			panic("bug: the machine forgets something that is no instance; please report it: " + err.Error())
		}
		if _, undrained := r.undrained[id]; undrained {
			r.undrained[id] = &s
			return
		}
	case wire.KindFinish:
		r.finish(s)
		return
	}
	r.request(s)
}

func (r *Runtime) request(s machine.Send) {
	if err := r.link.Send(uint64(s.Request), s.Kind, s.Body); err != nil && err != link.ErrClosed {
		r.log.Error("cannot ask the spawner; ending the manager", "error", err)
		r.link.Close()
	}
}

// finishTime is how long the last messages may take to be written.
const finishTime = time.Second

// finish tells the spawner that all is done, which is the end of this process, when the last messages were written.
func (r *Runtime) finish(s machine.Send) {
	written := r.queue.Close()
	r.running.Go(func() {
		select {
		case <-written:
		case <-time.After(finishTime):
		}
		r.request(s)
	})
}

// attached notes an instance that has output.
func (r *Runtime) attached(i wire.Instance) {
	r.generations.attach(i)
	if _, known := r.undrained[i.ID]; !known {
		r.undrained[i.ID] = nil
	}
}

// drained notes that the output of an instance was passed on.
func (r *Runtime) drained(id wire.InstanceID) {
	forget, ok := r.undrained[id]
	if !ok {
		return
	}
	delete(r.undrained, id)
	r.heard(id) // before its lines may be forgotten
	r.generations.release(id)
	r.measure()
	if forget != nil {
		r.request(*forget)
	}
}

// measure tells the log which modules there are.
func (r *Runtime) measure() {
	names, width := r.generations.names()
	r.lines.SetModules(names)
	r.writer.SetWidth(width)
}
