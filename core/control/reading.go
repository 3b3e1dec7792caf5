package control

import (
	"runtime"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/machine"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// reloadResults are the kinds of events that end a reload, with the label of the counter.
var reloadResults = map[string]string{machine.KindReloadDone: "done", machine.KindReloadRefused: "refused", machine.KindReloadFailed: "failed"}

// reading is what a scrape shows.
type reading struct {
	status  api.Status
	stats   wire.Stats
	up      bool // stats are there
	reloads map[string]uint64
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bulkhead_"+name, help, labels, nil)
}

var (
	buildDesc      = describe("build_info", "Always 1; the labels say what runs.", "version", "goversion")
	generationDesc = describe("generation", "The configuration that is in force.")
	spawnerDesc    = describe("spawner_up", "1 when the spawner answered this scrape; 0 when its counters are missing from it.")
	managerDesc    = describe("manager_restarts_total", "How often the manager was started again.")
	reloadsDesc    = describe("reloads_total", "Reloads since the manager was started, by how they ended.", "result")
	reloadedDesc   = describe("last_reload_successful", "1 when the last reload was brought in; missing before the first one.")
	instancesDesc  = describe("module_instances", "Instances of a module by their state.", "module", "state")
	restartsDesc   = describe("instance_restarts_total", "Restarts by the restart policy.", "module", "replica")
	launchDesc     = describe("launch_seconds", "From the request to start an instance to its first instruction.")
	partDesc       = describe("launch_part_seconds", "A part of that: streams, queue, prepare, sandbox, cgroup, process. What was made ahead is not counted.", "part")
	memoryDesc     = describe("cgroup_memory_bytes", "Memory that the control group of an instance uses.", "module", "replica", "instance")
	cpuDesc        = describe("cgroup_cpu_seconds_total", "Processor time that the control group of an instance has used.", "module", "replica", "instance")
	processesDesc  = describe("cgroup_processes", "Processes and threads in the control group of an instance.", "module", "replica", "instance")
	oomDesc        = describe("cgroup_oom_kills_total", "Processes of an instance that were killed because its memory was used up.", "module", "replica", "instance")
	forksDesc      = describe("cgroup_forks_refused_total", "Processes that an instance could not start because it has too many.", "module", "replica", "instance")
	peakDesc       = describe("cgroup_memory_peak_bytes", "The most memory that the control group of an instance has used.", "module", "replica", "instance")
	swapDesc       = describe("cgroup_swap_bytes", "Swap that the control group of an instance uses.", "module", "replica", "instance")
	throttledDesc  = describe("cgroup_cpu_throttled_seconds_total", "How long an instance waited because of cpu.max.", "module", "replica", "instance")
	pressureDesc   = describe("cgroup_pressure_seconds_total", "How long some or all tasks of an instance waited for a resource.",
		"module", "replica", "instance", "resource", "kind")
	diskBytesDesc = describe("cgroup_io_bytes_total", "Bytes that an instance has read from a disk or written to it.",
		"module", "replica", "instance", "device", "operation")
	diskRequestsDesc = describe("cgroup_io_requests_total", "Requests of an instance to read from a disk or to write to it.",
		"module", "replica", "instance", "device", "operation")
	queueDesc  = describe("listener_queue_length", "Connections that wait to be accepted.", "listener")
	limitDesc  = describe("listener_queue_limit", "How many connections can wait to be accepted.", "listener")
	healedDesc = describe("listener_healed_total", "How often a listener was brought back after a module had shut it down.", "listener")
)

// Describe implements [prometheus.Collector].
func (g reading) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{buildDesc, generationDesc, spawnerDesc, managerDesc, reloadsDesc, reloadedDesc, instancesDesc, restartsDesc, launchDesc, partDesc,
		memoryDesc, cpuDesc, processesDesc, oomDesc, forksDesc, peakDesc, swapDesc, throttledDesc, pressureDesc, diskBytesDesc, diskRequestsDesc, queueDesc, limitDesc, healedDesc} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (g reading) Collect(ch chan<- prometheus.Metric) {
	s := sink{ch}
	s.gauge(buildDesc, 1, g.status.Version, runtime.Version())
	s.gauge(generationDesc, float64(g.status.Generation))
	s.gauge(spawnerDesc, truth(g.up))
	s.counter(managerDesc, float64(g.status.Manager.Restarts))
	for _, result := range reloadResults {
		s.counter(reloadsDesc, float64(g.reloads[result]), result)
	}
	if r := g.status.LastReload; r != nil {
		s.gauge(reloadedDesc, truth(r.OK))
	}
	places := g.modules(s)
	for _, l := range g.status.Listeners {
		s.counter(healedDesc, float64(l.Healed), l.Name)
	}
	if g.up {
		g.spawner(s, places)
	}
}

// place is where an instance stands.
type place struct{ module, replica string }

// modules shows the modules and returns the places of the instances that run.
func (g reading) modules(s sink) map[wire.InstanceID]place {
	places := map[wire.InstanceID]place{}
	for _, m := range g.status.Modules {
		states := map[string]int{}
		restarts := map[string]int{} // while one instance replaces another both tell the number of their place
		for _, i := range m.Instances {
			p := place{m.Name, strconv.Itoa(i.Replica)}
			states[i.State]++
			restarts[p.replica] = max(restarts[p.replica], i.Restarts)
			if i.ID != 0 {
				places[wire.InstanceID(i.ID)] = p
			}
		}
		for state, n := range states {
			s.gauge(instancesDesc, float64(n), m.Name, state)
		}
		for replica, n := range restarts {
			s.counter(restartsDesc, float64(n), m.Name, replica)
		}
	}
	return places
}

// spawner shows what the spawner has counted and read.
func (g reading) spawner(s sink, places map[wire.InstanceID]place) {
	histogram := func(desc *prometheus.Desc, h wire.Histogram, labels ...string) {
		buckets := make(map[float64]uint64, len(h.Buckets))
		for _, b := range h.Buckets {
			buckets[b.Le.Seconds()] = b.N
		}
		s.send(desc)(prometheus.NewConstHistogram(desc, h.Count, h.Sum.Seconds(), buckets, labels...))
	}
	histogram(launchDesc, g.stats.Launches)
	for _, p := range g.stats.Parts {
		histogram(partDesc, p.Histogram, p.Op)
	}
	const perSecond = 1e6
	for _, u := range g.stats.Usage {
		p, ok := places[u.Instance]
		if !ok {
			continue // it has ended since
		}
		labels := []string{p.module, p.replica, strconv.FormatUint(uint64(u.Instance), 10)}
		for _, v := range []struct {
			show  func(*prometheus.Desc, float64, ...string)
			desc  *prometheus.Desc
			value uint64
			unit  float64
		}{
			{s.gauge, memoryDesc, u.MemoryBytes, 1}, {s.counter, cpuDesc, u.CPUMicros, perSecond}, {s.gauge, processesDesc, u.Processes, 1},
			{s.counter, oomDesc, u.OOMKills, 1}, {s.counter, forksDesc, u.ForksRefused, 1},
			{s.gauge, peakDesc, u.MemoryPeak, 1}, {s.gauge, swapDesc, u.SwapBytes, 1}, {s.counter, throttledDesc, u.Throttled, perSecond},
		} {
			if v.value != ^uint64(0) {
				v.show(v.desc, float64(v.value)/v.unit, labels...)
			}
		}
		for _, p := range u.Pressure {
			s.counter(pressureDesc, float64(p.Micros)/perSecond, append(labels[:3:3], p.Resource, p.Kind)...)
		}
		for _, d := range u.Disks {
			for _, v := range []struct {
				desc      *prometheus.Desc
				value     uint64
				operation string
			}{{diskBytesDesc, d.ReadBytes, "read"}, {diskBytesDesc, d.WrittenBytes, "write"}, {diskRequestsDesc, d.Reads, "read"}, {diskRequestsDesc, d.Writes, "write"}} {
				s.counter(v.desc, float64(v.value), append(labels[:3:3], d.Device, v.operation)...)
			}
		}
	}
	for _, q := range g.stats.Queues {
		s.gauge(queueDesc, float64(q.Length), q.Listener)
		s.gauge(limitDesc, float64(q.Limit), q.Listener)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// sink takes metrics.
type sink struct{ ch chan<- prometheus.Metric }

func (s sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.send(d)(prometheus.NewConstMetric(d, prometheus.GaugeValue, v, labels...))
}

func (s sink) counter(d *prometheus.Desc, v float64, labels ...string) {
	s.send(d)(prometheus.NewConstMetric(d, prometheus.CounterValue, v, labels...))
}

// send sends a metric, or the error of one that could not be made.
func (s sink) send(d *prometheus.Desc) func(prometheus.Metric, error) {
	return func(m prometheus.Metric, err error) {
		if err != nil {
			m = prometheus.NewInvalidMetric(d, err)
		}
		s.ch <- m
	}
}
