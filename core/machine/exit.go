package machine

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

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
	stays := in == inOverdue && c.killed && !c.stuck
	m.sendKill(c)
	if stays {
		m.giveUp(c)
	}
}

// giveUp has nobody wait for an instance any more that does not even end by SIGKILL: it waits in the kernel, most likely for a file server, and may do
// so for ever. It stays in its slot, and whatever waits for the slot goes on when it has ended.
func (m *Machine) giveUp(c *instance) {
	c.stuck = true
	m.tell(c, KindStuck, "error", c.stays())
	if c.state == Failing {
		m.lost(c)
	}
	c.reason = "does not end, not even by SIGKILL"
}

// stays says what is wrong with an instance that is stuck.
func (c *instance) stays() string {
	return fmt.Sprintf("%s (process %d) has not ended within %s of SIGKILL", c.name(), c.pid, killTime)
}

func (m *Machine) sendKill(c *instance) {
	c.killed = true
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
		c.id, c.pid, c.probed, c.status = 0, 0, false, "" // what it said of itself was said of the process
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

// leave tells a successor that it will not be one.
func (s *slot) leave(m *Machine, c *instance) {
	s.incoming = nil
	s.leaving = append(s.leaving, c)
	m.feed(c, inLeave)
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
