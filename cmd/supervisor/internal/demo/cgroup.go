package demo

import (
	"os"
	"path/filepath"
	"strings"
)

// cgroupRoot is where the policy puts the instance's own control groups.
const cgroupRoot = "/sys/fs/cgroup"

// Limit is a file of the process's control group with what it says.
type Limit struct {
	File  string `json:"file"`
	Means string `json:"means"`
	Value string `json:"value"`
}

// limitFiles are the files that are shown: on version 2 they are in one directory, on version 1 in one for each hierarchy.
var limitFiles = [...]struct{ file, means string }{
	{"memory.max", "memory, bytes"},
	{"memory.current", "memory in use, bytes"},
	{"pids.max", "processes and threads"},
	{"pids.current", "processes and threads now"},
	{"cpu.max", "processor time, microseconds of a period"},
	{"memory/memory.limit_in_bytes", "memory, bytes"},
	{"memory/memory.usage_in_bytes", "memory in use, bytes"},
	{"pids/pids.max", "processes and threads"},
	{"pids/pids.current", "processes and threads now"},
	{"cpu/cpu.cfs_quota_us", "processor time, microseconds of a period (-1: no limit)"},
	{"cpu/cpu.cfs_period_us", "the period, microseconds"},
}

// readLimits reads the files that are there.
func readLimits(root string) []Limit {
	out := []Limit{}
	for _, f := range limitFiles {
		path := filepath.Join(root, f.file)
		if text, err := os.ReadFile(path); err == nil {
			out = append(out, Limit{path, f.means, strings.TrimSpace(string(text))})
		}
	}
	return out
}

// memoryLimit returns the file that sets the memory limit, in the place that this host's version has it.
func memoryLimit() string {
	const v1 = cgroupRoot + "/memory/memory.limit_in_bytes"
	if _, err := os.Lstat(v1); err == nil {
		return v1
	}
	return cgroupRoot + "/memory.max"
}
