package cgroup

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"web": true, "0": true, "web.v2": true, "a_b-c": true, strings.Repeat("a", 100): true,
		"": false, ".": false, "..": false, ".hidden": false, "_supervisor": false, "a/b": false, "a\n": false, "é": false,
		"-x": false, strings.Repeat("a", 101): false,
	} {
		if err := checkName("module", name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	self, err := identify(linux.New())
	if err != nil || self.pid == 0 || self.start == 0 || self.ns == 0 {
		t.Fatalf("%+v, %v", self, err)
	}
	if back, ok := parseIdentity(self.String()); !ok || back != self {
		t.Errorf("%q parses as %+v, %v", self, back, ok)
	}
	for _, s := range []string{"", "1-2", "1-2-3-4", "a-2-3", "1-b-3", "1-2-c", "01-2-3", "+1-2-3", "-1-2-3"} {
		if id, ok := parseIdentity(s); ok {
			t.Errorf("%q parses as %+v", s, id)
		}
	}
}

func TestOpenUnavailable(t *testing.T) {
	v2 := host.Hierarchy{Version: 2, Mount: "/nowhere", Dir: "/nowhere", Group: "/", Controllers: host.Memory}
	readOnly, hidden := v2, v2
	readOnly.ReadOnly = true
	hidden.Dir, hidden.Group = "", "/../user.slice"
	v1 := host.Hierarchy{Version: 1, Mount: "/nowhere", Dir: "/nowhere", Controllers: host.Pids}
	for _, test := range []struct {
		name string
		f    host.CgroupFacts
		want host.ControllerSet
		text string
	}{
		{"nothing mounted", host.CgroupFacts{}, 0, "no control group hierarchy is mounted (mount -t cgroup2"},
		{"nothing mounted, limits", host.CgroupFacts{}, host.Memory, "with {memory} are not available: no mounted hierarchy has the controller"},
		{"controller missing", host.CgroupFacts{V2: v2}, host.Pids, "no mounted hierarchy has the controller {pids}"},
		{"read-only", host.CgroupFacts{V2: readOnly}, host.Memory, "/nowhere is mounted read-only (mount /nowhere read-write"},
		{"not visible", host.CgroupFacts{V2: hidden}, host.Memory, "own group /../user.slice is not visible below /nowhere"},
		{"version 2 gone", host.CgroupFacts{V2: v2}, host.Memory, "the group cannot be read: open /nowhere/cgroup.controllers: no such file"},
		{"version 1 gone", host.CgroupFacts{Pids: v1}, host.Pids, "version 1 hierarchy cannot be written: make /nowhere/bulkhead-"},
		{"version 1 gone, no limits", host.CgroupFacts{Pids: v1}, 0, "version 1 hierarchy cannot be written"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Open(linux.New(), host.Facts{Cgroup: test.f}, Options{Controllers: test.want})
			var unavailable *UnavailableError
			if r != nil || !errors.As(err, &unavailable) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %q", err, test.text)
			}
		})
	}
}
