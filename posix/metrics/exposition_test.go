package metrics

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/bulkhead/bulkhead/posix"
)

// registered returns a registry of collectors.
func registered(t *testing.T, collectors ...prometheus.Collector) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	for _, c := range collectors {
		if err := r.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// text is what a gatherer has, as a scrape gets it.
func text(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func shown(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	return text(t, OpFirst(registered(t, c)))
}

// The two processes of a supervisor in one registry: the lines are what an operator greps for, over HTTP too.
func TestProcessesTogether(t *testing.T) {
	spawner := New(&answering{err: syscall.EAGAIN})
	_ = spawner.Close(3)
	_, _ = spawner.Read(3, nil)
	remote := NewRemote("spawner")
	durations := spawner.Durations()
	durations[1].Sum, durations[1].Buckets = 1500*time.Nanosecond, []Bucket{{250, 0}, {2500, 1}}
	if err := remote.Set(spawner.Counts(), durations[1:]); err != nil {
		t.Fatal(err)
	}
	own := New(&answering{})
	_ = own.Close(3)
	_ = own.Close(3)
	other := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zz_other_total", Help: "Something else."}, []string{"a", "op", "z"})
	other.WithLabelValues("1", "2", "3").Inc()
	registry := registered(t, own.Collector("manager"), remote, other)

	const wantCalls = `# HELP posix_calls_total Calls of posix.Core by operation and outcome; errno is "0" for success.
# TYPE posix_calls_total counter
posix_calls_total{op="close",errno="0",process="manager"} 2
posix_calls_total{op="close",errno="0",process="spawner"} 1
posix_calls_total{op="read",errno="EAGAIN",process="spawner"} 1
`
	const wantRead = `posix_call_duration_seconds_bucket{op="read",process="spawner",le="2.5e-07"} 0
posix_call_duration_seconds_bucket{op="read",process="spawner",le="2.5e-06"} 1
posix_call_duration_seconds_bucket{op="read",process="spawner",le="+Inf"} 1
posix_call_duration_seconds_sum{op="read",process="spawner"} 1.5e-06
posix_call_duration_seconds_count{op="read",process="spawner"} 1
`
	const wantOther = `zz_other_total{op="2",a="1",z="3"} 1
`
	direct := text(t, OpFirst(registry))
	response := httptest.NewRecorder()
	promhttp.HandlerFor(OpFirst(registry), promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).
		ServeHTTP(response, httptest.NewRequest("GET", "/metrics", nil))
	if response.Code != 200 {
		t.Fatalf("status %d: %s", response.Code, response.Body)
	}
	merged := text(t, OpFirst(prometheus.Gatherers{registry}))
	for name, got := range map[string]string{"text": direct, "HTTP": response.Body.String(), "merged": merged} {
		for _, want := range []string{wantCalls, wantRead, wantOther} {
			// The order of the lines of one metric is no business of ours.
			for line := range strings.Lines(want) {
				if !strings.Contains(got, line) {
					t.Errorf("%s: no line %sin\n%s", name, line, got)
				}
			}
		}
		var parser expfmt.TextParser
		if name == "text" {
			parser = expfmt.NewTextParser(2) // UTF-8 names
			if families, err := parser.TextToMetricFamilies(strings.NewReader(got)); err != nil || len(families) != 3 {
				t.Errorf("%d families are parsed, %v", len(families), err)
			}
		}
	}
	// The metrics of others are not changed in their own registry.
	if got := text(t, registry); !strings.Contains(got, `zz_other_total{a="1",op="2",z="3"} 1`) {
		t.Errorf("the registry itself has lost its order:\n%s", got)
	}
	problems, err := testutil.GatherAndLint(OpFirst(registry))
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

// Without a name there is no label, and two of the same name do not go together.
func TestProcessLabel(t *testing.T) {
	core := New(&answering{})
	_ = core.Close(3)
	if got := shown(t, core.Collector("")); !strings.Contains(got, "posix_calls_total{op=\"close\",errno=\"0\"} 1\n") {
		t.Errorf("without a name:\n%s", got)
	}
	r := registered(t, core.Collector("manager"))
	var twice prometheus.AlreadyRegisteredError
	if err := r.Register(NewRemote("manager")); !errors.As(err, &twice) {
		t.Errorf("the same process twice: %v", err)
	}
}

// What could be gathered is shown although something could not, and the error is passed on.
func TestOpFirstPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	core := New(&answering{})
	_ = core.Close(3)
	registry := registered(t, core.Collector("manager"))
	families, err := OpFirst(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, _ := registry.Gather()
		return families, broken
	})).Gather()
	if !errors.Is(err, broken) || len(families) != 2 || families[1].Metric[0].Label[0].GetName() != "op" {
		t.Errorf("%v, %v", families, err)
	}
}

// Set and Collect meet: every scrape sees one state, not parts of two.
func TestRemoteConcurrently(t *testing.T) {
	r := NewRemote("spawner")
	registry := registered(t, r)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for n := uint64(1); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := r.Set([]Count{{posix.OpRead, 0, n}, {posix.OpWrite, 0, n}}, []Duration{{Op: posix.OpRead, Count: n}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		families, err := registry.Gather()
		if err != nil {
			t.Error(err)
		}
		i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == "posix_calls_total" })
		if i < 0 {
			continue // nothing is set yet
		}
		if m := families[i].Metric; len(m) != 2 || m[0].Counter.GetValue() != m[1].Counter.GetValue() {
			t.Errorf("parts of two states: %v", m)
		}
	}
	close(stop)
	wg.Wait()
}
