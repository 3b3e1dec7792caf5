package wire

import "time"

// Stats are the spawner's counters, which only grow, and the readings of a moment.
type Stats struct {
	Calls     []CallCount    // calls of posix.Core
	Durations []CallDuration // of those
	Launches  Histogram      // seconds from request to exec
	Parts     []CallDuration // of launches; Op is the name of the part
	Usage     []Usage        // one for each running instance
	Queues    []Queue        // one for each TCP listener
}

// CallCount is how often an operation ended in one way. Errno "0" is success.
type CallCount struct {
	Op, Errno string
	N         uint64
}

// CallDuration is how long sampled calls of an operation took.
type CallDuration struct {
	Op string
	Histogram
}

// Histogram counts observations below growing bounds; cumulative, as Prometheus has it.
type Histogram struct {
	Count   uint64
	Sum     time.Duration
	Buckets []Bucket
}

// Bucket is the number of observations of at most Le.
type Bucket struct {
	Le time.Duration
	N  uint64
}

// Usage is what an instance's control group has used. A value that the host does not have is ^uint64(0).
type Usage struct {
	Instance     InstanceID
	MemoryBytes  uint64
	CPUMicros    uint64
	Processes    uint64
	OOMKills     uint64
	ForksRefused uint64
	MemoryPeak   uint64 // bytes
	SwapBytes    uint64
	Throttled    uint64     // microseconds
	Pressure     []Pressure // empty where the kernel does not measure it
	Disks        []DiskUsage
}

// DiskUsage is what an instance has read from a disk and written to it.
type DiskUsage struct {
	Device                  string // "8:0"
	ReadBytes, WrittenBytes uint64
	Reads, Writes           uint64 // requests
}

// Pressure is how long an instance waited for a resource.
type Pressure struct {
	Resource, Kind string // "memory", "some"
	Micros         uint64
}

// Queue is the accept queue of a listener.
type Queue struct {
	Listener      string
	Length, Limit uint32
}

// MaxDisks is how many disks the usage of one instance names at most.
const MaxDisks = 256

const (
	maxCounts  = 100_000
	maxBuckets = 64
)

func encodeHistogram(e *Encoder, h Histogram) {
	e.U64(h.Count)
	e.U64(uint64(h.Sum))
	Each(e, h.Buckets, func(e *Encoder, b Bucket) { e.U64(uint64(b.Le)); e.U64(b.N) })
}

func decodeHistogram(d *Decoder) Histogram {
	return Histogram{Count: d.U64(), Sum: time.Duration(d.U64()), Buckets: List(d, maxBuckets, func(d *Decoder) Bucket {
		return Bucket{Le: time.Duration(d.U64()), N: d.U64()}
	})}
}

// Encode returns the stats as a message.
func (s Stats) Encode() []byte {
	e := &Encoder{}
	Each(e, s.Calls, func(e *Encoder, c CallCount) { e.String(c.Op); e.String(c.Errno); e.U64(c.N) })
	Each(e, s.Durations, func(e *Encoder, c CallDuration) { e.String(c.Op); encodeHistogram(e, c.Histogram) })
	encodeHistogram(e, s.Launches)
	Each(e, s.Parts, func(e *Encoder, c CallDuration) { e.String(c.Op); encodeHistogram(e, c.Histogram) })
	Each(e, s.Usage, func(e *Encoder, u Usage) {
		for _, v := range []uint64{uint64(u.Instance), u.MemoryBytes, u.CPUMicros, u.Processes, u.OOMKills, u.ForksRefused, u.MemoryPeak, u.SwapBytes, u.Throttled} {
			e.U64(v)
		}
		Each(e, u.Pressure, func(e *Encoder, p Pressure) { e.String(p.Resource); e.String(p.Kind); e.U64(p.Micros) })
		Each(e, u.Disks, func(e *Encoder, u DiskUsage) {
			e.String(u.Device)
			for _, v := range []uint64{u.ReadBytes, u.WrittenBytes, u.Reads, u.Writes} {
				e.U64(v)
			}
		})
	})
	Each(e, s.Queues, func(e *Encoder, q Queue) { e.String(q.Listener); e.U32(q.Length); e.U32(q.Limit) })
	return e.Bytes()
}

// DecodeStats reads stats.
func DecodeStats(message []byte) (Stats, error) {
	d := NewDecoder(message)
	s := Stats{
		Calls: List(d, maxCounts, func(d *Decoder) CallCount { return CallCount{Op: d.short(64), Errno: d.short(64), N: d.U64()} }),
		Durations: List(d, maxCounts, func(d *Decoder) CallDuration {
			return CallDuration{Op: d.short(64), Histogram: decodeHistogram(d)}
		}),
		Launches: decodeHistogram(d),
		Parts: List(d, maxParts, func(d *Decoder) CallDuration {
			return CallDuration{Op: d.short(32), Histogram: decodeHistogram(d)}
		}),
		Usage: List(d, maxInstances, func(d *Decoder) Usage {
			return Usage{Instance: InstanceID(d.U64()), MemoryBytes: d.U64(), CPUMicros: d.U64(), Processes: d.U64(), OOMKills: d.U64(), ForksRefused: d.U64(),
				MemoryPeak: d.U64(), SwapBytes: d.U64(), Throttled: d.U64(), Pressure: List(d, 8, func(d *Decoder) Pressure {
					return Pressure{Resource: d.short(16), Kind: d.short(16), Micros: d.U64()}
				}), Disks: List(d, MaxDisks, func(d *Decoder) DiskUsage {
					return DiskUsage{Device: d.short(32), ReadBytes: d.U64(), WrittenBytes: d.U64(), Reads: d.U64(), Writes: d.U64()}
				})}
		}),
		Queues: List(d, maxModules, func(d *Decoder) Queue { return Queue{Listener: d.short(maxName), Length: d.U32(), Limit: d.U32()} }),
	}
	return s, d.Done()
}
