package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulkhead/bulkhead/posix"
)

var (
	callsDesc = prometheus.NewDesc("posix_calls_total",
		`Calls of posix.Core by operation and outcome; errno is "0" for success.`, []string{"op", "errno"}, nil)
	durationDesc = prometheus.NewDesc("posix_call_duration_seconds",
		"Duration of one in 64 calls of posix.Core, blocking included.", []string{"op"}, nil)
)

// collector shows a Core to Prometheus.
type collector struct{ core *Core }

// Collector returns what a Prometheus registry collects from. Two cores cannot be registered in one registry.
func (d *Core) Collector() prometheus.Collector { return collector{d} }

// Describe implements [prometheus.Collector].
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- callsDesc
	ch <- durationDesc
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, op := range posix.Ops() {
		for place, n := range c.core.totals(op) {
			if n > 0 {
				ch <- metric(callsDesc)(prometheus.NewConstMetric(callsDesc, prometheus.CounterValue, float64(n), op.String(), label(place)))
			}
		}
		if count, sum, buckets := c.core.durations[op].snapshot(); count > 0 {
			ch <- metric(durationDesc)(prometheus.NewConstHistogram(durationDesc, count, sum, buckets, op.String()))
		}
	}
}

// metric makes a metric that reports its error of one that could not be made.
func metric(desc *prometheus.Desc) func(prometheus.Metric, error) prometheus.Metric {
	return func(m prometheus.Metric, err error) prometheus.Metric {
		if err != nil {
			return prometheus.NewInvalidMetric(desc, err)
		}
		return m
	}
}

// totals returns the calls of an operation, all shards together, by place: 0 is success.
func (d *Core) totals(op posix.Op) [errnos + 1]uint64 {
	var sum [errnos + 1]uint64
	for i := range d.shards {
		c := &d.shards[i].cells[op]
		sum[0] += c.ok.Load()
		if f := c.failed.Load(); f != nil {
			for place := 1; place < len(f.by); place++ {
				sum[place] += f.by[place].Load()
			}
		}
	}
	return sum
}
