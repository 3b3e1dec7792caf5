package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulkhead/bulkhead/posix"
)

// descs are the metrics of one process.
type descs struct{ calls, durations *prometheus.Desc }

// describe returns the metrics of a process, without the label when it has no name.
func describe(process string) descs {
	var constant prometheus.Labels
	if process != "" {
		constant = prometheus.Labels{"process": process}
	}
	return descs{
		calls: prometheus.NewDesc("posix_calls_total",
			`Calls of posix.Core by operation and outcome; errno is "0" for success.`, []string{"op", "errno"}, constant),
		durations: prometheus.NewDesc("posix_call_duration_seconds",
			"Duration of one in 64 calls of posix.Core, blocking included.", []string{"op"}, constant),
	}
}

func (d descs) describe(ch chan<- *prometheus.Desc) {
	ch <- d.calls
	ch <- d.durations
}

func (d descs) collect(ch chan<- prometheus.Metric, counts []Count, durations []Duration) {
	for _, c := range counts {
		ch <- metric(d.calls)(prometheus.NewConstMetric(d.calls, prometheus.CounterValue, float64(c.N), c.Op.String(), label(int(c.Errno))))
	}
	for _, h := range durations {
		buckets := make(map[float64]uint64, len(h.Buckets))
		for _, b := range h.Buckets {
			buckets[b.Bound.Seconds()] = b.Count
		}
		ch <- metric(d.durations)(prometheus.NewConstHistogram(d.durations, h.Count, h.Sum.Seconds(), buckets, h.Op.String()))
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

// collector shows a Core to Prometheus.
type collector struct {
	core  *Core
	descs descs
}

// Collector returns what a Prometheus registry collects from. process is the value of the label process, which tells processes apart
// that are shown together ("manager"); when it is empty there is no such label. Two of the same process cannot be registered in one registry.
func (d *Core) Collector(process string) prometheus.Collector { return collector{d, describe(process)} }

// Describe implements [prometheus.Collector].
func (c collector) Describe(ch chan<- *prometheus.Desc) { c.descs.describe(ch) }

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) {
	c.descs.collect(ch, c.core.Counts(), c.core.Durations())
}

// totals returns the calls of an operation, all shards together, by place: 0 is success.
func (d *Core) totals(op posix.Op) [errnos + 1]uint64 {
	var sum [errnos + 1]uint64
	for i := range d.shards {
		d.shards[i].cells[op].addTo(&sum)
	}
	d.rest.cells[op].addTo(&sum)
	return sum
}

// addTo adds what was counted to sum.
func (c *cell) addTo(sum *[errnos + 1]uint64) {
	sum[0] += c.ok.Load()
	if f := c.failed.Load(); f != nil {
		for place := 1; place < len(f.by); place++ {
			sum[place] += f.by[place].Load()
		}
	}
}
