package machine

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

func (w *world) find(id wire.InstanceID) *process {
	for _, p := range w.processes {
		if p.ID == id && !p.forgot {
			return p
		}
	}
	return nil
}

// live returns the processes that run in a slot.
func (w *world) live(module string, replica uint32) []*process {
	var out []*process
	for _, p := range w.processes {
		if p.module == module && p.Replica == replica && p.Exit == nil {
			out = append(out, p)
		}
	}
	return out
}

// reply sends an answer, a little later.
func (w *world) reply(s Send, r wire.Reply, instance *wire.Instance, outline *wire.Outline) {
	w.after(time.Millisecond, true, func() { w.step(Replied{Now{w.now}, s.Request, r, instance, outline}) })
}

func (w *world) request(s Send) {
	w.sends++
	if w.sends == w.failSend {
		w.failedOn = s.Kind
		w.reply(s, wire.Reply{Code: w.failCode, Text: "injected"}, nil, nil)
		return
	}
	r, i, o := w.serveRequest(s)
	if s.Kind == wire.KindPrepare && r.Code == wire.Done {
		return // answered later
	}
	w.reply(s, r, i, o)
}

func (w *world) serveRequest(s Send) (wire.Reply, *wire.Instance, *wire.Outline) {
	refused := func(format string, args ...any) (wire.Reply, *wire.Instance, *wire.Outline) {
		return wire.Reply{Code: wire.Refused, Text: fmt.Sprintf(format, args...)}, nil, nil
	}
	must := func(err error) {
		if err != nil {
			w.t.Errorf("%s: %v", s.Kind, err)
		}
	}
	switch s.Kind {
	case wire.KindPrepare:
		if w.preparing {
			return refused("a generation is being prepared")
		}
		if w.prepared != nil && w.liveOf(w.prepared.Generation) {
			w.t.Error("a generation is prepared while instances of another one run")
		}
		w.preparing, w.prepared = true, nil
		c := w.policy
		w.after(5*time.Millisecond, false, func() {
			w.preparing = false
			o := c.outline(0)
			if !c.broken {
				w.lastGen++
				o.Generation = w.lastGen
				w.prepared = &o
			}
			w.reply(s, wire.Reply{}, nil, &o)
		})
	case wire.KindListen:
		id, err := wire.DecodeID[wire.GenerationID](s.Body)
		must(err)
		if w.prepared == nil || w.prepared.Generation != id {
			return refused("no generation %d is prepared", id)
		}
	case wire.KindCommit:
		id, err := wire.DecodeID[wire.GenerationID](s.Body)
		must(err)
		if w.prepared == nil || w.prepared.Generation != id {
			return refused("no generation %d is prepared", id)
		}
		w.current, w.prepared = *w.prepared, nil
	case wire.KindDiscard:
		id, err := wire.DecodeID[wire.GenerationID](s.Body)
		must(err)
		if w.prepared == nil || w.prepared.Generation != id {
			return refused("no generation %d is prepared", id)
		}
		if w.liveOf(id) {
			if !slices.ContainsFunc(w.live("a", 0), func(p *process) bool { return w.conduct(p).immortal }) {
				w.t.Errorf("generation %d is discarded while it runs", id)
			}
			return refused("it runs")
		}
		w.prepared = nil
	case wire.KindStart:
		return w.launch(s)
	case wire.KindSignal:
		r, err := wire.DecodeSignal(s.Body)
		must(err)
		p := w.find(r.Instance)
		if p == nil || p.Exit != nil {
			return refused("no instance %d", r.Instance)
		}
		w.signal(p, r.Signal)
	case wire.KindKill:
		id, err := wire.DecodeID[wire.InstanceID](s.Body)
		must(err)
		p := w.find(id)
		if p == nil || p.Exit != nil {
			return refused("no instance %d", id)
		}
		p.signals = append(p.signals, 9)
		if w.conduct(p).immortal {
			break
		}
		w.after(time.Millisecond, false, func() { w.exit(p, 2, 9, "killed by SIGKILL") })
	case wire.KindForget:
		id, err := wire.DecodeID[wire.InstanceID](s.Body)
		must(err)
		p := w.find(id)
		if p == nil || p.Exit == nil {
			w.t.Errorf("instance %d is forgotten: %+v", id, p)
			return refused("no instance %d", id)
		}
		p.forgot = true
	case wire.KindRemember:
		memo, err := wire.DecodeMemo(s.Body)
		must(err)
		if len(memo.Data) > wire.MaxMemo || len(memo.Key) > wire.MaxKey {
			w.t.Errorf("a memo of %d bytes under a key of %d", len(memo.Data), len(memo.Key))
		}
		w.memos = slices.DeleteFunc(w.memos, func(o wire.Memo) bool { return o.Key == memo.Key })
		if len(memo.Data) > 0 {
			w.memos = append(w.memos, memo)
		}
	case wire.KindFinish:
		status, err := wire.DecodeStatus(s.Body)
		must(err)
		w.finished = &status
		for _, p := range w.processes {
			if p.Exit == nil {
				w.t.Errorf("finished while %s[%d] runs", p.module, p.Replica)
			}
		}
	default:
		w.t.Errorf("a request of kind %s", s.Kind)
	}
	return wire.Reply{}, nil, nil
}

