package cgroup

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Unlimited is the Limit of a resource whose value is "max".
const Unlimited = -1

// defaultPeriod is the kernel's period of cpu.max, in microseconds.
const defaultPeriod = 100_000

// Controllers returns the controllers that limits need.
func Controllers(limits ...policy.Resource) host.ControllerSet {
	var set host.ControllerSet
	for _, limit := range limits {
		set |= host.ControllerOf(limit.Key)
	}
	return set
}

// checkLimit refuses what the kernel, or the library in front of it, would silently take for something else.
func checkLimit(limit policy.Resource) error {
	switch {
	case host.ControllerOf(limit.Key) == 0:
		return fmt.Errorf("limit %s: not one of %s", limit.Key, strings.Join(policy.ResourceKeys(), ", "))
	case limit.Key == "cpuset.cpus" && limit.Set == "":
		return fmt.Errorf("limit %s: no processors", limit.Key)
	case limit.Key == "io.max":
		return checkDisk(limit)
	case limit.Key == "cpuset.cpus", limit.Key == "memory.swap.max" && limit.Limit == 0:
	case limit.Limit == 0 || limit.Limit < Unlimited:
		return fmt.Errorf("limit %s: %d is not a limit under which anything could start", limit.Key, limit.Limit)
	case limit.Period < 0:
		return fmt.Errorf("limit %s: the period %d is negative", limit.Key, limit.Period)
	}
	return nil
}

// Period returns the period of a limit of processor time, in microseconds.
func Period(limit policy.Resource) int64 {
	if limit.Period == 0 {
		return defaultPeriod
	}
	return limit.Period
}

// setting is a file of a group and what it reads back as once the limit holds, or one of its lines. It is the same that is written.
type setting struct {
	file string
	want string
}

// swapOf prepares limits for one hierarchy. A limit of memory alone is one of memory and swap together: a module that may fill 256 MB may
// not fill as much swap besides. With memory.swap.max that one is the author's: swap tells whether it is still ours. Version 1 limits the
// sum of both.
func swapOf(p place, limits []policy.Resource) (_ []policy.Resource, swap bool, err error) {
	at := slices.IndexFunc(limits, func(l policy.Resource) bool { return l.Key == "memory.swap.max" })
	if at < 0 {
		return limits, p.swap, nil
	}
	if !p.swap {
		return nil, false, fmt.Errorf("limit memory.swap.max: this kernel does not account swap (swapaccount=1 on its command line)")
	}
	if p.Version == 2 || limits[at].Limit == Unlimited {
		return limits, false, nil
	}
	limits = slices.Clone(limits)
	for _, l := range limits {
		if l.Key == "memory.max" && l.Limit != Unlimited {
			limits[at].Limit += l.Limit
			return limits, false, nil
		}
	}
	return nil, false, fmt.Errorf("limit memory.swap.max: version 1 limits memory and swap together, which takes memory.max")
}

// settings returns what the files of a group must hold for limit.
func (p place) settings(limit policy.Resource) []setting {
	switch limit.Key {
	case "io.max":
		return diskSettings(p.Version, limit)
	case "io.weight":
		return weightSettings(p.weights, limit)
	}
	return settings(p.Version, limit, p.swap)
}

// settings are those of a limit that is neither io.max nor io.weight. swap says whether the kernel accounts swap there.
func settings(version int, limit policy.Resource, swap bool) []setting {
	number := strconv.FormatInt(limit.Limit, 10)
	if policy.ResourceType(limit.Key) == policy.TypeSize && limit.Limit != Unlimited {
		// The kernel counts pages and rounds down.
		number = strconv.FormatInt(limit.Limit/int64(os.Getpagesize())*int64(os.Getpagesize()), 10)
	}
	if version == 2 && limit.Limit == Unlimited || limit.Key == "pids.max" && limit.Limit == Unlimited {
		number = "max"
	}
	switch {
	case limit.Key == "cpuset.cpus":
		return []setting{{limit.Key, limit.Set}}
	case limit.Key == "cpu.weight" && version == 1: // as systemd has it: 100 is the kernel's 1024; the kernel takes 2 to 2^18
		return []setting{{"cpu.shares", strconv.FormatInt(max(2, limit.Limit*1024/100), 10)}}
	case limit.Key == "memory.swap.max" && version == 1:
		return []setting{{"memory.memsw.limit_in_bytes", number}}
	case limit.Key == "cpu.weight", limit.Key == "memory.high", limit.Key == "memory.oom.group", limit.Key == "memory.swap.max":
		return []setting{{limit.Key, number}}
	case limit.Key == "pids.max":
		return []setting{{"pids.max", number}}
	case limit.Key == "cpu.max" && version == 2:
		return []setting{{"cpu.max", number + " " + strconv.FormatInt(Period(limit), 10)}}
	case limit.Key == "cpu.max":
		return []setting{
			{"cpu.cfs_period_us", strconv.FormatInt(Period(limit), 10)},
			{"cpu.cfs_quota_us", number},
		}
	case version == 2:
		s := []setting{{"memory.max", number}}
		if swap && limit.Limit != Unlimited {
			s = append(s, setting{"memory.swap.max", "0"})
		}
		return s
	default:
		s := []setting{{"memory.limit_in_bytes", number}}
		if swap {
			s = append(s, setting{"memory.memsw.limit_in_bytes", number})
		}
		return s
	}
}

// unlimitedBytes is the least that an unlimited version 1 memory file reads as; the exact number depends on the page size.
const unlimitedBytes = 1 << 62

// holds tells whether a file that reads as got fulfils the setting.
func (s setting) holds(got string) bool {
	if slices.Contains(strings.Split(got, "\n"), s.want) {
		return true
	}
	n, err := strconv.ParseInt(got, 10, 64)
	return err == nil && s.want == "-1" && strings.HasPrefix(s.file, "memory.") && n >= unlimitedBytes
}

// MismatchError says that a limit was written and reads back as something else.
type MismatchError struct {
	Limit policy.Resource
	Path  string // the file
	Want  string
	Got   string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("limit %s: %s holds %q instead of %q", e.Limit.Key, e.Path, e.Got, e.Want)
}

// verify reads the files of a group back and compares.
func verify(k posix.Files, dir string, p place, limit policy.Resource) error {
	for _, s := range p.settings(limit) {
		path := dir + "/" + s.file
		got, err := readFile(k, path)
		if err != nil {
			return err
		}
		if !s.holds(got) {
			return &MismatchError{Limit: limit, Path: path, Want: s.want, Got: got}
		}
	}
	return nil
}
