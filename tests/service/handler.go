package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// mostBody is how much a request may send, in bytes.
const mostBody = 1 << 20

// handler answers what doc.go lists.
func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	text := func(pattern, answer string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { say(w, answer+"\n") })
	}
	text("GET /pid", s.pid)
	text("GET /instance", s.instance)
	text("GET /version", s.version)
	text("GET /healthz", "ok")
	mux.HandleFunc("POST /echo", echo)
	mux.HandleFunc("GET /slow", slow)
	mux.HandleFunc("GET /sockets", s.listSockets)
	mux.HandleFunc("POST /misbehave", s.misbehave)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Pid", s.pid)
		h.Set("X-Instance", s.instance)
		h.Set("X-Version", s.version)
		mux.ServeHTTP(w, r)
	})
}

func say(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = io.WriteString(w, text) // the client may have gone
}

// body reads what a request sends, and answers for itself when it cannot.
func body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		status := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, err.Error(), status)
		return nil, false
	}
	return b, true
}

func echo(w http.ResponseWriter, r *http.Request) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) // the client may have gone
}

func slow(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.URL.Query().Get("for"))
	if err != nil {
		http.Error(w, "for: "+err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(d):
		say(w, "ok\n")
	case <-r.Context().Done():
	}
}

func (s *service) listSockets(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.sockets) // the client may have gone
}

// misbehave does a deed. The answer comes first when the deed leaves nobody to give it.
func (s *service) misbehave(w http.ResponseWriter, r *http.Request) {
	b, ok := body(w, r)
	if !ok {
		return
	}
	d, err := parseDeed(string(b))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if d.kind.last {
		say(w, "about to "+d.text+"\n")
		_ = http.NewResponseController(w).Flush() // the client may have gone
		if err := s.do(d); err != nil {
			s.log.Printf("%s: %v", d.text, err)
		}
		return
	}
	if err := s.do(d); err != nil {
		http.Error(w, d.text+": "+err.Error(), http.StatusInternalServerError)
		return
	}
	say(w, "done: "+d.text+"\n")
}
