package machine

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

const (
	settling     = 250 * time.Millisecond // how long an instance without a healthcheck runs until it counts as ready
	probeAtStart = 200 * time.Millisecond // between two probes of one that is starting
	abortTime    = 5 * time.Second        // between SIGABRT and SIGKILL
	killTime     = 10 * time.Second       // between two SIGKILLs
)

// feed looks up what an input leads to and does it.
func (m *Machine) feed(c *instance, in input) {
	entry := next[c.state][in]
	if entry.do == impossible {
		m.bug(fmt.Sprintf("%s is %s, and then %s", c.name(), c.state, in))
		return
	}
	if entry.next != c.state {
		m.disarm(c)
		m.count[c.state]--
		m.count[entry.next]++
		c.state, c.since = entry.next, m.now
	}
	wanted := c.again // its end is what was waited for
	m.act(c, entry.do, in)
	if in.end() && !wanted {
		m.lost(c)
	}
}

func (m *Machine) act(c *instance, do action, in input) {
	switch do {
	case ignore:
	case launch:
		m.launch(c)
	case withdraw:
		m.withdraw(c, in)
	case want:
		c.take(in)
	case adopt:
		m.adopt(c)
	case end:
		m.adoptUnwanted(c)
	case serve:
		m.serve(c)
	case late:
		m.late(c)
	case abort:
		m.abort(c)
	case signal:
		c.take(in)
		m.signal(c)
	case kill:
		m.kill(c, in)
	case delay:
		m.delay(c)
	case hold:
		m.hold(c)
	case rest:
		c.take(in)
		m.settle(c)
	case remove:
		m.remove(c)
	}
}

// take notes what an instance is wanted for from now on.
func (c *instance) take(in input) {
	switch in {
	case inStart:
		c.goal, c.again = toRun, true
	case inStop:
		c.goal = toStop
	case inLeave:
		c.goal = toLeave
	}
}

