// Package metrics decorates a posix.Core so that Prometheus can see what it is asked for.
//
//	core := metrics.New(linux.New())
//	registry.MustRegister(core.Collector("manager"))
//
// # Metrics
//
//	posix_calls_total{op,errno,process}        counter: every call
//	posix_call_duration_seconds{op,process}    histogram: one call in 64
//
// The op label is the operation's name ("openat2"). The errno label is the
// symbolic name ("ENOENT"), "0" for a call that succeeded, "other" for an error that
// carries no errno. A pair that has not occurred has no line. Clone3 succeeds
// when a child was created, whatever became of it.
//
// The process label is the collector's: one registry shows several processes, its own through [Core.Collector] and others
// through a [Remote], which is handed what [Core.Counts] and [Core.Durations] returned there. So a process that is to stay small needs
// no registry and no HTTP:
//
//	remote := metrics.NewRemote("spawner")
//	registry.MustRegister(remote)
//	err := remote.Set(counts, durations) // as they arrive
//	http.Handle("/metrics", promhttp.HandlerFor(metrics.OpFirst(registry), promhttp.HandlerOpts{}))
//
// The histogram holds samples: its count is about a sixty-fourth of the number of calls, and the
// first call of an operation is always in it. Durations contain the time that a call blocked.
//
// # Cost
//
// A call allocates nothing, except that the first error of an operation allocates
// the row that errors are counted in. Counters lie in shards, one for each
// processor in the sense of GOMAXPROCS, and a call counts in the shard of the
// processor that it ends on.
//
// Measured with two busy goroutines on two threads of one core, nanoseconds to
// choose a shard and add to it: 6 with the number of the processor, which only
// linkname reaches; 10 with one counter for all, and ten times that when the
// threads are on two cores; 13 with shards out of a sync.Pool; 16 with a random
// shard, which shares cache lines all the same. The address of the stack is as
// cheap as the number of the processor, but gives two goroutines the same shard
// too often. BenchmarkFigures repeats the comparison. While the goroutine is held to its
// processor, an addition need not be atomic, which saves another two.
//
// # Limits
//
// When GOMAXPROCS grows after New, the processors that came later share one shard. Counts stay right, since they are atomic there; only speed
// suffers.
package metrics
