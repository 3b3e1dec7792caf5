package machine

import (
	"encoding/hex"
	"strings"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/event"
)

// traceID is what the events of one command or reload have in common; the zero value is none.
type traceID [16]byte

// emit makes an event known and returns its ID. What the caller leaves out is filled in.
func (m *Machine) emit(e api.Event) string { return m.emitIn(traceID{}, e) }

// emitIn does so for an event that belongs to a trace.
func (m *Machine) emitIn(t traceID, e api.Event) string {
	if e.Time.IsZero() {
		e.Time = m.now
	}
	if e.ID == "" {
		e.ID = m.o.NewID(e.Time)
	}
	if e.Level == "" {
		e.Level = "info"
	}
	if e.Generation == 0 {
		e.Generation = uint64(m.cur.Generation)
	}
	if e.Trace == "" && t != (traceID{}) {
		trace := event.Trace{ID: t, Sampled: true}
		id := bytesOf(e.ID)
		copy(trace.Span[:], id[8:]) // the random half
		e.Trace = trace.String()
	}
	m.do(Emit{e})
	return e.ID
}

// bytesOf returns the bytes of a UUID; of something else, as many as can be read from it.
func bytesOf(id string) [16]byte {
	var b [16]byte
	_, _ = hex.Decode(b[:], []byte(strings.ReplaceAll(id, "-", ""))[:min(32, len(strings.ReplaceAll(id, "-", "")))])
	return b
}

// bug reports what cannot happen.
func (m *Machine) bug(text string) {
	m.emit(api.Event{Kind: KindBug, Level: "error", Text: "bug: " + text + "; please report it"})
}

// tell makes an event of an instance known and keeps its ID as the cause of what follows from it.
func (m *Machine) tell(c *instance, kind, level, text string) {
	e := api.Event{Kind: kind, Level: level, Cause: c.cause, Text: text}
	c.describe(&e)
	c.cause = m.emitIn(c.trace, e)
}

// describe fills in which instance an event is about.
func (c *instance) describe(e *api.Event) {
	n := c.slot.replica
	e.Module, e.Replica = c.slot.module.name, &n
	if e.Instance == 0 {
		e.Instance = uint64(c.id)
	}
	if e.PID == 0 {
		e.PID = int(c.pid)
	}
	if e.Generation == 0 {
		e.Generation = uint64(c.gen)
	}
}
