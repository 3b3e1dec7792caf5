package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bulkhead/bulkhead/core/api"
)

// patience is how long a request waits for the ones before it.
const patience = 3 * time.Second

// handler answers requests. The attempts of one request are made before those of the next: they are about the whole process.
type handler struct {
	content
	turn chan struct{}
}

// content is what the pages are made of.
type content struct {
	look func() Confinement
	// ask tells what the supervisor says of this instance; nil when the policy gives no socket for that.
	ask func() (api.Self, error)
	// misdeeds is what the buttons do; nil without buttons.
	misdeeds *misbehaviour
}

func newHandler(c content) http.Handler {
	h := &handler{content: c, turn: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.page)
	mux.HandleFunc("GET /confinement.json", h.data)
	if c.ask != nil {
		mux.HandleFunc("GET /life.json", h.life)
	}
	if c.misdeeds != nil {
		mux.Handle("POST /misbehave/{what}", c.misdeeds)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return mux
}

// inTurn looks when the requests before this one have. It returns false when the answer is given already.
func (h *handler) inTurn(w http.ResponseWriter, r *http.Request) (Confinement, bool) {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
		return h.look(), true
	case <-late.C:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "busy; ask again", http.StatusServiceUnavailable)
	case <-r.Context().Done():
	}
	return Confinement{}, false
}

func (h *handler) page(w http.ResponseWriter, r *http.Request) {
	c, ok := h.inTurn(w, r)
	if !ok {
		return
	}
	v := view{Confinement: c, Live: r.URL.Query().Has("live")}
	if h.ask != nil {
		v.Life = &lifeView{}
		if v.Life.Self, v.Life.Err = h.ask(); v.Life.Err == nil {
			slices.Reverse(v.Life.Self.Events) // the newest first, for who reads
		}
	}
	if h.misdeeds != nil {
		v.Misdeeds = h.misdeeds.deeds
	}
	var b bytes.Buffer
	if err := pageTemplate().Execute(&b, v); err != nil {
		http.Error(w, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	head(w, "text/html; charset=utf-8")
	_, _ = b.WriteTo(w)
}

func (h *handler) data(w http.ResponseWriter, r *http.Request) {
	c, ok := h.inTurn(w, r)
	if !ok {
		return
	}
	writeJSON(w, c)
}

// life passes on what the supervisor says of this instance.
func (h *handler) life(w http.ResponseWriter, _ *http.Request) {
	self, err := h.ask()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	writeJSON(w, self)
}

func writeJSON(w http.ResponseWriter, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "the data cannot be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	head(w, "application/json")
	_, _ = w.Write(append(text, '\n'))
}

// head sets what every answer with content has: it is of this moment, and it needs nothing from elsewhere.
func head(w http.ResponseWriter, kind string) {
	for name, value := range map[string]string{
		"Content-Type":            kind,
		"Cache-Control":           "no-store",
		"Content-Security-Policy": contentPolicy(),
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "same-origin", // with none the page's own buttons would come with "Origin: null"
	} {
		w.Header().Set(name, value)
	}
}

// logged writes a line for each request.
func logged(out io.Writer, next http.Handler) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		counted := &countedWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(counted, r)
		mu.Lock()
		defer mu.Unlock()
		// %q: what a client sends must not be able to write lines of its own.
		fmt.Fprintf(out, "%s %s %q %d %dB %s\n", r.RemoteAddr, r.Method, r.URL.RequestURI(), counted.status, counted.written,
			time.Since(start).Round(10*time.Microsecond))
	})
}

// countedWriter remembers what was answered.
type countedWriter struct {
	http.ResponseWriter
	status, written int
}

func (w *countedWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *countedWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.written += n
	return n, err
}
