package machine

import (
	"net/netip"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Op is something to be done. Drivers carry it out and tell what came of it by an [Event].
type Op interface{ op() }

type (
	// Send sends a request to the spawner; its answer is a [Replied] with the same Request.
	Send struct {
		Request RequestID
		Kind    wire.Kind
		Body    []byte
	}
	// Probe begins to connect to an address again and again, the first time at once, until [StopProbe]; each try is answered by a [Probed].
	Probe struct {
		Instance          wire.InstanceID
		Addr              netip.AddrPort
		Interval, Timeout time.Duration
	}
	// StopProbe ends it. A probe of an instance that has ended is stopped too.
	StopProbe struct{ Instance wire.InstanceID }
	// Emit makes an event known: to the log and to who follows the events.
	Emit struct{ Event api.Event }
	// Resolve answers a [Command].
	Resolve struct {
		Ticket Ticket
		Result api.Result
	}
)

func (Send) op()      {}
func (Probe) op()     {}
func (StopProbe) op() {}
func (Emit) op()      {}
func (Resolve) op()   {}
