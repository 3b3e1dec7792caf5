package load

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Result is what became of all requests.
type Result struct {
	Requests    int64            `json:"requests"`
	Answered    int64            `json:"answered"` // as they should be; Requests = Answered + Failed
	Connections int64            `json:"connections"`
	Failures    map[Kind]int64   `json:"failures"`
	Examples    map[Kind]string  `json:"examples"` // the first of each kind
	By          map[string]int64 `json:"by"`       // who answered, how often; answers without the header are under ""
	Elapsed     time.Duration    `json:"elapsed_ns"`

	latency histogram
}

// Failed returns the number of requests that failed, of all kinds.
func (r *Result) Failed() int64 {
	var n int64
	for _, of := range r.Failures {
		n += of
	}
	return n
}

// Latency returns a time within which a part q (0 to 1) of the answered requests was answered, counted from before the connect. 1 is the longest.
func (r *Result) Latency(q float64) time.Duration { return r.latency.quantile(q) }

// Answerers returns who answered, sorted.
func (r *Result) Answerers() []string { return slices.Sorted(maps.Keys(r.By)) }

func newResult() *Result {
	return &Result{Failures: map[Kind]int64{}, Examples: map[Kind]string{}, By: map[string]int64{}}
}

func (r *Result) merge(o *Result) {
	r.Requests += o.Requests
	r.Answered += o.Answered
	r.Connections += o.Connections
	for k, n := range o.Failures {
		r.Failures[k] += n
	}
	for k, e := range o.Examples {
		if _, has := r.Examples[k]; !has {
			r.Examples[k] = e
		}
	}
	for who, n := range o.By {
		r.By[who] += n
	}
	r.latency.merge(&o.latency)
}

func (r *Result) fail(f *failure) {
	r.Failures[f.kind]++
	if _, has := r.Examples[f.kind]; !has {
		r.Examples[f.kind] = f.err.Error()
	}
}

// String returns a few lines for people.
func (r *Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests in %v on %d connections, %d failed; %d answerers\n",
		r.Requests, r.Elapsed.Round(time.Millisecond), r.Connections, r.Failed(), len(r.By))
	fmt.Fprintf(&b, "latency: half %v, 99 %% %v, 99.9 %% %v, longest %v\n", r.Latency(.5), r.Latency(.99), r.Latency(.999), r.Latency(1))
	for _, k := range slices.Sorted(maps.Keys(r.Failures)) {
		fmt.Fprintf(&b, "%s: %d, the first: %s\n", k, r.Failures[k], r.Examples[k])
	}
	return b.String()
}

// MarshalJSON adds the number of failures and the latencies, in seconds.
func (r *Result) MarshalJSON() ([]byte, error) {
	type plain Result
	latency := map[string]float64{}
	for name, q := range map[string]float64{"p50": .5, "p90": .9, "p99": .99, "p999": .999, "max": 1} {
		latency[name] = r.Latency(q).Seconds()
	}
	return json.Marshal(struct {
		*plain
		Failed  int64              `json:"failed"`
		Latency map[string]float64 `json:"latency_seconds"`
	}{(*plain)(r), r.Failed(), latency})
}