// launch asks for a process, when there may be one.
func (m *Machine) launch(c *instance) {
	c.goal, c.again, c.failed, c.doubt = toRun, false, false, false
	c.readyAt, c.misses, c.probe, c.status, c.took, c.tardy = time.Time{}, 0, "", "", 0, false
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

// look has an instance probed.
func (m *Machine) look(c *instance, interval time.Duration) {
	m.lookAway(c)
	c.probed = true
	m.do(Probe{Instance: c.id, Addr: c.spec.Health.Addr, Interval: interval, Timeout: c.spec.Health.Timeout})
}

func (m *Machine) lookAway(c *instance) {
	if c.probed {
		c.probed = false
		m.do(StopProbe{c.id})
	}
}

// adoptUnwanted ends what came up after it was given up.
func (m *Machine) adoptUnwanted(c *instance) {
	if c.goal == toLeave {
		m.feed(c, inLeave)
		return
	}
	m.feed(c, inStop)
}

// serve counts an instance as ready, and watches it.
func (m *Machine) serve(c *instance) {
	c.readyAt, c.reason = m.now, ""
	m.remember(c.slot)
	m.tell(c, KindReady, "info", fmt.Sprintf("%s is ready", c.name()))
	c.job = nil
	if c.slot.incoming != c {
		c.trace = traceID{}
	}
	m.watch(c)
}

// watch looks after an instance that is ready.
func (m *Machine) watch(c *instance) {
	c.misses = 0
	switch c.spec.Health.Kind {
	case "tcp":
		m.look(c, c.spec.Health.Interval)
	case "notify":
		m.disarm(c)
		if c.watchdog > 0 {
			m.arm(c, m.now.Add(c.watchdog))
		}
	}
}

// late kills what did not get ready.
func (m *Machine) late(c *instance) {
	c.reason, c.failed = "not ready within "+c.spec.Health.StartTimeout.String(), true
	if c.probe != "" {
		c.reason += ": " + c.probe
	}
	c.tardy = true
	m.lookAway(c)
	m.tell(c, KindLate, "error", fmt.Sprintf("%s was %s", c.name(), c.reason))
	m.sendKill(c)
}

// abort ends what does not answer. Where nothing but a sign of life is missing, it can leave a core.
func (m *Machine) abort(c *instance) {
	c.failed = true
	m.lookAway(c)
	m.tell(c, KindUnhealthy, "error", fmt.Sprintf("%s does not answer: %s", c.name(), c.reason))
	if c.spec.Health.Kind != "notify" {
		m.sendKill(c)
		return
	}
	m.sendSignal(c, uint8(unix.SIGABRT))
	m.arm(c, m.now.Add(abortTime))
}

// signal asks an instance to end.
func (m *Machine) signal(c *instance) {
	m.lookAway(c)
	grace := c.spec.StopGracePeriod
	m.tell(c, KindInstanceStopping, "info", fmt.Sprintf("%s: %s; it has %s", c.name(), unix.SignalName(unix.Signal(c.spec.StopSignal)), grace))
	m.sendSignal(c, uint8(c.spec.StopSignal))
	m.arm(c, m.now.Add(grace))
}

// kill ends an instance for good.
func (m *Machine) kill(c *instance, in input) {
	c.take(in)
	if in == inOverdue {
		m.tell(c, KindKilled, "warn", fmt.Sprintf("%s is still running; killing it", c.name()))
	}
	m.sendKill(c)
}

func (m *Machine) sendKill(c *instance) {
	m.send(wire.KindKill, wire.EncodeID(c.id), request{c: c, id: c.id})
	m.arm(c, m.now.Add(killTime))
}

func (m *Machine) sendSignal(c *instance, number uint8) {
	m.send(wire.KindSignal, wire.SignalRequest{Instance: c.id, Signal: number}.Encode(), request{c: c, id: c.id, signal: number})
}

// exited takes the end of an instance.
func (m *Machine) exited(id wire.InstanceID, exit wire.Exit) {
	c := m.byID[id]
	if c == nil {
		m.bug(fmt.Sprintf("the end of instance %d, which is not there: %s", id, exit.Text))
		return
	}
	if r := m.reload; r != nil && r.phase == committing && c.slot.incoming == c {
		r.ended = append(r.ended, Exited{Now{m.now}, wire.ExitedEvent{Instance: id, Exit: exit}}) // which generation is in force is not known
		return
	}
	good := exit.Code == 1 && exit.Status == 0 // CLD_EXITED of siginfo.h
	unwanted := c.state == Stopping || c.state == Draining
	c.failed = c.failed || !good && !unwanted
	level := "info"
	if c.failed {
		level = "error"
	}
	c.slot.lastExit = exit.Text
	switch {
	case c.state == Failing:
		c.reason += "; then " + exit.Text
	case !unwanted:
		c.reason = exit.Text
	}
	m.tell(c, KindExited, level, fmt.Sprintf("%s: %s", c.name(), exit.Text))
	c.probed = false // it ends with the instance
	m.feed(c, m.verdict(c))
}

// settle deals with the end of a process for good: what must not be forgotten is remembered before the spawner forgets the rest.
func (m *Machine) settle(c *instance) {
	s := c.slot
	if s.serving == c {
		s.done = max(s.done, c.id)
	}
	m.remember(s)
	if c.id > 0 {
		delete(m.byID, c.id)
		m.forget(c.id)
		c.id, c.pid, c.probed = 0, 0, false
	}
	if b := s.blocked; b != nil && !s.busy(b) {
		s.blocked = nil
		m.launch(b)
	}
}

func (m *Machine) forget(id wire.InstanceID) {
	m.send(wire.KindForget, wire.EncodeID(id), request{id: id})
}

// remove takes an instance off the books.
func (m *Machine) remove(c *instance) {
	s := c.slot
	s.leaving = slices.DeleteFunc(s.leaving, func(o *instance) bool { return o == c })
	m.settle(c)
	if s.incoming == c {
		s.incoming = nil
	}
	m.count[Gone]-- // nobody asks for it
}

// retire tells an instance to leave its slot.
func (m *Machine) retire(c *instance) {
	s := c.slot
	if s.serving == c {
		s.serving = nil
	}
	s.leaving = append(s.leaving, c)
	s.done = max(s.done, c.id)
	m.remember(s)
	m.feed(c, inLeave)
}

// notified takes a message of sd_notify(3).
func (m *Machine) notified(e Notified) {
	c := m.byID[e.Instance]
	if c == nil || !c.state.process() {
		return // it has just ended
	}
	if e.Status != nil {
		c.status = *e.Status
	}
	if c.spec.Health.Kind != "notify" {
		return
	}
	if e.WatchdogT > 0 && e.WatchdogT != c.watchdog {
		c.watchdog = e.WatchdogT
		m.remember(c.slot)
		e.Watchdog = true
	}
	if e.Ready && c.state != Ready {
		m.feed(c, inReady)
	}
	if e.Watchdog && c.state == Ready && c.watchdog > 0 {
		m.arm(c, m.now.Add(c.watchdog))
	}
}

// probed takes the result of a probe.
func (m *Machine) probed(e Probed) {
	c := m.byID[e.Instance]
	if c == nil || !c.probed {
		return // it has just ended, or was told to
	}
	if e.OK {
		c.misses, c.probe = 0, ""
		if c.state == Starting {
			m.feed(c, inReady)
		}
		return
	}
	c.probe = e.Text
	if c.misses++; c.state == Ready && c.misses >= max(c.spec.Health.Retries, 1) {
		c.reason = fmt.Sprintf("%d probes in a row: %s", c.misses, e.Text)
		m.feed(c, inUnhealthy)
	}
}
