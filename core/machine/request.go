package machine

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// request is one that waits for its reply.
type request struct {
	kind   wire.Kind
	c      *instance // Start, Signal, Kill
	id     wire.InstanceID
	signal uint8
}

// requests are those that were sent, and those that wait until some of them are answered: the spawner ends a manager that asks too much.
type requests struct {
	last    RequestID
	pending map[RequestID]request
	forgets int // of which this many are Forgets
	waiting []Send
}

// mostPending is how many requests are unanswered at a time.
const mostPending = 512

// send asks the spawner for something.
func (m *Machine) send(kind wire.Kind, body []byte, r request) {
	r.kind = kind
	m.requests.last++
	m.requests.pending[m.requests.last] = r
	if kind == wire.KindForget {
		m.requests.forgets++
	}
	s := Send{Request: m.requests.last, Kind: kind, Body: body}
	if len(m.requests.waiting) > 0 || len(m.requests.pending) > mostPending {
		m.requests.waiting = append(m.requests.waiting, s)
		return
	}
	m.do(s)
}

// replied takes the answer to a request.
func (m *Machine) replied(e Replied) {
	r, ok := m.requests.pending[e.Request]
	if !ok {
		m.bug(fmt.Sprintf("an answer to request %d, which waits for none", e.Request))
		return
	}
	delete(m.requests.pending, e.Request)
	if len(m.requests.waiting) > 0 {
		m.do(m.requests.waiting[0])
		m.requests.waiting = m.requests.waiting[1:]
	}
	failed := e.Reply.Code != wire.Done
	switch r.kind {
	case wire.KindStart:
		m.started(r.c, e)
	case wire.KindSignal:
		// The process may have ended while the request was under way.
		if failed && m.byID[r.id] == r.c && r.c.state.process() {
			m.requestFailed(r, e.Reply.Text)
			switch asked := r.c.state == Stopping || r.c.state == Draining; {
			case asked && r.signal != uint8(unix.SIGTERM):
				m.sendSignal(r.c, uint8(unix.SIGTERM)) // an instance of a former generation may have had another stop signal
			case asked || r.c.state == Failing:
				m.arm(r.c, m.now) // do not wait for what cannot come
			}
		}
	case wire.KindKill:
		if failed && m.byID[r.id] == r.c {
			m.requestFailed(r, e.Reply.Text)
		}
	case wire.KindForget:
		m.requests.forgets--
		if failed {
			m.requestFailed(r, e.Reply.Text)
		}
	case wire.KindRemember:
		if failed && !m.unkept {
			m.unkept = true
			m.requestFailed(r, e.Reply.Text)
		}
	case wire.KindPrepare, wire.KindListen, wire.KindCommit, wire.KindDiscard:
		m.reloadReplied(r.kind, e)
	case wire.KindFinish:
		if failed {
			m.requestFailed(r, e.Reply.Text)
			m.ending.unfinished(m.now)
		}
	}
}

func (m *Machine) requestFailed(r request, text string) {
	e := api.Event{Kind: KindRequestFailed, Level: "error", Instance: uint64(r.id), Text: fmt.Sprintf("%s: %s", r.kind, text)}
	if r.c != nil {
		r.c.describe(&e)
	}
	m.emit(e)
}
