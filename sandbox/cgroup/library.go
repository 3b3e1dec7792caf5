package cgroup

import (
	"fmt"
	"path/filepath"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// This file is the only one that knows containerd/cgroups. The library makes system calls of its own, and ignores some
// values it does not like; so what it wrote is read back afterwards (verify).

// write2 hands the controllers of limits down from our top directory to group, which is relative to it, and writes limits there.
func write2(k posix.Files, top, group string, limits []policy.Resource) (swap bool, err error) {
	var enable cgroup2.Resources
	for _, limit := range limits {
		switch limit.Key {
		case "memory.max":
			enable.Memory = &cgroup2.Memory{}
		case "pids.max":
			enable.Pids = &cgroup2.Pids{}
		case "cpu.max":
			enable.CPU = &cgroup2.CPU{}
		}
	}
	// With our directory as its mount point the library leaves the groups above it alone.
	manager, err := cgroup2.Load("/"+group, cgroup2.WithMountpoint(top))
	if err != nil {
		return false, fmt.Errorf("open control group %s/%s: %w", top, group, err)
	}
	if err := manager.ToggleControllers(enable.EnabledControllers(), cgroup2.Enable); err != nil {
		return false, fmt.Errorf("hand controllers down to %s/%s: %w", top, group, err)
	}
	swap = exists(k, top+"/"+group+"/memory.swap.max")
	var values cgroup2.Resources
	for _, limit := range limits {
		if limit.Limit == unlimited && limit.Key != "cpu.max" {
			continue // a new group has no limit
		}
		switch limit.Key {
		case "memory.max":
			values.Memory = &cgroup2.Memory{Max: &limit.Limit}
			if swap {
				values.Memory.Swap = new(int64)
			}
		case "pids.max":
			values.Pids = &cgroup2.Pids{Max: limit.Limit}
		case "cpu.max":
			quota, length := &limit.Limit, uint64(period(limit))
			if limit.Limit == unlimited {
				quota = nil
			}
			values.CPU = &cgroup2.CPU{Max: cgroup2.NewCPUMax(quota, &length)}
		}
	}
	if err := manager.Update(&values); err != nil {
		return swap, fmt.Errorf("set limits of %s/%s: %w", top, group, err)
	}
	return swap, nil
}

// write1 writes limits to the version 1 group dir, which is below mount and belongs to controller. The library looks for a controller
// in a directory of that name; a joint mount without the usual symbolic links (cpu to cpu,cpuacct) is written by ourselves.
func write1(k posix.Files, mount, dir string, controller host.ControllerSet, limit policy.Resource) (swap bool, err error) {
	swap = exists(k, dir+"/memory.memsw.limit_in_bytes")
	group, err := filepath.Rel(mount, dir)
	if err != nil {
		return swap, fmt.Errorf("find %s below %s: %w", dir, mount, err)
	}
	name := map[host.ControllerSet]string{host.Memory: "memory", host.Pids: "pids", host.CPU: "cpu"}[controller]
	parent := filepath.Dir(mount)
	if !sameFile(k, filepath.Join(parent, name), mount) {
		for _, s := range settings(1, limit, swap) {
			if err := writeFile(k, dir+"/"+s.file, s.want); err != nil {
				return swap, fmt.Errorf("set limit %s: %w", limit.Key, err)
			}
		}
		return swap, nil
	}
	var subsystem cgroup1.Subsystem
	resources := &specs.LinuxResources{}
	switch controller {
	case host.Memory:
		subsystem = cgroup1.NewMemory(parent)
		resources.Memory = &specs.LinuxMemory{Limit: &limit.Limit}
		if swap {
			resources.Memory.Swap = &limit.Limit
		}
	case host.Pids:
		subsystem = cgroup1.NewPids(parent)
		resources.Pids = &specs.LinuxPids{Limit: &limit.Limit}
	case host.CPU:
		subsystem = cgroup1.NewCpu(parent)
		length := uint64(period(limit))
		resources.CPU = &specs.LinuxCPU{Quota: &limit.Limit, Period: &length}
	}
	_, err = cgroup1.New(cgroup1.StaticPath(group), resources,
		cgroup1.WithHierarchy(func() ([]cgroup1.Subsystem, error) { return []cgroup1.Subsystem{subsystem}, nil }))
	if err != nil {
		return swap, fmt.Errorf("set limit %s of %s: %w", limit.Key, dir, err)
	}
	return swap, nil
}

func sameFile(k posix.Files, a, b string) bool {
	var sa, sb posix.Stat
	return k.Fstatat(posix.AtFDCWD, a, &sa, 0) == nil && k.Fstatat(posix.AtFDCWD, b, &sb, 0) == nil &&
		sa.Dev == sb.Dev && sa.Ino == sb.Ino
}
