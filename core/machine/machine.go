package machine

import (
	"time"

	"github.com/bulkhead/bulkhead/core/api"
)

// Options configure a Machine.
type Options struct {
	// NewID returns the ID of an event at a time: a UUID of version 7. It is called from Step.
	NewID func(time.Time) string
	// Jitter returns a number in [0, 1) that spreads the delays of restarts. It is called from Step.
	Jitter func() float64
}

// Machine decides what a supervisor does next. It has one owner, and is not safe for concurrent use.
type Machine struct{ o Options }

// New returns a machine that waits for its [Hello].
func New(o Options) *Machine { return &Machine{o: o} }

// Step takes an event and returns what is to be done, in order.
func (m *Machine) Step(e Event) []Op { return nil }

// Deadline is when the machine wants a [Tick]; zero is never.
func (m *Machine) Deadline() time.Time { return time.Time{} }

// Status is what there is now. The value is the caller's.
func (m *Machine) Status() api.Status { return api.Status{} }
