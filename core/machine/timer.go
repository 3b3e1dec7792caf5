package machine

import (
	"container/heap"
	"time"
)

// timers are the instances for which a time is set, the earliest first. Those at the same time are in the order of their serial.
type timers []*instance

func (t timers) Len() int { return len(t) }
func (t timers) Less(i, j int) bool {
	if !t[i].due.Equal(t[j].due) {
		return t[i].due.Before(t[j].due)
	}
	return t[i].serial < t[j].serial
}
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer, t[j].timer = i, j
}
func (t *timers) Push(x any) {
	c := x.(*instance)
	c.timer = len(*t)
	*t = append(*t, c)
}
func (t *timers) Pop() any {
	last := len(*t) - 1
	c := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	c.timer = unset
	return c
}

// unset is the place in the heap of what is not in it.
const unset = -1

// arm sets the time of an instance's state.
func (m *Machine) arm(c *instance, at time.Time) {
	c.due = at
	if c.timer == unset {
		heap.Push(&m.timers, c)
		return
	}
	heap.Fix(&m.timers, c.timer)
}

func (m *Machine) disarm(c *instance) {
	if c.timer != unset {
		heap.Remove(&m.timers, c.timer)
	}
}

// overdue deals with the times that were reached.
func (m *Machine) overdue() {
	for len(m.timers) > 0 && !m.timers[0].due.After(m.now) {
		c := heap.Pop(&m.timers).(*instance)
		m.timeout(c)
	}
}

// timeout deals with the time of an instance's state.
func (m *Machine) timeout(c *instance) {
	switch {
	case c.state == Starting && (c.spec.Health.Kind == "" || c.doubt):
		m.feed(c, inReady)
	case c.state == Ready:
		c.reason = "no sign of life for " + c.watchdog.String()
		m.feed(c, inUnhealthy)
	default:
		m.feed(c, inOverdue)
	}
}

// Deadline is when the machine wants a [Tick]; zero is never.
func (m *Machine) Deadline() time.Time {
	var at time.Time
	if len(m.timers) > 0 {
		at = m.timers[0].due
	}
	if m.ending != nil && !m.ending.patience.IsZero() && !m.ending.finished && (at.IsZero() || m.ending.patience.Before(at)) {
		at = m.ending.patience
	}
	return at
}
