package control

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
)

const (
	// quiet is how long nothing must come for what is remembered to have been sent.
	quiet = 50 * time.Millisecond
	// pulse is how often a stream shows that it is alive. Writing also finds out that the client is gone.
	pulse = 15 * time.Second
)

// validID is a UUID.
var validID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func (a *apiServer) events(w http.ResponseWriter, r *request) *Error {
	follow, refused := r.follow()
	if refused != nil {
		return refused
	}
	after := r.query.Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		after = last // what a browser sends when it connects again
	}
	if after != "" && !validID.MatchString(after) {
		return refuse(http.StatusBadRequest, codeQuery, "give the ID of an event", "%s is no UUID", shown(after))
	}
	release, refused := a.seat(w)
	if refused != nil {
		return refused
	}
	defer release()
	asked := time.Now()
	ch := a.m.Events(r.Context(), after)
	if !follow {
		list(w, r, ch, func(e api.Event) bool { return e.Time.After(asked) })
		return nil
	}
	flow(w, r, "event", ch, func(e api.Event) string { return e.ID })
	return nil
}

func (a *apiServer) logs(w http.ResponseWriter, r *request) *Error {
	follow, refused := r.follow()
	if refused != nil {
		return refused
	}
	last, refused := r.number("last", someLines, maxLines)
	if refused != nil {
		return refused
	}
	if refused := a.exist(r.query["module"]); refused != nil {
		return refused
	}
	release, refused := a.seat(w)
	if refused != nil {
		return refused
	}
	defer release()
	asked := time.Now()
	ch := a.m.Logs(r.Context(), r.query["module"], last)
	if !follow {
		list(w, r, ch, func(l api.LogLine) bool { return l.Time.After(asked) })
		return nil
	}
	flow(w, r, "line", ch, nil)
	return nil
}

// follow tells whether the client wants to follow: it says so, or accepts nothing but a stream of events.
func (r *request) follow() (bool, *Error) {
	if !r.query.Has("follow") {
		return strings.Contains(r.Header.Get("Accept"), "text/event-stream"), nil
	}
	return r.boolean("follow")
}

// seat takes one of the places for streams.
func (a *apiServer) seat(w http.ResponseWriter) (release func(), refused *Error) {
	select {
	case a.streams <- struct{}{}:
		return func() { <-a.streams }, nil
	default:
		w.Header().Set("Retry-After", "1")
		return nil, refuse(http.StatusServiceUnavailable, codeBusy, "close one of them", "%d clients follow events or lines", maxStreams)
	}
}

// list writes what is remembered, an object a line.
func list[T any](w http.ResponseWriter, r *request, ch <-chan T, later func(T) bool) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	for v := range remembered(r.Context(), ch, later) {
		extend(w, writeTimeout)
		if line, err := json.Marshal(v); err != nil {
			return
		} else if _, err := w.Write(append(line, '\n')); err != nil {
			return
		}
	}
}

// remembered yields what a channel has that goes on with what happens. That is recognized by its time, or by the pause before it.
func remembered[T any](ctx context.Context, ch <-chan T, later func(T) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		timer := time.NewTimer(quiet)
		defer timer.Stop()
		for {
			select {
			case v, ok := <-ch:
				if !ok || later(v) || !yield(v) {
					return
				}
				timer.Reset(quiet)
			case <-timer.C:
				return
			case <-ctx.Done():
				return
			case <-ending(ctx):
				return
			}
		}
	}
}

// flow writes server-sent events until the client, the channel or the server ends.
func flow[T any](w http.ResponseWriter, r *request, name string, ch <-chan T, id func(T) string) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	flush := http.NewResponseController(w).Flush
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	if _, err := io.WriteString(w, ":\n\n"); err != nil || flush() != nil {
		return
	}
	for {
		select {
		case v, ok := <-ch:
			if !ok {
				return
			}
			data, err := json.Marshal(v)
			if err != nil {
				return
			}
			extend(w, writeTimeout)
			if id != nil {
				_, _ = fmt.Fprintf(w, "id: %s\n", id(v)) // an error comes back from flush
			}
			_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data)
			if len(ch) > 0 {
				continue // the next one is there: both in one piece
			}
		case <-ticker.C:
			extend(w, writeTimeout)
			_, _ = io.WriteString(w, ":\n\n")
		case <-r.Context().Done():
			return
		case <-ending(r.Context()):
			return
		}
		if flush() != nil {
			return
		}
	}
}
