package sandbox

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/host"
)

// withDisks is a host with the controller of disks on a version of control groups.
func withDisks(version int) *fakeHost {
	h := debian()
	h.disks = map[string]host.Disk{"/srv": {Number: "8:0", Name: "sda"}, "8:1": {Number: "8:0", Name: "sda"}, "/dev/nvme0n1": {Number: "259:0", Name: "nvme0n1"},
		"/tmp": {Lacks: "/tmp is in a file system (tmpfs) that is not on one block device", Enable: "name the disk itself"}}
	h.weighing.Disks = "sda by bfq"
	if h.facts.Cgroup.V2.Controllers |= host.IO; version == 1 {
		h.facts.Cgroup = onVersion1(host.Memory | host.Pids | host.CPU | host.IO)
	}
	return h
}

func TestDisks(t *testing.T) {
	const gone = "/gone: no such file or directory"
	for _, tt := range []struct {
		name, resources, bestEffort string
		version                     int
		change                      func(*fakeHost)
		level                       Level
		detail                      string
		devices                     string // of the limits that are in force
		code, message, help         string // of a problem
	}{
		{name: "a directory", resources: "{io.max: {/srv: {rbps: 1M}}}", version: 2, detail: "control groups version 2: sda (8:0) rbps=1M", devices: "8:0"},
		{name: "version 1", resources: "{io.max: {/srv: {rbps: 1M}}}", version: 1, detail: "control groups version 1: sda (8:0) rbps=1M", devices: "8:0"},
		{name: "writes on version 1", resources: "{io.max: {/srv: {wiops: 5}}}", version: 1, devices: "8:0",
			detail: "control groups version 1: sda (8:0) wiops=5; not what the kernel writes later on by itself"},
		{name: "two", resources: "{io.max: {/srv: {rbps: 1M}, /dev/nvme0n1: {riops: 9, wbps: max}}}", version: 2,
			detail: "control groups version 2: nvme0n1 (259:0) wbps=max riops=9, sda (8:0) rbps=1M", devices: "259:0 8:0"},
		{name: "none", resources: "{io.max: {/gone: {rbps: 1M}}}", version: 2, code: "E610", message: "cannot enforce io.max: " + gone, help: "best_effort: [io.max]"},
		{name: "no block device", resources: "{io.max: {/tmp: {rbps: 1M}}}", version: 2, code: "E610", message: "tmpfs", help: "name the disk itself; or accept"},
		{name: "none, accepted", resources: "{io.max: {/gone: {rbps: 1M}}}", bestEffort: "[io.max]", version: 2, level: Missing, detail: gone + " (best_effort)"},
		{name: "one of two, accepted", resources: "{io.max: {/gone: {rbps: 1M}, /srv: {rbps: 1M}}}", bestEffort: "[resources]", version: 2, level: Degraded,
			detail: "control groups version 2: sda (8:0) rbps=1M; " + gone + " (best_effort)", devices: "8:0"},
		{name: "one disk twice", resources: "{io.max: {/srv: {rbps: 1M}, \"8:1\": {rbps: 2M}}}", version: 2, code: "E621", message: "/srv and 8:1 are one disk for io.max, sda (8:0)"},
		{name: "no controller", resources: "{io.max: {/srv: {rbps: 1M}}}", version: 2, change: func(h *fakeHost) { h.facts.Cgroup.V2.Controllers &^= host.IO },
			code: "E610", message: "no control group hierarchy has the io controller"},
		{name: "no controller, accepted", resources: "{io.max: {/srv: {rbps: 1M}, /dev/nvme0n1: {riops: 9}}}", bestEffort: "[io.max]", version: 2,
			change: func(h *fakeHost) { h.facts.Cgroup.V2.Controllers &^= host.IO }, level: Missing, detail: "no control group hierarchy has the io controller (best_effort)"},
		{name: "not handed down", resources: "{io.max: {/srv: {rbps: 1M}}}", version: 2, change: func(h *fakeHost) {
			h.facts.Tried, h.facts.Cgroup.V2.Place, h.facts.Cgroup.V2.Offers = true, "/sys/fs/cgroup/user.slice", host.Memory
		}, code: "E610", message: "/sys/fs/cgroup/user.slice does not hand the io controller down", help: "Delegate=yes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := withDisks(tt.version)
			if tt.change != nil {
				tt.change(h)
			}
			lines := []string{"resources: " + tt.resources}
			if tt.bestEffort != "" {
				lines = append(lines, "best_effort: "+tt.bestEffort)
			}
			if tt.code != "" {
				refused(t, h, with(lines...), tt.code, tt.message, tt.help)
				return
			}
			res := mustCompile(t, h, with(lines...))
			var of []Enforcement
			for _, e := range res.Enforcement {
				if e.Protection == "io.max" {
					of = append(of, e)
				}
			}
			if len(of) != 1 || of[0].Level != tt.level || of[0].Detail != tt.detail {
				t.Errorf("%+v\nwant %s: %s", of, tt.level, tt.detail)
			}
			var devices []string
			for _, r := range res.Resources {
				if tt.level != Missing {
					devices = append(devices, r.Device)
				}
			}
			if got := strings.Join(devices, " "); got != tt.devices {
				t.Errorf("limits of %s, want %s", got, tt.devices)
			}
		})
	}
}

func TestWeight(t *testing.T) {
	h := withDisks(1)
	res := mustCompile(t, h, with("resources: {io.weight: 50}"))
	if !slices.Contains(res.Enforcement, Enforcement{"io.weight", Enforced, "control groups version 1: sda by bfq"}) {
		t.Errorf("%+v", res.Enforcement)
	}
	h.weighing = host.Weighing{Lacks: "no disk is shared by weight", Enable: "echo bfq >/sys/block/sda/queue/scheduler"}
	refused(t, h, with("resources: {io.weight: 50}"), "E610", "cannot enforce io.weight: no disk is shared", "echo bfq >/sys")
	res = mustCompile(t, h, with("resources: {io.weight: 50}", "best_effort: [io.weight]"))
	if !slices.Contains(res.Enforcement, Enforcement{"io.weight", Missing, "no disk is shared by weight (best_effort)"}) {
		t.Errorf("%+v", res.Enforcement)
	}
}

// refused wants one problem.
func refused(t *testing.T, h *fakeHost, module, code, message, help string) {
	t.Helper()
	res, ds := compileWith(t, h, module)
	if res != nil || len(ds) != 1 || ds[0].Code != code || !strings.Contains(ds[0].Message, message) || !strings.Contains(ds[0].Help, help) {
		t.Errorf("%v\nwant %s: %s; help: %s", ds, code, message, help)
	}
}
