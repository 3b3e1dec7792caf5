package metrics

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Remote shows to Prometheus what a Core in another process has counted. It is a [prometheus.Collector], with the metrics of
// [Core.Collector]. Its methods may be called from any goroutine.
type Remote struct {
	descs descs

	mu        sync.Mutex // guards what follows
	counts    []Count
	durations []Duration
}

// NewRemote returns a Remote that shows nothing yet. process is the value of the label process: "spawner".
func NewRemote(process string) *Remote { return &Remote{descs: describe(process)} }

// Set replaces what is shown: the results of [Core.Counts] and [Core.Durations], of which it keeps copies. When they are none that those
// can return, what was shown before stays and the error says what is wrong.
func (r *Remote) Set(counts []Count, durations []Duration) error {
	if err := checkCounts(counts); err != nil {
		return err
	}
	if err := checkDurations(durations); err != nil {
		return err
	}
	counts, durations = slices.Clone(counts), slices.Clone(durations)
	for i := range durations {
		durations[i].Buckets = slices.Clone(durations[i].Buckets)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts, r.durations = counts, durations
	return nil
}

// Describe implements [prometheus.Collector].
func (r *Remote) Describe(ch chan<- *prometheus.Desc) { r.descs.describe(ch) }

// Collect implements [prometheus.Collector].
func (r *Remote) Collect(ch chan<- prometheus.Metric) {
	r.mu.Lock()
	counts, durations := r.counts, r.durations // replaced, never changed
	r.mu.Unlock()
	r.descs.collect(ch, counts, durations)
}
