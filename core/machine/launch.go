package machine

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// launch asks for a process, when there may be one.
func (m *Machine) launch(c *instance) {
	c.goal, c.again, c.failed, c.doubt = toRun, false, false, false
	c.readyAt, c.misses, c.probe, c.status, c.took, c.parts, c.tardy = time.Time{}, 0, "", "", 0, nil, false
	c.killed, c.stuck = false, false
	c.watchdog = c.spec.Health.Watchdog
	c.unsent = true
	if alone(c.spec) && c.slot.busy(c) {
		c.slot.blocked = c // another one of it would get into its way
		return
	}
	if m.reload != nil && m.reload.phase == committing {
		m.reload.postponed = append(m.reload.postponed, c) // which generation is in force is not known
		return
	}
	m.sendStart(c)
}

func (m *Machine) sendStart(c *instance) {
	if c.slot.incoming != c {
		c.gen = m.cur.Generation
	}
	c.unsent = false
	m.send(wire.KindStart, wire.StartRequest{Generation: c.gen, Module: c.slot.module.name, Replica: uint32(c.slot.replica)}.Encode(), request{c: c})
}

// withdraw gives a launch up.
func (m *Machine) withdraw(c *instance, in input) {
	c.take(in)
	if !c.unsent {
		return
	}
	c.unsent = false
	if c.slot.blocked == c {
		c.slot.blocked = nil
	}
	if m.reload != nil {
		m.reload.postponed = slices.DeleteFunc(m.reload.postponed, func(o *instance) bool { return o == c })
	}
	m.feed(c, m.verdict(c))
}

// started takes the answer to a Start.
func (m *Machine) started(c *instance, e Replied) {
	c.slot.starts = append(c.slot.starts, m.now)
	if e.Reply.Code == wire.Done && e.Instance != nil {
		c.id, c.pid, c.started, c.took = e.Instance.ID, e.Instance.PID, e.Instance.Started, max(e.Instance.Launch, 1)
		c.parts = e.Instance.Parts
		m.byID[c.id] = c
		c.slot.counted, c.reason = c.id, ""
		m.tell(c, KindLaunched, "info", fmt.Sprintf("%s started", c.name()))
		m.feed(c, inLaunched)
		return
	}
	text := e.Reply.Text
	if e.Reply.Code == wire.Done {
		text = "bug: the spawner did not say what it launched; please report it"
	}
	c.reason, c.failed = text, true
	m.tell(c, KindLaunchFailed, "error", text)
	if b := m.booting(); b != nil && b.first && m.ending == nil {
		m.end(125, text, c.cause)
	}
	m.feed(c, m.verdict(c))
}

// adopt waits for an instance to be ready.
func (m *Machine) adopt(c *instance) {
	h := c.spec.Health
	c.since, c.again = m.now, false
	if h.Kind == "" {
		m.arm(c, m.now.Add(settling))
		return
	}
	if h.Kind == "tcp" {
		m.look(c, min(h.Interval, probeAtStart))
	}
	m.arm(c, m.now.Add(h.StartTimeout))
}

// adoptUnwanted ends what came up after it was given up.
func (m *Machine) adoptUnwanted(c *instance) {
	if c.goal == toLeave {
		m.feed(c, inLeave)
		return
	}
	m.feed(c, inStop)
}
