package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// metered starts the supervisor with a policy and metrics, and waits until every instance is ready. url is where the metrics are.
func metered(t testing.TB, policy string) (p *program, url string) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp4", "127.0.0.1"))
	p = ready(t, policy, "--metrics", address)
	return p, "http://" + address + "/metrics"
}

// scrape returns the samples that a supervisor shows, by name and labels.
func scrape(t testing.TB, url string) map[string]float64 {
	t.Helper()
	status, text := get(t, url)
	if status != 200 {
		t.Fatalf("%s: %d\n%s", url, status, text)
	}
	out := map[string]float64{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out[line[:at]] = value
	}
	return out
}

// TestMetrics: what the manager and the spawner count is what has happened.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.listener = "backlog: 77"
	w.lines = []string{"restart: {policy: on-failure, delay: 10ms}", "resources: {memory.max: 256M, pids.max: 64}", "best_effort: [resources]"}
	file := writePolicy(t, w.text())
	p, url := metered(t, file)
	before := scrape(t, url)

	if err := unix.Kill(p.status(t).Modules[0].Instances[0].PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.becomes(t, "the service is ready again", func(s api.Status) bool { return allReady(s) && s.Modules[0].Instances[0].Restarts == 1 })
	w = w.next()
	rewrite(t, file, w.text())
	p.reload(t).wants(t, 0)
	after := scrape(t, url)

	for name, want := range map[string][2]float64{
		`bulkhead_spawner_up`:             {1, 1},
		`bulkhead_generation`:             {1, 2},
		`bulkhead_manager_restarts_total`: {0, 0},
		`bulkhead_instance_restarts_total{module="service",replica="0"}`: {0, 1},
		`bulkhead_launch_seconds_count`:                                  {1, 3},
		`bulkhead_launch_seconds_bucket{le="+Inf"}`:                      {1, 3},
		`bulkhead_listener_queue_limit{listener="http"}`:                 {77, 77},
		`bulkhead_listener_queue_length{listener="http"}`:                {0, 0},
		`bulkhead_reloads_total{result="done"}`:                          {0, 1},
		`bulkhead_reloads_total{result="failed"}`:                        {0, 0},
		`bulkhead_module_instances{module="service",state="ready"}`:      {1, 1},
	} {
		was, had := before[name]
		is, has := after[name]
		if !had || !has || was != want[0] || is != want[1] {
			t.Errorf("%s: %v (%t), then %v (%t); want %v", name, was, had, is, has, want)
		}
	}
	if sum := after["bulkhead_launch_seconds_sum"]; sum <= before["bulkhead_launch_seconds_sum"] || sum > 10 {
		t.Errorf("launches took %v s", sum)
	}
	// In the order in which people look for them: op first.
	for _, prefix := range []string{`posix_calls_total{op="accept4",errno="0"`, `posix_calls_total{op="clone3",errno="0",process="spawner"`} {
		was, is := sum(before, prefix), sum(after, prefix)
		if was < 1 || is < was+1 {
			t.Errorf("%s: %v, then %v, after two launches and some requests", prefix, was, is)
		}
	}
	used := slices.DeleteFunc(slices.Collect(maps.Keys(after)), func(name string) bool { return !strings.HasPrefix(name, "bulkhead_cgroup_memory_bytes{") })
	enforced := false
	for _, e := range p.status(t).Modules[0].Enforcement {
		enforced = enforced || e.Name == "memory.max" && e.Level == "enforced"
	}
	switch {
	case enforced && (len(used) != 1 || after[used[0]] < 100_000 || !strings.Contains(used[0], `module="service"`)):
		t.Errorf("memory of its control group: %v", used)
	case !enforced && isRoot():
		t.Errorf("memory.max is not enforced: %+v", p.status(t).Modules[0].Enforcement)
	}
	// Nothing else is served there, and nobody can ask for anything.
	if status, _ := get(t, strings.TrimSuffix(url, "metrics")+"v1/status"); status != 404 {
		t.Errorf("/v1/status of the metrics: %d", status)
	}
	p.stop(t, unix.SIGTERM)
}

// sum adds up the samples whose name begins so.
func sum(samples map[string]float64, prefix string) (n float64) {
	for name, value := range samples {
		if strings.HasPrefix(name, prefix) {
			n += value
		}
	}
	return n
}

// TestMetricsQueue: connections that nobody accepts are seen in the queue of the listener, without the module's help.
func TestMetricsQueue(t *testing.T) {
	t.Parallel()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp4", "127.0.0.1"))
	m := sleeper("deaf", 1)
	m.lines = append(m.lines, "listeners: {http: 3}")
	p, url := metered(t, policy(t, fmt.Sprintf("listeners: {http: {address: %q, backlog: 10}}\n", address), m))
	const waiting = 4
	for range waiting {
		connect(t, address)
	}
	waitFor(t, "four connections in the queue", func() bool { return scrape(t, url)[`bulkhead_listener_queue_length{listener="http"}`] == waiting })
	p.stop(t, unix.SIGTERM)
}
