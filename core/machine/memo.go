package machine

import (
	"fmt"
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Keys of memos.
const (
	keySlot    = "slot/"    // and replica/module: a slotMemo
	keyStopped = "stopped/" // and module: somebody wants it stopped
	keyUp      = "up"       // the first configuration was brought up
	keyEnding  = "ending"   // everything is being stopped: an endMemo
	keyReload  = "reload"   // how the last reload ended
)

// memoVersion is the first byte of a memo that has a layout.
const memoVersion = 1

const (
	mostStarts = 100 // of a slot in a memo
	mostReady  = 8
	mostText   = 160 // bytes of a text in a memo
)

// slotMemo is what must be known of a slot and cannot be seen.
type slotMemo struct {
	state    State // Backoff, Held or Ended; Waiting for anything else
	failed   bool
	done     wire.InstanceID
	restarts uint32
	level    uint32
	due      time.Time
	since    time.Time
	reason   string
	lastExit string
	ready    []readyMemo
	starts   []time.Time
	counted  wire.InstanceID // the last instance that is among them
}

// readyMemo is an instance that is ready.
type readyMemo struct {
	id       wire.InstanceID
	at       time.Time
	watchdog time.Duration // as it wants it itself
}

func slotKey(s *slot) string { return fmt.Sprintf("%s%d/%s", keySlot, s.replica, s.module.name) }

// memo returns what a slot's memo says.
func (s *slot) memo() slotMemo {
	v := slotMemo{done: s.done, restarts: s.restarts, level: s.level, lastExit: s.lastExit, starts: s.starts, counted: s.counted}
	if c := s.serving; c != nil && (c.state == Backoff || c.state == Held || c.state == Ended) {
		v.state, v.failed, v.due, v.since, v.reason = c.state, c.failed, c.due, c.since, c.reason
	}
	for _, c := range s.all() {
		if c.id > 0 && !c.readyAt.IsZero() && len(v.ready) < mostReady {
			v.ready = append(v.ready, readyMemo{c.id, c.readyAt, c.watchdog})
		}
	}
	return v
}

// empty tells whether there is nothing to be known.
func (v slotMemo) empty() bool {
	return v.state == Waiting && v.done == 0 && v.restarts == 0 && v.level == 0 && v.lastExit == "" && len(v.ready) == 0 && len(v.starts) == 0
}

func (v slotMemo) encode() []byte {
	e := &wire.Encoder{}
	e.U8(memoVersion)
	e.U8(uint8(v.state))
	e.Bool(v.failed)
	e.U64(uint64(v.done))
	e.U64(uint64(v.counted))
	e.U32(v.restarts)
	e.U32(v.level)
	encodeTime(e, v.due)
	encodeTime(e, v.since)
	e.String(shortText(v.reason))
	e.String(shortText(v.lastExit))
	wire.Each(e, v.ready, func(e *wire.Encoder, r readyMemo) {
		e.U64(uint64(r.id))
		encodeTime(e, r.at)
		e.U64(uint64(r.watchdog))
	})
	starts := v.starts[max(0, len(v.starts)-mostStarts):]
	e.U32(uint32(len(starts)))
	if len(starts) == 0 {
		return e.Bytes()
	}
	// The first in full, the others as milliseconds after it: a hundred of them must fit.
	encodeTime(e, starts[0])
	for _, t := range starts[1:] {
		e.U32(uint32(min(max(t.Sub(starts[0]).Milliseconds(), 0), 1<<32-1)))
	}
	return e.Bytes()
}

// decodeSlot reads a slot's memo. One that another version has written is as good as none.
func decodeSlot(data []byte) (slotMemo, error) {
	d := wire.NewDecoder(data)
	if v := d.U8(); v != memoVersion {
		return slotMemo{}, fmt.Errorf("a memo of version %d", v)
	}
	v := slotMemo{state: State(d.U8()), failed: d.Bool(), done: wire.InstanceID(d.U64()), counted: wire.InstanceID(d.U64()), restarts: d.U32(), level: d.U32(), due: decodeTime(d),
		since: decodeTime(d), reason: d.String(), lastExit: d.String()}
	v.ready = wire.List(d, mostReady, func(d *wire.Decoder) readyMemo {
		return readyMemo{wire.InstanceID(d.U64()), decodeTime(d), time.Duration(d.U64())}
	})
	if n := d.U32(); n > 0 && n <= mostStarts {
		first := decodeTime(d)
		v.starts = append(v.starts, first)
		for range n - 1 {
			v.starts = append(v.starts, first.Add(time.Duration(d.U32())*time.Millisecond))
		}
	}
	if err := d.Done(); err != nil {
		return slotMemo{}, err
	}
	if v.state != Backoff && v.state != Held && v.state != Ended && v.state != Waiting {
		return slotMemo{}, fmt.Errorf("a memo of state %d", v.state)
	}
	return v, nil
}

func encodeTime(e *wire.Encoder, t time.Time) {
	if t.IsZero() {
		e.U64(0)
		return
	}
	e.U64(uint64(t.UnixNano()))
}

func decodeTime(d *wire.Decoder) time.Time {
	if n := int64(d.U64()); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

func shortText(s string) string { return strings.ToValidUTF8(s[:min(len(s), mostText)], "") }

// remember has the spawner keep what must be known of a slot, if that is not what it keeps already.
func (m *Machine) remember(s *slot) {
	if s.removed {
		return
	}
	v := s.memo()
	if v.empty() {
		m.note(slotKey(s), nil)
		return
	}
	m.note(slotKey(s), v.encode())
}

// note has the spawner keep a few bytes; none removes them.
func (m *Machine) note(key string, data []byte) {
	if m.notes[key] == string(data) {
		return
	}
	if len(data) == 0 {
		delete(m.notes, key)
	} else {
		m.notes[key] = string(data)
	}
	m.send(wire.KindRemember, wire.Memo{Key: key, Data: data}.Encode(), request{})
}

// encodeReload returns the memo of how a reload ended.
func encodeReload(r api.Reload) []byte {
	e := &wire.Encoder{}
	e.U8(memoVersion)
	encodeTime(e, r.Time)
	e.Bool(r.OK)
	e.U64(r.Generation)
	e.String(r.Text[:min(len(r.Text), 4*mostText)])
	return e.Bytes()
}

func decodeReload(data []byte) (api.Reload, error) {
	d := wire.NewDecoder(data)
	if v := d.U8(); v != memoVersion {
		return api.Reload{}, fmt.Errorf("a memo of version %d", v)
	}
	r := api.Reload{Time: decodeTime(d), OK: d.Bool(), Generation: d.U64(), Text: d.String()}
	return r, d.Done()
}

// encodeEnd returns the memo of why everything is being stopped.
func encodeEnd(status uint8, why string) []byte {
	e := &wire.Encoder{}
	e.U8(memoVersion)
	e.U8(status)
	e.String(shortText(why))
	return e.Bytes()
}

func decodeEnd(data []byte) (status uint8, why string, err error) {
	d := wire.NewDecoder(data)
	if v := d.U8(); v != memoVersion {
		return 0, "", fmt.Errorf("a memo of version %d", v)
	}
	status, why = d.U8(), d.String()
	return status, why, d.Done()
}
