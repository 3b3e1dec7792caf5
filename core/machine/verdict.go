package machine

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulkhead/bulkhead/core/plan"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// verdict says what the end of an instance, or of the attempt to launch it, leads to.
func (m *Machine) verdict(c *instance) input {
	if c.slot.incoming == c {
		c.goal = toLeave // a successor that does not make it is no successor
	}
	r := c.spec.Restart
	switch {
	case c.goal == toLeave:
		return inUnwanted
	case c.goal == toStop:
		return inAsked
	case c.again:
		return inAgain
	case r.Policy != "always" && (r.Policy != "on-failure" || !c.failed):
		return inFinal
	case m.tooOften(c):
		return inLimit
	}
	return inAgain
}

// tooOften tells whether another start would be one too many within the window.
func (m *Machine) tooOften(c *instance) bool {
	r := c.spec.Restart
	next := m.now.Add(backoff(r, m.level(c)))
	c.slot.starts = slices.DeleteFunc(c.slot.starts, func(t time.Time) bool { return !t.After(next.Add(-r.Window)) })
	return r.Burst > 0 && len(c.slot.starts) >= r.Burst
}

// level is how often the delay is doubled. It begins anew after a healthy run.
func (m *Machine) level(c *instance) uint32 {
	if !c.readyAt.IsZero() && m.now.Sub(c.readyAt) >= c.spec.Restart.ResetAfter {
		return 0
	}
	return c.slot.level
}

// backoff is the delay before a start, not spread.
func backoff(r wire.Restart, level uint32) time.Duration {
	d := r.Delay
	for range level {
		if d <= 0 || d >= r.MaxDelay {
			break // it does not grow any more
		}
		d += min(d, r.MaxDelay-d)
	}
	if r.MaxDelay > 0 {
		d = min(d, r.MaxDelay)
	}
	return max(d, 0)
}

// spread changes a delay by up to a tenth, so that what ended at the same time does not start at the same time.
func (m *Machine) spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*m.o.Jitter()))
}

// delay waits for the next try.
func (m *Machine) delay(c *instance) {
	s := c.slot
	var d time.Duration
	if c.again {
		c.again = false
	} else {
		s.level = m.level(c)
		d = m.spread(backoff(c.spec.Restart, s.level))
		s.level++
		s.restarts++
	}
	m.arm(c, m.now.Add(d))
	m.tell(c, KindBackoff, "warn", fmt.Sprintf("%s will be started again in %s", c.name(), d.Round(time.Millisecond)))
	m.settle(c)
}

// hold waits for somebody.
func (m *Machine) hold(c *instance) {
	r := c.spec.Restart
	c.reason = fmt.Sprintf("%d starts within %s were too many; last: %s; `supervisor start %s` tries again", len(c.slot.starts), r.Window, c.reason, c.slot.module.name)
	m.tell(c, KindHeld, "error", fmt.Sprintf("%s is held: %s", c.name(), c.reason))
	m.settle(c)
}

// alone tells whether no other instance may run beside a new one in its slot.
func alone(spec *wire.Module) bool {
	return spec.UpdateOrder != plan.StartFirst || plan.Alongside(spec) != nil
}

// renew forgets how often a slot was started, because somebody wants it started now.
func (s *slot) renew() { s.level, s.starts = 0, nil }
