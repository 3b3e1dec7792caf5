package cgroup

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// This file is the only one that knows containerd/cgroups. The library makes system calls of its own, and ignores some
// values it does not like; so what it wrote is read back afterwards (verify).

// ofLibrary tells whether the library writes a limit. The others are a number in a file, in groups that have the controller already (handOn).
func ofLibrary(key string) bool {
	return key == "memory.max" || key == "pids.max" || key == "cpu.max" || key == "io.max"
}

// write2 hands the controllers of limits down from our top directory to group, which is relative to it, and writes limits there.
func write2(p place, top, group string, limits []policy.Resource) error {
	var enable, values cgroup2.Resources
	for _, limit := range limits {
		switch limit.Key {
		case "memory.max":
			enable.Memory, values.Memory = &cgroup2.Memory{}, memory2(limit, p.swap)
		case "pids.max":
			enable.Pids, values.Pids = &cgroup2.Pids{}, &cgroup2.Pids{Max: limit.Limit}
		case "cpu.max":
			enable.CPU, values.CPU = &cgroup2.CPU{}, cpu2(limit)
		case "io.max":
			if enable.IO == nil {
				enable.IO, values.IO = &cgroup2.IO{}, &cgroup2.IO{}
			}
			values.IO.Max = append(values.IO.Max, disk2(limit)...)
		}
	}
	// With our directory as its mount point the library leaves the groups above it alone.
	manager, err := cgroup2.Load("/"+group, cgroup2.WithMountpoint(top))
	if err != nil {
		return fmt.Errorf("open control group %s/%s: %w", top, group, err)
	}
	if err := manager.ToggleControllers(enable.EnabledControllers(), cgroup2.Enable); err != nil {
		return fmt.Errorf("hand controllers down to %s/%s: %w", top, group, err)
	}
	if err := manager.Update(&values); err != nil {
		return fmt.Errorf("set limits of %s/%s: %w", top, group, err)
	}
	return nil
}

// memory2 leaves a new group's absence of a limit alone: the library knows no word for it.
func memory2(limit policy.Resource, swap bool) *cgroup2.Memory {
	m := &cgroup2.Memory{}
	if limit.Limit == unlimited {
		return m
	}
	m.Max = &limit.Limit
	if swap {
		m.Swap = new(int64)
	}
	return m
}

func cpu2(limit policy.Resource) *cgroup2.CPU {
	quota, length := &limit.Limit, uint64(period(limit))
	if limit.Limit == unlimited {
		quota = nil
	}
	return &cgroup2.CPU{Max: cgroup2.NewCPUMax(quota, &length)}
}

// disk2 returns the rates that are limits; a new group has none.
func disk2(limit policy.Resource) []cgroup2.Entry {
	var entries []cgroup2.Entry
	major, minor := diskNumber(limit.Device)
	for i, rate := range limit.Rates.List() {
		if rate > 0 {
			entries = append(entries, cgroup2.Entry{Type: cgroup2.IOType(policy.RateNames()[i]), Major: major, Minor: minor, Rate: uint64(rate)})
		}
	}
	return entries
}

// disk1 is disk2 for version 1.
func disk1(limit policy.Resource) *specs.LinuxBlockIO {
	io := &specs.LinuxBlockIO{}
	major, minor := diskNumber(limit.Device)
	rates := limit.Rates.List()
	for i, list := range []*[]specs.LinuxThrottleDevice{&io.ThrottleReadBpsDevice, &io.ThrottleWriteBpsDevice, &io.ThrottleReadIOPSDevice, &io.ThrottleWriteIOPSDevice} {
		if rates[i] > 0 {
			d := specs.LinuxThrottleDevice{Rate: uint64(rates[i])}
			d.Major, d.Minor = major, minor
			*list = append(*list, d)
		}
	}
	return io
}

// write writes a limit to the group dir. The library looks for a version 1 controller in a directory of that name; a joint mount without
// the usual symbolic links (cpu to cpu,cpuacct) is written by ourselves, and so is what the library does not know.
func write(k posix.Files, p place, dir string, limit policy.Resource) error {
	number := limit.Key == "memory.max" || limit.Key == "pids.max" // which takes the library five calls, and time that launches wait for
	if number || !p.library || !ofLibrary(limit.Key) {
		for _, s := range p.settings(limit) {
			if err := writeFile(k, dir+"/"+s.file, s.want); err != nil {
				return fmt.Errorf("set limit %s: %w", limit.Key, err)
			}
		}
		return nil
	}
	var subsystem cgroup1.Subsystem
	resources := &specs.LinuxResources{}
	parent := filepath.Dir(p.Mount)
	switch limit.Key {
	case "io.max":
		subsystem = cgroup1.NewBlkio(parent)
		resources.BlockIO = disk1(limit)
	case "cpu.max":
		subsystem = cgroup1.NewCpu(parent)
		length := uint64(period(limit))
		resources.CPU = &specs.LinuxCPU{Quota: &limit.Limit, Period: &length}
	}
	_, err := cgroup1.New(cgroup1.StaticPath(strings.TrimPrefix(dir, p.Mount)), resources,
		cgroup1.WithHierarchy(func() ([]cgroup1.Subsystem, error) { return []cgroup1.Subsystem{subsystem}, nil }))
	if err != nil {
		return fmt.Errorf("set limit %s of %s: %w", limit.Key, dir, err)
	}
	return nil
}
