package cgroup

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

// Events counts what the limits of an instance did to it since it was made.
type Events struct {
	OOMKills     uint64 // processes that the kernel killed because there was no memory left
	MemoryMax    bool   // of OOMKills: the instance's own memory.max was reached; otherwise a group above had none left, or the host
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
		counts, err := readCounts(i.root.kernel, i.dir(p)+file)
		if err != nil {
			return Events{}, err
		}
		e.OOMKills = counts["oom_kill"]
		if e.MemoryMax = counts["oom"] > 0; p.Version == 1 && e.OOMKills > 0 {
			if e.MemoryMax, err = reached1(i.root.kernel, i.dir(p)); err != nil {
				return Events{}, err
			}
		}
	}
	if p, ok := i.placeOf(host.Pids); ok {
		counts, err := readCounts(i.root.kernel, i.dir(p)+"/pids.events")
		if err != nil {
			return Events{}, err
		}
		e.ForksRefused = counts["max"]
	}
	return e, nil
}

// reached1 tells whether a version 1 group came up to one of its limits of memory, which does not say whether that was why something was killed.
// The counters of refusals are no help, because new kernels keep them no more.
func reached1(k posix.Files, dir string) (bool, error) {
	for _, kind := range []string{"/memory.", "/memory.memsw."} {
		if !exists(k, dir+kind+"max_usage_in_bytes") {
			continue
		}
		limit, err := readNumber(k, dir+kind+"limit_in_bytes")
		if err != nil {
			return false, err
		}
		most, err := readNumber(k, dir+kind+"max_usage_in_bytes")
		if err != nil || most >= limit-limit/16 { // memory is charged in advance, some pages for each processor
			return err == nil, err
		}
	}
	return false, nil
}

// unknown is a number of [Usage] that no controller of the instance counts.
const unknown = -1

// Usage is what an instance uses. -1 is a number that is not known because the instance is in no group that counts it.
type Usage struct {
	Memory     int64 // bytes
	MemoryPeak int64 // bytes, the highest since the group was made; Linux 5.19 on version 2
	Swap       int64 // bytes
	Processes  int64 // processes and threads
	CPU        time.Duration
	Throttled  time.Duration // how long it waited because of cpu.max
	IO         []DiskUsage   // one for each disk that it used; empty also without the controller
	Pressure   []Pressure    // version 2, on a kernel that measures it
}

// Pressure is how long tasks of an instance waited for a resource. Source: the kernel's accounting/psi documentation.
type Pressure struct {
	Resource string        // "cpu", "memory" or "io"
	Kind     string        // "some": at least one of them waited; "full": all of them at the same time
	Total    time.Duration // since the group was made
}

// Usage returns what the instance uses now.
func (i *Instance) Usage() (Usage, error) {
	u := Usage{Memory: unknown, MemoryPeak: unknown, Swap: unknown, Processes: unknown, CPU: unknown, Throttled: unknown}
	k := i.root.kernel
	var err error
	if p, ok := i.placeOf(host.Memory); ok {
		dir := i.dir(p)
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
		if u.Swap, err = swapUsed(k, p, dir); err != nil {
			return Usage{}, err
		}
	}
	if p, ok := i.placeOf(host.Pids); ok {
		if u.Processes, err = readNumber(k, i.dir(p)+"/pids.current"); err != nil {
			return Usage{}, err
		}
	}
	if u.CPU, err = i.cpu(); err != nil {
		return Usage{}, err
	}
	if u.Throttled, err = i.throttled(); err != nil {
		return Usage{}, err
	}
	if p, ok := i.placeOf(host.IO); ok {
		if u.IO, err = diskUsage(k, p.Version, i.dir(p)); err != nil {
			return Usage{}, err
		}
	}
	for _, p := range i.made {
		if p.Version == 2 {
			u.Pressure, err = pressure(k, i.dir(p))
		}
	}
	return u, err
}

// swapUsed returns how much swap a group uses. Version 1 counts memory and swap together, in the same moment or not: never less than none.
func swapUsed(k posix.Files, p place, dir string) (int64, error) {
	if p.Version == 2 {
		if !exists(k, dir+"/memory.swap.current") {
			return unknown, nil
		}
		return readNumber(k, dir+"/memory.swap.current")
	}
	if !exists(k, dir+"/memory.memsw.usage_in_bytes") {
		return unknown, nil
	}
	both, err := readNumber(k, dir+"/memory.memsw.usage_in_bytes")
	if err != nil {
		return 0, err
	}
	memory, err := readNumber(k, dir+"/memory.usage_in_bytes")
	return max(0, both-memory), err
}

// throttled returns how long the instance waited because of cpu.max.
func (i *Instance) throttled() (time.Duration, error) {
	p, ok := i.placeOf(host.CPU)
	if !ok {
		return unknown, nil
	}
	counts, err := readCounts(i.root.kernel, i.dir(p)+"/cpu.stat")
	if err != nil {
		return unknown, err
	}
	if p.Version == 2 {
		return time.Duration(counts["throttled_usec"]) * time.Microsecond, nil
	}
	return time.Duration(counts["throttled_time"]), nil
}

// pressure reads what a kernel with pressure stall information says of a group. It is off without psi=1 on some; then reading says so.
func pressure(k posix.Files, dir string) (all []Pressure, err error) {
	for _, resource := range []string{"cpu", "memory", "io"} {
		text, err := readFile(k, dir+"/"+resource+".pressure")
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			_, total, ok := strings.Cut(rest, "total=")
			micros, err := strconv.ParseInt(total, 10, 64)
			if !ok || err != nil {
				return nil, fmt.Errorf("read %s/%s.pressure: %q is no line of it", dir, resource, line)
			}
			all = append(all, Pressure{resource, kind, time.Duration(micros) * time.Microsecond})
		}
	}
	return all, nil
}

// cpu returns the CPU time. Version 2 counts it in every group; version 1 only where cpuacct is mounted with cpu.
func (i *Instance) cpu() (time.Duration, error) {
	k := i.root.kernel
	for _, p := range i.made {
		dir := i.dir(p)
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
