package link

import (
	"errors"
	"fmt"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// dispatch decodes a frame and passes it on.
func (l *Link) dispatch(p *parcel, h Handler) error {
	if !l.greeted && p.Kind != wire.KindHello {
		return garbage("a frame of kind %s before the first hello", p.Kind)
	}
	switch p.Kind {
	case wire.KindHello:
		return l.hello(p, h)
	case wire.KindAttach:
		a, err := attached(p, p.Body)
		if err != nil {
			return err
		}
		h.Attach(a)
		return nil
	case wire.KindReply:
		r, err := l.reply(p)
		if err != nil {
			return err
		}
		h.Reply(r)
		return nil
	case wire.KindExited:
		return plain(p, wire.DecodeExited, h.Exited)
	case wire.KindAsked:
		return plain(p, wire.DecodeWish, h.Asked)
	case wire.KindNotice:
		return plain(p, wire.DecodeNotice, h.Notice)
	case wire.KindPing, wire.KindPong:
		return plain(p, empty, func(struct{}) {
			if p.Kind == wire.KindPing {
				_ = l.send(wire.Frame{Kind: wire.KindPong, ID: p.ID}) // a full queue: the spawner is going to end us, and is right
			}
		})
	}
	return garbage("a frame of kind %s", p.Kind)
}

func empty(body []byte) (struct{}, error) {
	if len(body) > 0 {
		return struct{}{}, wire.ErrMalformed
	}
	return struct{}{}, nil
}

// plain handles a frame without descriptors.
func plain[T any](p *parcel, decode func([]byte) (T, error), handle func(T)) error {
	if _, err := p.take(0); err != nil {
		return err
	}
	v, err := decode(p.Body)
	if err != nil {
		return fmt.Errorf("%w: a frame of kind %s: %w", ErrGarbage, p.Kind, err)
	}
	handle(v)
	return nil
}

// hello takes the snapshot and the listening sockets.
func (l *Link) hello(p *parcel, h Handler) error {
	if l.greeted {
		return garbage("a second hello")
	}
	if _, err := empty(p.Body); err != nil {
		return fmt.Errorf("%w: hello: %w", ErrGarbage, err)
	}
	if n := len(p.fds); n != 2 && n != 3 {
		return garbage("a hello with %d descriptors; it has 2 or 3", n)
	}
	sockets := &parcel{Frame: p.Frame, fds: p.fds[1:]}
	p.fds = p.fds[:1]
	snapshot, err := file(l.kernel, p, "the snapshot", wire.DecodeSnapshot)
	if err != nil {
		return errors.Join(err, sockets.close(l.kernel))
	}
	want := 1
	if snapshot.Options.Metrics != "" {
		want = 2
	}
	fds, err := sockets.take(want)
	if err != nil {
		return errors.Join(err, sockets.close(l.kernel))
	}
	hello := Hello{Snapshot: *snapshot, Control: fds[0], Metrics: -1}
	if want == 2 {
		hello.Metrics = fds[1]
	}
	l.greeted = true
	h.Hello(hello)
	return nil
}

// reply takes the answer to a request.
func (l *Link) reply(p *parcel) (Replied, error) {
	r := Replied{Request: p.ID}
	var err error
	if r.Reply, err = wire.DecodeReply(p.Body); err != nil {
		return r, fmt.Errorf("%w: a reply: %w", ErrGarbage, err)
	}
	l.mu.Lock()
	kind, asked := l.pending[p.ID]
	delete(l.pending, p.ID)
	l.mu.Unlock()
	if !asked {
		return r, garbage("an answer to request %d, which nobody sent or which was answered before", p.ID)
	}
	r.Kind = kind
	payload := r.Reply.Payload
	r.Reply.Payload = nil // part of the buffer for frames
	done := r.Reply.Code == wire.Done
	switch {
	case kind == wire.KindStart && done:
		var a Attached
		if a, err = attached(p, payload); err == nil {
			r.Instance = &a
		}
		return r, err
	case len(payload) > 0:
		return r, garbage("an answer to %s with a payload", kind)
	case kind == wire.KindStats && done:
		r.Stats, err = file(l.kernel, p, "stats", wire.DecodeStats)
	case kind == wire.KindPrepare && (done || len(p.fds) > 0):
		// Policies with errors have an outline too: it has the errors.
		r.Outline, err = file(l.kernel, p, "an outline", wire.DecodeOutline)
	default:
		_, err = p.take(0)
	}
	return r, err
}
