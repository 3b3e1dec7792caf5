package control

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

const (
	statsTimeout = 2 * time.Second // for the spawner's counters; without them a scrape shows what the manager has
	maxScrapes   = 4               // at a time
)

// MetricsOptions are the parts of an exposition that are not about the manager. The zero value leaves them out.
type MetricsOptions struct {
	// Own collects what this process has asked the kernel for.
	Own prometheus.Collector
	// Remote collects what the spawner has asked the kernel for.
	Remote Remote
	// Order changes how what was gathered is shown: the order of labels.
	Order func(prometheus.Gatherer) prometheus.Gatherer
	// Log takes what goes wrong while metrics are gathered. nil discards it.
	Log *slog.Logger
}

// Remote collects what another process has counted.
type Remote interface {
	prometheus.Collector
	// Show replaces what is collected. An error says that these are no such counts.
	Show(wire.Stats) error
}

// Exposition serves the metrics of a manager as Prometheus's text.
type Exposition struct {
	m      Manager
	o      MetricsOptions
	places chan struct{}

	mu      sync.Mutex // guards what follows
	reloads map[string]uint64
	last    string // ID of the last event that was counted
}

// Metrics returns an exposition. Reloads are counted while [Exposition.Count] runs.
func Metrics(m Manager, o MetricsOptions) *Exposition {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Exposition{m: m, o: o, places: make(chan struct{}, maxScrapes), reloads: map[string]uint64{}}
}

// Handler serves GET /metrics and nothing else: for a socket that anybody can connect to.
func (x *Exposition) Handler() http.Handler {
	return router{{method: "GET", path: "/metrics", serve: func(w http.ResponseWriter, r *request) *Error {
		x.ServeHTTP(w, r.Request)
		return nil
	}}}
}

// ServeHTTP implements [http.Handler]: whatever is asked for, it answers with the metrics.
func (x *Exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case x.places <- struct{}{}:
		defer func() { <-x.places }()
	default:
		w.Header().Set("Retry-After", "1")
		refuse(http.StatusServiceUnavailable, codeBusy, "scrape less often", "%d scrapes are being answered", maxScrapes).write(w)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), statsTimeout)
	defer cancel()
	g := x.gatherer(ctx)
	extend(w, writeTimeout)
	promhttp.HandlerFor(g, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(x.o.Log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError,
	}).ServeHTTP(w, r)
}

// gatherer returns the metrics of one moment.
func (x *Exposition) gatherer(ctx context.Context) prometheus.Gatherer {
	stats, err := x.m.Stats(ctx)
	x.mu.Lock()
	reloads := make(map[string]uint64, len(x.reloads))
	for result, n := range x.reloads {
		reloads[result] = n
	}
	x.mu.Unlock()
	reg := prometheus.NewRegistry()
	x.register(reg, reading{status: x.m.Status(), stats: stats, up: err == nil, reloads: reloads})
	if x.o.Own != nil {
		x.register(reg, x.o.Own)
	}
	if x.o.Remote != nil && err == nil {
		if err := x.o.Remote.Show(stats); err != nil {
			x.o.Log.Warn("show the spawner's counters", "error", err)
		}
		x.register(reg, x.o.Remote)
	}
	if x.o.Order == nil {
		return reg
	}
	return x.o.Order(reg)
}

func (x *Exposition) register(to prometheus.Registerer, c prometheus.Collector) {
	if err := to.Register(c); err != nil {
		x.o.Log.Error("a bug in the metrics; please report it", "error", err)
	}
}

// Count counts reloads until ctx is done or the manager ends.
func (x *Exposition) Count(ctx context.Context) {
	for ctx.Err() == nil {
		x.mu.Lock()
		after := x.last
		x.mu.Unlock()
		ended := true
		for e := range x.m.Events(ctx, after) {
			ended = false
			x.count(e)
		}
		if ended {
			return // closed without an event: there is nobody any more
		}
	}
}

func (x *Exposition) count(e api.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e.ID != "" {
		x.last = e.ID
	}
	if result, ok := reloadResults[e.Kind]; ok {
		x.reloads[result]++
	}
}
