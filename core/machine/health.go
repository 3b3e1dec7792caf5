package machine

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

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
