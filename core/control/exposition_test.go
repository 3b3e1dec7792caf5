package control

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/metrics"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

func someStats(context.Context) (wire.Stats, error) {
	return wire.Stats{
		Launches: wire.Histogram{Count: 3, Sum: 40 * time.Millisecond, Buckets: []wire.Bucket{{Le: 10 * time.Millisecond, N: 1}, {Le: 100 * time.Millisecond, N: 3}}},
		Usage: []wire.Usage{
			{Instance: 9, MemoryBytes: 4096, CPUMicros: 2_500_000, Processes: 3, OOMKills: 1, ForksRefused: ^uint64(0),
				MemoryPeak: 8192, SwapBytes: 512, Throttled: 1_500_000, Pressure: []wire.Pressure{{Resource: "memory", Kind: "some", Micros: 250_000}},
				Disks: []wire.DiskUsage{{Device: "8:0", ReadBytes: 12, WrittenBytes: 34, Reads: 5, Writes: 6}}},
			{Instance: 7, MemoryBytes: 1, CPUMicros: 1, Processes: 1, ForksRefused: 2},
			{Instance: 555, MemoryBytes: 77777}, // has ended
		},
		Queues: []wire.Queue{{Listener: "http", Length: 5, Limit: 511}},
		Parts:  []wire.CallDuration{{Op: "sandbox", Histogram: wire.Histogram{Count: 2, Sum: 3 * time.Millisecond, Buckets: []wire.Bucket{{Le: time.Millisecond, N: 1}}}}},
	}, nil
}

func scrape(t *testing.T, x *Exposition) string {
	t.Helper()
	_, paths := serve(t, mine(), Listener{Handler: x.Handler(), Access: Anybody})
	status, header, body := exchange(t, browser(t, paths[0]), newRequest(t, "GET", "/metrics", "", ""))
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Fatalf("status %d, %v: %s", status, header, body)
	}
	return body
}

