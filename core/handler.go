package core

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/link"
	"github.com/bulkhead/bulkhead/core/logs"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/core/notify"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// handler takes what the spawner says. What the machine has to know of an instance is posted before its sockets are read, so that it knows an instance
// before it hears of it.
type handler struct{ r *Runtime }

// ours marks the numbers of requests that are not the machine's.
const ours = 1 << 63

// Hello implements [link.Handler].
func (h handler) Hello(hello link.Hello) {
	if err := h.greet(hello); err != nil {
		h.r.failure = err
		h.r.link.Close()
	}
}

func (h handler) greet(hello link.Hello) error {
	r, o := h.r, hello.Snapshot.Options
	if r.c.Level != nil {
		if err := r.c.Level.UnmarshalText([]byte(o.LogLevel)); err != nil {
			return errors.Join(fmt.Errorf("log level %q: %w", o.LogLevel, err), h.refuse(hello))
		}
	}
	torn := hello.Snapshot.ManagerStarts > 1 // the one before may have been killed in the middle of a line
	sink := func(fd posix.FD, name string) *logs.Sink {
		return logs.NewSink(r.c.Kernel, fd, torn, func(l logs.Loss) { r.Observe(lossEvent(name, l)) })
	}
	stdout, stderr := sink(r.c.Stdout, "standard output"), sink(r.c.Stderr, "standard error")
	writer := logs.NewWriter(stdout, stderr, o.LogFormat)
	collector, err := logs.New(r.c.Kernel, logs.Options{Writer: writer, Ring: r.lines,
		Drained: func(id wire.InstanceID) { r.post(func(time.Time) { r.drained(id) }) },
		Broken: func(s logs.Source, stream logs.Stream, err error) {
			r.Observe(api.Event{Kind: "log.broken", Level: "error", Module: s.Module, Instance: uint64(s.Instance), Text: fmt.Sprintf("its %s cannot be read: %v", stream, err)})
		},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("read the output of modules: %w", err), h.refuse(hello))
	}
	r.collector = collector
	r.running.Go(func() {
		if err := collector.Run(); err != nil {
			r.broken(fmt.Errorf("read the output of modules: %w", err))
		}
	})
	queue := logs.NewQueue(stderr, droppedNote(o.LogFormat))
	r.messages = queue
	log := newLogger(queue, o)
	r.post(func(now time.Time) {
		r.options, r.listeners, r.writer, r.queue, r.log = o, hello.Snapshot.Listeners, writer, queue, log
		r.generations.begin(hello.Snapshot.Current, hello.Snapshot.Prepared)
		r.measure()
		for _, i := range hello.Snapshot.Instances {
			r.attached(i) // its descriptors are going to come
		}
		r.step(machine.Hello{Now: machine.Now{Time: now}, Snapshot: hello.Snapshot})
	})
	if r.c.Serve == nil {
		return h.refuse(hello)
	}
	if r.server, err = r.c.Serve(r, Service{Options: o, Control: hello.Control, Metrics: hello.Metrics, Log: log}); err != nil {
		return fmt.Errorf("serve the control API: %w", err)
	}
	return nil
}

// refuse closes the sockets of a hello.
func (h handler) refuse(hello link.Hello) error {
	err := h.r.c.Kernel.Close(hello.Control)
	if hello.Metrics >= 0 {
		err = errors.Join(err, h.r.c.Kernel.Close(hello.Metrics))
	}
	return err
}

// Attach implements [link.Handler].
func (h handler) Attach(a link.Attached) {
	h.connect(a) // the snapshot has told of it
	if a.Exit != nil {
		h.disconnect(a.ID)
	}
}

// connect gives the descriptors of an instance to those who read them.
func (h handler) connect(a link.Attached) {
	r := h.r
	if r.collector == nil { // the hello went wrong
		_ = a.Close(r.c.Kernel)
		return
	}
	r.collector.Attach(logs.Source{Instance: a.ID, Module: a.Module, Replica: int(a.Replica), PID: int(a.PID)}, a.Stdout, a.Stderr)
	if a.Notify >= 0 {
		r.notify.Add(a.ID, posix.PID(a.PID), a.Notify)
	}
	switch {
	case a.Control < 0:
	case r.server == nil:
		_ = r.c.Kernel.Close(a.Control)
	default:
		r.server.OpenSelf(a.ID, a.Control)
	}
}

