package cgroup

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func TestSettings(t *testing.T) {
	memory := policy.Resource{Key: "memory.max", Limit: 10_000_001}
	for _, test := range []struct {
		name    string
		version int
		limit   policy.Resource
		swap    bool
		want    []setting
	}{
		{"memory 2", 2, memory, true, []setting{{"memory.max", "9998336"}, {"memory.swap.max", "0"}}},
		{"memory 2 without swap accounting", 2, memory, false, []setting{{"memory.max", "9998336"}}},
		{"memory 1", 1, memory, true, []setting{{"memory.limit_in_bytes", "9998336"}, {"memory.memsw.limit_in_bytes", "9998336"}}},
		{"memory 1 without swap accounting", 1, memory, false, []setting{{"memory.limit_in_bytes", "9998336"}}},
		{"no memory limit 2", 2, policy.Resource{Key: "memory.max", Limit: -1}, true, []setting{{"memory.max", "max"}}},
		{"no memory limit 1", 1, policy.Resource{Key: "memory.max", Limit: -1}, false, []setting{{"memory.limit_in_bytes", "-1"}}},
		{"pids 2", 2, policy.Resource{Key: "pids.max", Limit: 64}, false, []setting{{"pids.max", "64"}}},
		{"pids 1", 1, policy.Resource{Key: "pids.max", Limit: 64}, false, []setting{{"pids.max", "64"}}},
		{"no pids limit 1", 1, policy.Resource{Key: "pids.max", Limit: -1}, false, []setting{{"pids.max", "max"}}},
		{"cpu 2", 2, policy.Resource{Key: "cpu.max", Limit: 50_000, Period: 100_000}, false, []setting{{"cpu.max", "50000 100000"}}},
		{"cpu 1", 1, policy.Resource{Key: "cpu.max", Limit: 50_000, Period: 200_000}, false,
			[]setting{{"cpu.cfs_period_us", "200000"}, {"cpu.cfs_quota_us", "50000"}}},
		{"no cpu limit 2", 2, policy.Resource{Key: "cpu.max", Limit: -1}, false, []setting{{"cpu.max", "max 100000"}}},
		{"no cpu limit 1", 1, policy.Resource{Key: "cpu.max", Limit: -1}, false,
			[]setting{{"cpu.cfs_period_us", "100000"}, {"cpu.cfs_quota_us", "-1"}}},
		{"memory.high", 2, policy.Resource{Key: "memory.high", Limit: 10_000_001}, true, []setting{{"memory.high", "9998336"}}},
		{"no memory.high", 2, policy.Resource{Key: "memory.high", Limit: -1}, true, []setting{{"memory.high", "max"}}},
		{"swap 2", 2, policy.Resource{Key: "memory.swap.max"}, false, []setting{{"memory.swap.max", "0"}}},
		{"swap 1", 1, policy.Resource{Key: "memory.swap.max", Limit: 8192}, false, []setting{{"memory.memsw.limit_in_bytes", "8192"}}},
		{"no swap limit 1", 1, policy.Resource{Key: "memory.swap.max", Limit: -1}, false, []setting{{"memory.memsw.limit_in_bytes", "-1"}}},
		{"oom group", 2, policy.Resource{Key: "memory.oom.group", Limit: 1}, false, []setting{{"memory.oom.group", "1"}}},
		{"weight 2", 2, policy.Resource{Key: "cpu.weight", Limit: 50}, false, []setting{{"cpu.weight", "50"}}},
		{"weight 1", 1, policy.Resource{Key: "cpu.weight", Limit: 50}, false, []setting{{"cpu.shares", "512"}}},
		{"least weight 1", 1, policy.Resource{Key: "cpu.weight", Limit: 1}, false, []setting{{"cpu.shares", "10"}}},
		{"processors", 1, policy.Resource{Key: "cpuset.cpus", Set: "0-3,6"}, false, []setting{{"cpuset.cpus", "0-3,6"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := settings(test.version, test.limit, test.swap)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(setting{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSwapOf(t *testing.T) {
	memory, swap := policy.Resource{Key: "memory.max", Limit: 1 << 20}, policy.Resource{Key: "memory.swap.max", Limit: 4096}
	for _, test := range []struct {
		name     string
		p        place
		limits   []policy.Resource
		swapped  int64 // the limit of memory.swap.max afterwards
		ours     bool
		refusing string
	}{
		{"nothing said", place{Hierarchy: host.Hierarchy{Version: 2}, swap: true}, []policy.Resource{memory}, 0, true, ""},
		{"version 2", place{Hierarchy: host.Hierarchy{Version: 2}, swap: true}, []policy.Resource{memory, swap}, 4096, false, ""},
		{"version 1", place{Hierarchy: host.Hierarchy{Version: 1}, swap: true}, []policy.Resource{memory, swap}, 1<<20 + 4096, false, ""},
		{"version 1 without memory", place{Hierarchy: host.Hierarchy{Version: 1}, swap: true}, []policy.Resource{swap}, 0, false, "takes memory.max"},
		{"no accounting", place{Hierarchy: host.Hierarchy{Version: 2}}, []policy.Resource{memory, swap}, 0, false, "swapaccount=1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			limits, ours, err := swapOf(test.p, test.limits)
			if test.refusing != "" {
				if err == nil || !strings.Contains(err.Error(), test.refusing) {
					t.Errorf("%v, want %s", err, test.refusing)
				}
				return
			}
			if err != nil || ours != test.ours || len(limits) > 1 && limits[1].Limit != test.swapped {
				t.Errorf("%v, %v, %v", limits, ours, err)
			}
		})
	}
	if swap.Limit != 4096 {
		t.Error("the caller's limit was changed")
	}
}

func TestSettingHolds(t *testing.T) {
	for _, test := range []struct {
		s    setting
		got  string
		want bool
	}{
		{setting{"memory.limit_in_bytes", "4096"}, "4096", true},
		{setting{"memory.limit_in_bytes", "4096"}, "8192", false},
		{setting{"memory.limit_in_bytes", "-1"}, "9223372036854771712", true},
		{setting{"memory.limit_in_bytes", "-1"}, "4096", false},
		{setting{"memory.limit_in_bytes", "4096"}, "9223372036854771712", false},
		{setting{"pids.max", "max"}, "9223372036854771712", false},
		{setting{"cpu.cfs_quota_us", "-1"}, "9223372036854771712", false},
	} {
		if got := test.s.holds(test.got); got != test.want {
			t.Errorf("%+v holds with %q: %v, want %v", test.s, test.got, got, test.want)
		}
	}
}

func TestCheckLimit(t *testing.T) {
	for _, test := range []struct {
		limit policy.Resource
		want  string
	}{
		{policy.Resource{Key: "memory.max", Limit: 1 << 20}, ""},
		{policy.Resource{Key: "cpu.max", Limit: -1}, ""},
		{policy.Resource{Key: "pids.max", Limit: 0}, "not a limit under which anything could start"},
		{policy.Resource{Key: "pids.max", Limit: -2}, "not a limit under which anything could start"},
		{policy.Resource{Key: "cpu.max", Limit: 1000, Period: -1}, "negative"},
		{policy.Resource{Key: "io.latency", Limit: 1}, "not one of"},
		{policy.Resource{Key: "io.max", Limit: 1}, "not the MAJOR:MINOR"},
		{policy.Resource{Key: "io.max", Device: "/dev/sda", Rates: policy.IORates{RBPS: 4096}}, "not the MAJOR:MINOR"},
		{policy.Resource{Key: "io.max", Device: "0:5", Rates: policy.IORates{RBPS: 4096}}, "not the MAJOR:MINOR"},
		{policy.Resource{Key: "io.max", Device: "8:0"}, "no rate of 8:0"},
		{policy.Resource{Key: "io.max", Device: "8:0", Rates: policy.IORates{RIOPS: 1}}, "riops of 8:0 is 1"},
		{policy.Resource{Key: "io.max", Device: "8:0", Rates: policy.IORates{WBPS: -2}}, "wbps of 8:0 is -2"},
		{policy.Resource{Key: "io.max", Device: "8:0", Rates: policy.IORates{WBPS: -1}}, ""},
		{policy.Resource{Key: "io.weight"}, "not a limit"},
		{policy.Resource{Key: "cpuset.cpus"}, "no processors"},
		{policy.Resource{Key: "cpuset.cpus", Set: "0"}, ""},
		{policy.Resource{Key: "memory.swap.max"}, ""},
		{policy.Resource{Key: "memory.swap.max", Limit: -2}, "not a limit"},
	} {
		err := checkLimit(test.limit)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.limit, err, test.want)
		}
	}
}

func TestControllers(t *testing.T) {
	got := Controllers(policy.Resource{Key: "memory.max"}, policy.Resource{Key: "cpu.max"}, policy.Resource{Key: "memory.max"})
	if got != host.Memory|host.CPU {
		t.Errorf("got %s", got)
	}
	if got := Controllers(); got != 0 {
		t.Errorf("no limits need %s", got)
	}
}
