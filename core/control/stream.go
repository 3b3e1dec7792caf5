package control

import (
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

// pulse is how often a stream shows that it is alive. Writing also finds out that the client is gone.
const pulse = 15 * time.Second

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
	ch := a.m.Events(r.Context(), after)
	if !follow {
		list(w, ch)
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
	ch := a.m.Logs(r.Context(), r.query["module"], last)
	if !follow {
		list(w, ch)
		return nil
	}
	flow(w, r, "line", ch, func(api.LogLine) string { return "" })
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
func list[T any](w http.ResponseWriter, ch <-chan T) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	for v := range remembered(ch) {
		extend(w, writeTimeout)
		if line, err := json.Marshal(v); err != nil {
			return
		} else if _, err := w.Write(append(line, '\n')); err != nil {
			return
		}
	}
}

// remembered returns what a channel has that goes on with what happens.
func remembered[T any](ch <-chan T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			select {
			case v, ok := <-ch:
				if !ok || !yield(v) {
					return
				}
			default:
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
	send := func(v T) bool {
		data, err := json.Marshal(v)
		if err != nil {
			return false
		}
		extend(w, writeTimeout)
		if id := id(v); id != "" {
			_, _ = fmt.Fprintf(w, "id: %s\n", id) // an error comes back from flush
		}
		_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data)
		return err == nil
	}
	for {
		select {
		case v, ok := <-ch:
			if !ok || !send(v) {
				return
			}
			if len(ch) > 0 {
				continue // the next one is there: both in one piece
			}
		case <-ticker.C:
			extend(w, writeTimeout)
			_, _ = io.WriteString(w, ":\n\n")
		case <-r.Context().Done():
			return
		case <-ending(r.Context()):
			for v := range remembered(ch) { // the last ones tell why
				if !send(v) {
					break
				}
			}
			return
		}
		if flush() != nil {
			return
		}
	}
}
