package machine

import (
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Event is something that has happened. Each has the time at which it did, because the machine has no clock.
type Event interface{ at() time.Time }

// Now is the time of an event; every event embeds it.
type Now struct{ Time time.Time }

func (n Now) at() time.Time { return n.Time }

// RequestID is the ID of a frame that the machine had sent.
type RequestID uint64

// Ticket names a command that waits for its [Resolve].
type Ticket uint64

type (
	// Hello is the first event: what the spawner says there is.
	Hello struct {
		Now
		Snapshot wire.Snapshot
	}
	// Tick says that time has passed: [Machine.Deadline] was reached.
	Tick struct{ Now }
	// Replied is the answer to a [Send]. Instance is set after a Start that went well, Outline after a Prepare.
	Replied struct {
		Now
		Request  RequestID
		Reply    wire.Reply
		Instance *wire.Instance
		Outline  *wire.Outline
	}
	// Exited is the end of an instance.
	Exited struct {
		Now
		wire.ExitedEvent
	}
	// Notified is a message of sd_notify(3) from an instance whose sender was checked.
	Notified struct {
		Now
		Instance  wire.InstanceID
		Ready     bool
		Stopping  bool
		Watchdog  bool
		Status    *string       // nil when the message had none
		WatchdogT time.Duration // WATCHDOG_USEC=, a new interval; 0 when the message had none
	}
	// Probed is the result of a probe that a [Probe] had asked for.
	Probed struct {
		Now
		Instance wire.InstanceID
		OK       bool
		Text     string // why not: "connect to 127.0.0.1:80: connection refused"
	}
	// Asked is a signal that the supervisor got.
	Asked struct {
		Now
		Wish wire.Wish
	}
	// Noticed is an event of the spawner.
	Noticed struct {
		Now
		wire.Notice
	}
	// Observed is something that a driver wants to have in the events: a stranger's datagram, a log that cannot be written.
	Observed struct {
		Now
		Event api.Event
	}
	// Command is what somebody asked for at the control socket.
	Command struct {
		Now
		Ticket Ticket
		Verb   Verb
		// Modules are the modules it is about; empty means all of them.
		Modules []string
		DryRun  bool // of a reload
	}
)

// Verb is what a [Command] asks for.
type Verb uint8

const (
	Reload   Verb = 1 + iota
	Stop          // stop modules, and hold them stopped
	Start         // start modules that were stopped, held, or have exited
	Restart       // replace all instances, in the module's update order
	Shutdown      // stop everything and end the supervisor
)
