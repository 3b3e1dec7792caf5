package wire

import (
	"net/netip"
	"time"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Restart says when an instance that ended is started again. The values are as in [policy.Restart], none of them missing.
type Restart struct {
	Policy     string // "no", "on-failure" or "always"
	Delay      time.Duration
	MaxDelay   time.Duration
	Burst      int
	Window     time.Duration
	ResetAfter time.Duration
}

// Health says when an instance is ready and how it is found out that it no longer answers, as in [policy.Health].
type Health struct {
	Kind     string         // "" for none, "notify" or "tcp"
	Addr     netip.AddrPort // "tcp"
	Interval time.Duration  // "tcp"
	Timeout  time.Duration  // "tcp"
	Retries  int            // "tcp"
	// StartTimeout is how long an instance may take to get ready; 0 when it is ready by having run for [policy.SettlingTime].
	StartTimeout time.Duration
	Watchdog     time.Duration // "notify"; 0 for none
}

// duration takes a duration, which is never negative.
func (d *Decoder) duration() time.Duration {
	v := time.Duration(d.U64())
	if v < 0 {
		d.fail("a duration of %s", v)
	}
	return v
}

// place takes an address with a port; an empty string is none.
func (d *Decoder) place() netip.AddrPort {
	text := d.String()
	if text == "" {
		return netip.AddrPort{}
	}
	addr, err := netip.ParseAddrPort(text)
	if err != nil {
		d.fail("address %q", text)
	}
	return addr
}

func (e *Encoder) place(addr netip.AddrPort) {
	if addr.IsValid() {
		e.String(addr.String())
	} else {
		e.String("")
	}
}

func encodeRestart(e *Encoder, r Restart) {
	e.String(r.Policy)
	e.U64(uint64(r.Delay))
	e.U64(uint64(r.MaxDelay))
	e.U32(uint32(r.Burst))
	e.U64(uint64(r.Window))
	e.U64(uint64(r.ResetAfter))
}

func decodeRestart(d *Decoder) Restart {
	return Restart{Policy: d.String(), Delay: d.duration(), MaxDelay: d.duration(), Burst: int(d.U32()), Window: d.duration(), ResetAfter: d.duration()}
}

func encodeHealth(e *Encoder, h Health) {
	e.String(h.Kind)
	e.place(h.Addr)
	e.U64(uint64(h.Interval))
	e.U64(uint64(h.Timeout))
	e.U32(uint32(h.Retries))
	e.U64(uint64(h.StartTimeout))
	e.U64(uint64(h.Watchdog))
}

func decodeHealth(d *Decoder) Health {
	return Health{Kind: d.String(), Addr: d.place(), Interval: d.duration(), Timeout: d.duration(), Retries: int(d.U32()),
		StartTimeout: d.duration(), Watchdog: d.duration()}
}

func encodeSection(e *Encoder, s policy.Section) {
	e.String(s.Key)
	encodePos(e, s.Pos)
	Each(e, s.Items, (*Encoder).String)
}

func decodeSection(d *Decoder) policy.Section {
	return policy.Section{Key: d.String(), Pos: decodePos(d), Items: List(d, maxWords, (*Decoder).String)}
}
