// Package metrics decorates a posix.Core so that Prometheus can see what it is asked for.
//
//	core := metrics.New(linux.New())
//	registry.MustRegister(core.Collector())
//
// # Metrics
//
//	posix_calls_total{op,errno}              counter: every call
//	posix_call_duration_seconds{op}          histogram: one call in 64
//
// The op label is the operation's name ("openat2"). The errno label is the
// symbolic name ("ENOENT"), "0" for a call that succeeded, "other" for an error that
// carries no errno. A pair that has not occurred has no line. Clone3 succeeds
// when a child was created, whatever became of it.
//
// The histogram holds samples: its count is about a sixty-fourth of the number of calls, and the
// first call of an operation is always in it. Durations contain the time that a call blocked.
//
// # Cost
//
// A call allocates nothing, except that the first error of an operation allocates
// the row that errors are counted in. Counters lie in shards, of which there are as
// many as processors; a shard is taken from a sync.Pool for an instant at the start
// of a call. Such a pool keeps one item for each processor and hands it out without
// locking, so the goroutines of one processor meet on one shard and those of two
// processors on two. Measured on two cores, two busy goroutines: choosing by the pool costs about
// 5 ns more than runtime.procPin, which only linkname reaches; a random shard costs as much as the pool and still
// shares cache lines; the address of the stack gives two goroutines the same shard too often.
//
// # Limits
//
// After a collection of garbage the pool is filled anew, and for a while two processors may use one shard. Counts stay
// right, since they are atomic; only speed suffers.
package metrics
