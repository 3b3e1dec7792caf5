package machine

import (
	"fmt"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// bringUp brings up what is waiting.
type bringUp struct {
	slots     []*slot
	at        int
	prepared  wire.GenerationID // to be given up: a manager ended while it brought it in
	remains   []*instance       // what is leaving: of it, and of what a manager had replaced
	asked     bool              // for the Discard
	discarded bool
}

func (b *bringUp) advance(m *Machine, j *job) bool {
	for ; b.at < len(b.slots); b.at++ {
		c := b.slots[b.at].serving
		if c == nil {
			continue
		}
		if c.state == Waiting {
			c.cause, c.trace = j.cause, j.trace
			m.feed(c, inStart)
		}
		if m.ending != nil {
			return false
		}
		if c.state == Launching && !c.unsent {
			return false
		}
	}
	if !m.up {
		m.up = true
		m.note(keyUp, []byte{memoVersion})
		m.emit(api.Event{Kind: KindStarted, Cause: j.cause, Text: fmt.Sprintf("generation %d: %s running", m.cur.Generation, plural(len(m.byID), "instance"))})
	}
	for ; len(b.remains) > 0; b.remains = b.remains[1:] {
		if c := b.remains[0]; c.state != Gone && !c.stuck {
			return false
		}
	}
	return b.prepared == 0 || b.giveUp(m, j)
}

// giveUp discards the prepared generation, of which nothing is left.
func (b *bringUp) giveUp(m *Machine, j *job) bool {
	if !b.asked {
		b.asked = true
		m.send(wire.KindDiscard, wire.EncodeID(b.prepared), request{})
	}
	if !b.discarded {
		return false
	}
	text := fmt.Sprintf("the manager ended while generation %d was brought in; generation %d serves on", b.prepared, m.cur.Generation)
	m.reloaded(api.Reload{Time: m.now, Generation: uint64(b.prepared), Text: text})
	m.emit(api.Event{Kind: KindReloadFailed, Level: "error", Cause: j.cause, Text: text})
	return true
}
