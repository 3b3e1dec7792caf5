package containerd

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Library implements [cgroup.Library].
type Library struct{}

var _ cgroup.Library = Library{}

// Write2 implements [cgroup.Library]. It hands the controllers of limits down from top to group, too.
func (Library) Write2(top, group string, limits []policy.Resource, swap bool) error {
	var enable, values cgroup2.Resources
	for _, limit := range limits {
		switch limit.Key {
		case "memory.max":
			enable.Memory, values.Memory = &cgroup2.Memory{}, memory2(limit, swap)
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
	if limit.Limit == cgroup.Unlimited {
		return m
	}
	m.Max = &limit.Limit
	if swap {
		m.Swap = new(int64)
	}
	return m
}

func cpu2(limit policy.Resource) *cgroup2.CPU {
	quota, length := &limit.Limit, uint64(cgroup.Period(limit))
	if limit.Limit == cgroup.Unlimited {
		quota = nil
	}
	return &cgroup2.CPU{Max: cgroup2.NewCPUMax(quota, &length)}
}

// disk2 returns the rates that are limits; a new group has none.
func disk2(limit policy.Resource) []cgroup2.Entry {
	var entries []cgroup2.Entry
	major, minor := cgroup.DiskNumber(limit.Device)
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
	major, minor := cgroup.DiskNumber(limit.Device)
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

// Write1 implements [cgroup.Library].
func (Library) Write1(mount, dir string, limit policy.Resource) error {
	var subsystem cgroup1.Subsystem
	resources := &specs.LinuxResources{}
	parent := filepath.Dir(mount)
	switch limit.Key {
	case "io.max":
		subsystem = cgroup1.NewBlkio(parent)
		resources.BlockIO = disk1(limit)
	case "cpu.max":
		subsystem = cgroup1.NewCpu(parent)
		length := uint64(cgroup.Period(limit))
		resources.CPU = &specs.LinuxCPU{Quota: &limit.Limit, Period: &length}
	default:
		return fmt.Errorf("bug: limit %s is not one of the library's; please report it", limit.Key)
	}
	_, err := cgroup1.New(cgroup1.StaticPath(strings.TrimPrefix(dir, mount)), resources,
		cgroup1.WithHierarchy(func() ([]cgroup1.Subsystem, error) { return []cgroup1.Subsystem{subsystem}, nil }))
	if err != nil {
		return fmt.Errorf("set limit %s of %s: %w", limit.Key, dir, err)
	}
	return nil
}
