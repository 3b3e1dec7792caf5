package machine

import (
	"fmt"
	"time"
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
