package cgroup

import (
	"strings"
	"time"

	"github.com/bulkhead/bulkhead/sandbox/host"
)

// Events counts what the limits of an instance did to it since it was made.
type Events struct {
	OOMKills     uint64 // processes that the kernel killed because of memory.max
	ForksRefused uint64 // processes or threads that could not be made because of pids.max
}

// Events returns what the limits did. What no controller of the instance counts stays 0.
func (i *Instance) Events() (Events, error) {
	var e Events
	if p, ok := i.placeOf(host.Memory); ok {
		file := "/memory.events"
		if p.Version == 1 {
			file = "/memory.oom_control"
		}
		counts, err := readCounts(i.root.kernel, p.base+"/"+i.rel+file)
		if err != nil {
			return Events{}, err
		}
		e.OOMKills = counts["oom_kill"]
	}
	if p, ok := i.placeOf(host.Pids); ok {
		counts, err := readCounts(i.root.kernel, p.base+"/"+i.rel+"/pids.events")
		if err != nil {
			return Events{}, err
		}
		e.ForksRefused = counts["max"]
	}
	return e, nil
}

// unknown is a number of [Usage] that no controller of the instance counts.
const unknown = -1

// Usage is what an instance uses. -1 is a number that is not known because the instance is in no group that counts it.
type Usage struct {
	Memory     int64 // bytes
	MemoryPeak int64 // bytes, the highest since the group was made; Linux 5.19 on version 2
	Processes  int64 // processes and threads
	CPU        time.Duration
}

// Usage returns what the instance uses now.
func (i *Instance) Usage() (Usage, error) {
	u := Usage{Memory: unknown, MemoryPeak: unknown, Processes: unknown, CPU: unknown}
	k := i.root.kernel
	var err error
	if p, ok := i.placeOf(host.Memory); ok {
		dir := p.base + "/" + i.rel
		now, peak := "/memory.current", "/memory.peak"
		if p.Version == 1 {
			now, peak = "/memory.usage_in_bytes", "/memory.max_usage_in_bytes"
		}
		if u.Memory, err = readNumber(k, dir+now); err != nil {
			return Usage{}, err
		}
		if exists(k, dir+peak) {
			if u.MemoryPeak, err = readNumber(k, dir+peak); err != nil {
				return Usage{}, err
			}
		}
	}
	if p, ok := i.placeOf(host.Pids); ok {
		if u.Processes, err = readNumber(k, p.base+"/"+i.rel+"/pids.current"); err != nil {
			return Usage{}, err
		}
	}
	u.CPU, err = i.cpu()
	return u, err
}

// cpu returns the CPU time. Version 2 counts it in every group; version 1 only where cpuacct is mounted with cpu.
func (i *Instance) cpu() (time.Duration, error) {
	k := i.root.kernel
	for _, p := range i.made {
		dir := p.base + "/" + i.rel
		if p.Version == 2 {
			counts, err := readCounts(k, dir+"/cpu.stat")
			if err != nil {
				return unknown, err
			}
			return time.Duration(counts["usage_usec"]) * time.Microsecond, nil
		}
		if strings.Contains(lastComponent(p.Mount), "cpu") && exists(k, dir+"/cpuacct.usage") {
			n, err := readNumber(k, dir+"/cpuacct.usage")
			return time.Duration(n), err
		}
	}
	return unknown, nil
}