func (w *world) liveOf(g wire.GenerationID) bool {
	return slices.ContainsFunc(w.processes, func(p *process) bool { return p.Generation == g && p.Exit == nil })
}

func (w *world) launch(s Send) (wire.Reply, *wire.Instance, *wire.Outline) {
	r, err := wire.DecodeStart(s.Body)
	if err != nil {
		w.t.Error(err)
	}
	var spec *wire.Module
	for _, o := range []*wire.Outline{&w.current, w.prepared} {
		if o == nil || o.Generation != r.Generation {
			continue
		}
		for i := range o.Modules {
			if o.Modules[i].Name == r.Module && int(r.Replica) < o.Modules[i].Replicas {
				spec = &o.Modules[i]
			}
		}
	}
	if spec == nil {
		w.t.Errorf("%v: %s[%d] of generation %d is started, which is not there", w.now.Sub(epoch), r.Module, r.Replica, r.Generation)
		return wire.Reply{Code: wire.Refused, Text: "no such module"}, nil, nil
	}
	w.lastID++
	p := &process{Instance: wire.Instance{ID: w.lastID, Generation: r.Generation, Module: r.Module, Replica: r.Replica, PID: uint32(w.lastID), Started: w.now,
		Launch: time.Millisecond}, version: spec.Command[1], module: r.Module}
	c := w.conduct(p)
	if c.launchFails != "" {
		return wire.Reply{Code: wire.Failed, Text: c.launchFails}, nil, nil
	}
	others := w.live(r.Module, r.Replica)
	if len(others) > 0 && spec.UpdateOrder != "start-first" {
		w.t.Errorf("%v: %s[%d] is started beside %+v", w.now.Sub(epoch), r.Module, r.Replica, others[0])
	}
	w.processes = append(w.processes, p)
	if c.lives > 0 {
		w.after(c.lives, false, func() {
			text := "exited"
			if c.status != 0 {
				text = fmt.Sprintf("exited with status %d", c.status)
			}
			w.exit(p, 1, c.status, text)
		})
	}
	if spec.Health.Kind == "notify" && c.ready >= 0 {
		w.say(p, c.ready, true)
		if c.hangs > 0 || spec.Health.Watchdog > 0 {
			w.pulse(p, spec.Health.Watchdog/2)
		}
	}
	if c.hangs > 0 {
		w.after(c.hangs, false, func() { p.hung = true })
	}
	i := p.Instance
	return wire.Reply{}, &i, nil
}

// say has a process notify. A message waits in its socket while there is no manager.
func (w *world) say(p *process, d time.Duration, ready bool) {
	w.after(d, false, func() { w.deliver(p, ready) })
}

func (w *world) deliver(p *process, ready bool) {
	if p.Exit != nil {
		return
	}
	if w.dead {
		w.say(p, 10*time.Millisecond, ready)
		return
	}
	status := "well"
	w.step(Notified{Now: Now{w.now}, Instance: p.ID, Ready: ready, Watchdog: !ready, Status: &status})
}

func (w *world) pulse(p *process, every time.Duration) {
	if every <= 0 {
		return
	}
	w.after(every, false, func() {
		if p.Exit != nil || p.hung || w.finished != nil {
			return
		}
		w.deliver(p, false)
		w.pulse(p, every)
	})
}

func (w *world) signal(p *process, number uint8) {
	p.signals = append(p.signals, number)
	c := w.conduct(p)
	switch {
	case number == 6 && c.abortDies:
		w.after(time.Millisecond, false, func() { w.exit(p, 3, 6, "killed by SIGABRT, with a core dump") })
	case number != 6 && c.dies >= 0:
		w.after(c.dies, false, func() { w.exit(p, 1, 0, "exited") })
	}
}

func (w *world) exit(p *process, code, status int32, text string) {
	if p.Exit != nil {
		return
	}
	p.Exit = &wire.Exit{Code: code, Status: status, Text: text, At: w.now}
	exit := *p.Exit
	w.after(0, true, func() { w.step(Exited{Now{w.now}, wire.ExitedEvent{Instance: p.ID, Exit: exit}}) })
}