// disconnect ends what belongs to an instance that has ended. Its output is read to its end.
func (h handler) disconnect(id wire.InstanceID) {
	r := h.r
	if r.collector != nil {
		r.collector.Ended(id)
	}
	r.notify.Remove(id)
	r.probe.Stop(id)
	if r.server != nil {
		r.server.CloseSelf(id)
	}
}

// Reply implements [link.Handler].
func (h handler) Reply(p link.Replied) {
	r := h.r
	if p.Request&ours != 0 {
		r.answer(p)
		return
	}
	r.post(func(now time.Time) {
		e := machine.Replied{Now: machine.Now{Time: now}, Request: machine.RequestID(p.Request), Reply: p.Reply, Outline: p.Outline}
		done := p.Reply.Code == wire.Done
		switch {
		case p.Instance != nil:
			e.Instance = &p.Instance.Instance
			r.attached(p.Instance.Instance)
		case p.Kind == wire.KindPrepare && p.Outline != nil && p.Outline.Generation != 0:
			r.generations.prepare(*p.Outline)
			r.measure()
		case p.Kind == wire.KindCommit && done:
			r.generations.commit()
			r.measure()
		case p.Kind == wire.KindDiscard && done:
			r.generations.discard()
			r.measure()
		}
		r.step(e)
	})
	if p.Instance != nil {
		h.connect(*p.Instance)
	}
}

// Exited implements [link.Handler].
func (h handler) Exited(x wire.ExitedEvent) {
	h.disconnect(x.Instance)
	h.r.feed(func(now machine.Now) machine.Event { return machine.Exited{Now: now, ExitedEvent: x} })
}

// Asked implements [link.Handler].
func (h handler) Asked(w wire.Wish) {
	h.r.feed(func(now machine.Now) machine.Event { return machine.Asked{Now: now, Wish: w} })
}

// Notice implements [link.Handler].
func (h handler) Notice(n wire.Notice) {
	h.r.feed(func(now machine.Now) machine.Event { return machine.Noticed{Now: now, Notice: n} })
}

// Silent implements [link.Handler].
func (h handler) Silent(silent bool) {
	if silent {
		h.r.Observe(api.Event{Kind: "spawner.silent", Level: "warn", Text: "the spawner does not answer: nothing can be started or stopped until it does"})
		return
	}
	h.r.Observe(api.Event{Kind: "spawner.answers", Level: "info", Text: "the spawner answers again"})
}

// notified takes what an instance says of itself.
func (r *Runtime) notified(id wire.InstanceID, m notify.Message) {
	if m.Errno != 0 {
		r.Observe(api.Event{Kind: "notify.error", Level: "warn", Instance: uint64(id), Text: fmt.Sprintf("it reports an error: %v", posix.Errno(m.Errno))})
	}
	r.feed(func(now machine.Now) machine.Event {
		return machine.Notified{Now: now, Instance: id, Ready: m.Ready, Stopping: m.Stopping, Watchdog: m.Watchdog, Status: m.Status, WatchdogT: m.WatchdogT}
	})
}

// refused makes it known that a notification was not taken.
func (r *Runtime) refused(id wire.InstanceID, why string, n int) {
	text := "a notification was refused: " + why
	if n > 1 {
		text = fmt.Sprintf("%d notifications were refused; the last one: %s", n, why)
	}
	r.Observe(api.Event{Kind: "notify.refused", Level: "warn", Instance: uint64(id), Text: text})
}

// probed takes the outcome of a probe.
func (r *Runtime) probed(id wire.InstanceID, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	r.feed(func(now machine.Now) machine.Event {
		return machine.Probed{Now: now, Instance: id, OK: err == nil, Text: text}
	})
}

func lossEvent(name string, l logs.Loss) api.Event {
	if l.Err != nil {
		return api.Event{Kind: "log.lost", Level: "error", Text: fmt.Sprintf("the log cannot be written to %s, and lines are lost: %v", name, l.Err)}
	}
	return api.Event{Kind: "log.recovered", Level: "warn", Text: fmt.Sprintf("the log can be written to %s again; %d lines were lost", name, l.Lines)}
}
