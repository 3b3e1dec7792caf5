package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// OpFirst returns a gatherer of the same metrics in which the label op comes first, as a reader looks for it:
//
//	posix_calls_total{op="accept4",errno="0",process="spawner"} 7
//
// Prometheus sorts labels by name when it gathers, and prints them as they were gathered; to a server their order means nothing. OpFirst is
// to be the outermost gatherer: prometheus.Gatherers sorts again.
func OpFirst(g prometheus.Gatherer) prometheus.Gatherer { return opFirst{g} }

type opFirst struct{ gatherer prometheus.Gatherer }

// Gather implements [prometheus.Gatherer]. What was gathered is returned with an error as well, as that interface has it.
func (o opFirst) Gather() ([]*dto.MetricFamily, error) {
	families, err := o.gatherer.Gather()
	for _, family := range families {
		for _, m := range family.Metric {
			i := slices.IndexFunc(m.Label, func(l *dto.LabelPair) bool { return l.GetName() == "op" })
			if i > 0 { // a new slice: the old one may belong to the metric, which is gathered again
				m.Label = slices.Concat(m.Label[i:i+1], m.Label[:i], m.Label[i+1:])
			}
		}
	}
	return families, err
}
