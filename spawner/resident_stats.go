package spawner

import (
	"time"

	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// maxStatistics is how many requests may wait for statistics: the answer to each is a file in our memory.
const maxStatistics = 16

// takeStatistics answers with statistics. Reading what control groups have used takes a while, so it is done aside, once for all who have
// asked by then.
func (r *Resident) takeStatistics(id uint64) {
	m := r.manager
	if len(m.statistics) >= maxStatistics {
		r.refuse(id, "%d requests for statistics wait already", maxStatistics)
		return
	}
	if m.statistics = append(m.statistics, id); len(m.statistics) > 1 {
		r.checkQueue()
		return
	}
	s := wire.Stats{Launches: r.launches, Queues: r.queues()}
	s.Launches.Buckets = append([]wire.Bucket(nil), r.launches.Buckets...)
	for _, p := range r.parts {
		p.Buckets = append([]wire.Bucket(nil), p.Buckets...)
		s.Parts = append(s.Parts, p)
	}
	if r.Counters != nil {
		s.Calls, s.Durations = r.Counters()
	}
	var groups []measured
	for _, i := range r.started {
		if !i.ending && i.process.group != nil {
			groups = append(groups, measured{i.ID, i.process.group})
		}
	}
	r.inBackground(func() { s.Usage = usage(groups) }, func() {
		ids := m.statistics
		m.statistics = nil
		if r.manager != m || !m.serves() {
			return
		}
		text := s.Encode()
		for _, id := range ids {
			fd, err := sealed(r.kernel, "bulkhead-stats", text)
			if err != nil {
				r.answer(id, err)
				continue
			}
			r.reply(id, wire.Reply{}, fd)
		}
	})
}

// queues are the accept queues of the listeners that have one.
func (r *Resident) queues() []wire.Queue {
	var out []wire.Queue
	for _, name := range sortedKeys(r.current.sockets) {
		s := r.current.sockets[name]
		if s.spec.Network != "tcp" {
			continue
		}
		if length, limit, err := s.Queue(r.kernel); err == nil { // an error: it is being healed
			out = append(out, wire.Queue{Listener: name, Length: length, Limit: limit})
		}
	}
	return out
}

// measured is a control group to be read.
type measured struct {
	instance wire.InstanceID
	group    *cgroup.Instance
}

// usage reads what instances have used. One that ends meanwhile is left out.
func usage(groups []measured) []wire.Usage {
	var out []wire.Usage
	for _, g := range groups {
		u, err := g.group.Usage()
		if err != nil {
			continue
		}
		e, err := g.group.Events()
		if err != nil {
			continue
		}
		w := wire.Usage{Instance: g.instance, MemoryBytes: known(u.Memory), CPUMicros: ^uint64(0), Processes: known(u.Processes),
			OOMKills: e.OOMKills, ForksRefused: e.ForksRefused, MemoryPeak: known(u.MemoryPeak), SwapBytes: known(u.Swap), Throttled: ^uint64(0)}
		if u.CPU >= 0 {
			w.CPUMicros = uint64(u.CPU / time.Microsecond)
		}
		if u.Throttled >= 0 {
			w.Throttled = uint64(u.Throttled / time.Microsecond)
		}
		for _, p := range u.Pressure {
			w.Pressure = append(w.Pressure, wire.Pressure{Resource: p.Resource, Kind: p.Kind, Micros: uint64(p.Total / time.Microsecond)})
		}
		for _, d := range u.IO[:min(len(u.IO), wire.MaxDisks)] {
			w.Disks = append(w.Disks, wire.DiskUsage(d))
		}
		out = append(out, w)
	}
	return out
}

// known is a number of a control group as a frame has it.
func known(n int64) uint64 {
	if n < 0 {
		return ^uint64(0)
	}
	return uint64(n)
}