func TestMetrics(t *testing.T) {
	own := metrics.New(linux.New())
	own.Getuid()
	m := &fakeManager{status: twoModules(), stats: someStats}
	x := Metrics(m, MetricsOptions{Own: own.Collector("manager")})
	x.count(numbered(1, "reload.refused"))
	x.count(numbered(2, "reload.done"))
	x.count(numbered(3, "reload.done"))
	x.count(numbered(4, "reload.started"))
	body := scrape(t, x)
	for _, want := range []string{
		`bulkhead_build_info{goversion="go1.`, `version="1.2.3"} 1`,
		"bulkhead_generation 3", "bulkhead_spawner_up 1", "bulkhead_manager_restarts_total 2", "bulkhead_last_reload_successful 1",
		`bulkhead_reloads_total{result="done"} 2`, `bulkhead_reloads_total{result="refused"} 1`, `bulkhead_reloads_total{result="failed"} 0`,
		`bulkhead_module_instances{module="web",state="ready"} 2`, `bulkhead_module_instances{module="web",state="draining"} 1`, `bulkhead_module_instances{module="api",state="held"} 1`,
		`bulkhead_instance_restarts_total{module="web",replica="0"} 4`, `bulkhead_instance_restarts_total{module="web",replica="1"} 0`,
		`bulkhead_launch_seconds_bucket{le="0.01"} 1`, `bulkhead_launch_seconds_bucket{le="+Inf"} 3`, "bulkhead_launch_seconds_sum 0.04", "bulkhead_launch_seconds_count 3",
		`bulkhead_launch_part_seconds_bucket{part="sandbox",le="0.001"} 1`, `bulkhead_launch_part_seconds_sum{part="sandbox"} 0.003`, `bulkhead_launch_part_seconds_count{part="sandbox"} 2`,
		`bulkhead_cgroup_memory_bytes{instance="9",module="web",replica="0"} 4096`, `bulkhead_cgroup_cpu_seconds_total{instance="9",module="web",replica="0"} 2.5`,
		`bulkhead_cgroup_processes{instance="9",module="web",replica="0"} 3`, `bulkhead_cgroup_oom_kills_total{instance="9",module="web",replica="0"} 1`,
		`bulkhead_cgroup_forks_refused_total{instance="7",module="web",replica="0"} 2`,
		`bulkhead_cgroup_memory_peak_bytes{instance="9",module="web",replica="0"} 8192`, `bulkhead_cgroup_swap_bytes{instance="9",module="web",replica="0"} 512`,
		`bulkhead_cgroup_cpu_throttled_seconds_total{instance="9",module="web",replica="0"} 1.5`,
		`bulkhead_cgroup_pressure_seconds_total{instance="9",kind="some",module="web",replica="0",resource="memory"} 0.25`,
		`bulkhead_cgroup_io_bytes_total{device="8:0",instance="9",module="web",operation="read",replica="0"} 12`,
		`bulkhead_cgroup_io_bytes_total{device="8:0",instance="9",module="web",operation="write",replica="0"} 34`,
		`bulkhead_cgroup_io_requests_total{device="8:0",instance="9",module="web",operation="read",replica="0"} 5`,
		`bulkhead_cgroup_io_requests_total{device="8:0",instance="9",module="web",operation="write",replica="0"} 6`,
		`bulkhead_listener_queue_length{listener="http"} 5`, `bulkhead_listener_queue_limit{listener="http"} 511`, `bulkhead_listener_healed_total{listener="http"} 1`,
		`posix_calls_total{errno="0",op="getuid",process="manager"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("there is no %s", want)
		}
	}
	for _, not := range []string{"77777", `cgroup_forks_refused_total{instance="9"`, "1.8446744"} {
		if strings.Contains(body, not) {
			t.Errorf("there is %s", not)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

func TestMetricsLint(t *testing.T) {
	for name, stats := range map[string]func(context.Context) (wire.Stats, error){"all": someStats, "no spawner": nil} {
		x := Metrics(&fakeManager{status: twoModules(), stats: stats}, MetricsOptions{Own: metrics.New(linux.New()).Collector("manager")})
		problems, err := testutil.GatherAndLint(x.gatherer(t.Context()))
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %v", name, problems, err)
		}
	}
}

// TestMetricsParts: the other process's counters come along, and the order is the caller's.
func TestMetricsParts(t *testing.T) {
	own := metrics.New(linux.New())
	own.Getuid()
	r := remoteCalls{metrics.NewRemote("spawner")}
	x := Metrics(&fakeManager{stats: someStats}, MetricsOptions{Own: own.Collector("manager"), Remote: r, Order: metrics.OpFirst})
	body := scrape(t, x)
	for _, want := range []string{`posix_calls_total{op="clone3",errno="0",process="spawner"} 3`, `posix_calls_total{op="getuid",errno="0",process="manager"} 1`} {
		if !strings.Contains(body, want) {
			t.Errorf("there is no %s:\n%s", want, body)
		}
	}
}

// remoteCalls shows as many calls of clone3 as there were launches.
type remoteCalls struct{ *metrics.Remote }

func (r remoteCalls) Show(s wire.Stats) error {
	op, ok := posix.OpByName("clone3")
	if !ok {
		return errors.New("there is no clone3")
	}
	return r.Set([]metrics.Count{{Op: op, N: s.Launches.Count}}, nil)
}

// TestMetricsWithoutSpawner: what the manager knows is there, within the time that a scrape has.
func TestMetricsWithoutSpawner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeManager{status: twoModules(), stats: func(ctx context.Context) (wire.Stats, error) {
			<-ctx.Done()
			return wire.Stats{}, ctx.Err()
		}}
		start := time.Now()
		x := Metrics(m, MetricsOptions{})
		w := &recorder{header: http.Header{}}
		r, err := http.NewRequestWithContext(t.Context(), "GET", "/metrics", nil)
		must(t, err)
		x.Handler().ServeHTTP(w, r)
		if took := time.Since(start); took != statsTimeout {
			t.Errorf("it took %v", took)
		}
		for _, want := range []string{"bulkhead_spawner_up 0", "bulkhead_generation 3", `bulkhead_instance_restarts_total{module="api",replica="0"} 5`} {
			if !strings.Contains(w.String(), want) {
				t.Errorf("there is no %s:\n%s", want, w)
			}
		}
		if strings.Contains(w.String(), "launch_seconds") {
			t.Error("it shows launches that nobody told of")
		}
	})
}

type recorder struct {
	header http.Header
	status int
	strings.Builder
}

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }

func TestTooManyScrapes(t *testing.T) {
	inside, finish := make(chan struct{}), make(chan struct{})
	x := Metrics(&fakeManager{stats: func(context.Context) (wire.Stats, error) {
		inside <- struct{}{}
		<-finish
		return wire.Stats{}, errors.New("late")
	}}, MetricsOptions{})
	_, paths := serve(t, mine(), Listener{Handler: x.Handler(), Access: Anybody})
	client := browser(t, paths[0])
	done := make(chan error)
	for range maxScrapes {
		req := newRequest(t, "GET", "/metrics", "", "")
		go func() {
			resp, err := client.Do(req)
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				err = resp.Body.Close()
			}
			done <- err
		}()
	}
	for range maxScrapes {
		<-inside
	}
	status, _, body := exchange(t, client, newRequest(t, "GET", "/metrics", "", ""))
	if refusalOf(t, body); status != http.StatusServiceUnavailable {
		t.Errorf("scrape %d: status %d", maxScrapes+1, status)
	}
	close(finish)
	for range maxScrapes {
		must(t, <-done)
	}
}

func TestCountReloads(t *testing.T) {
	m := &fakeManager{}
	m.events.past = []api.Event{numbered(1, "reload.done"), numbered(2, "reload.refused")}
	x := Metrics(m, MetricsOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { x.Count(ctx); close(ended) }()
	counted := func(done, refused uint64) func() bool {
		return func() bool {
			x.mu.Lock()
			defer x.mu.Unlock()
			return x.reloads["done"] == done && x.reloads["refused"] == refused
		}
	}
	eventually(t, "the count of what was before", counted(1, 1))
	m.events.publish(numbered(3, "reload.done"))
	eventually(t, "the next", counted(2, 1))
	m.events.cut() // it was too slow: it goes on behind the last that it counted
	m.events.publish(numbered(4, "reload.refused"))
	eventually(t, "what came after a cut", counted(2, 2))
	cancel()
	<-ended
}
