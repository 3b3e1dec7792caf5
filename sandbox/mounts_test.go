package sandbox

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

func TestMountAttr(t *testing.T) {
	for _, kind := range []Kind{Regular, Directory, Device} {
		for access := range policy.Access(8) {
			got := mountAttr(node{Mount: policy.Mount{Access: access}, kind: kind})
			want := uint64(unix.MOUNT_ATTR_NOSUID)
			for attr, off := range map[uint64]bool{
				unix.MOUNT_ATTR_NODEV:  kind == Device,
				unix.MOUNT_ATTR_RDONLY: access&policy.AccessWrite != 0,
				unix.MOUNT_ATTR_NOEXEC: access&policy.AccessExecute != 0,
			} {
				if !off {
					want |= attr
				}
			}
			if got != want {
				t.Errorf("kind %d with access %d is mounted %#x, want %#x", kind, access, got, want)
			}
		}
	}
}

func TestMountAttrNoSymFollow(t *testing.T) {
	for _, on := range []bool{false, true} {
		got := mountAttr(node{Mount: policy.Mount{Access: policy.AccessRead, NoSymFollow: on}, kind: Directory})
		if got&unix.MOUNT_ATTR_NOSYMFOLLOW != 0 != on {
			t.Errorf("nosymfollow: %t is mounted %#x", on, got)
		}
	}
}

// TestMountPointsComeFirst: whatever is mounted has a place that was made, or that a mount of the host brought.
func TestMountPointsComeFirst(t *testing.T) {
	for name, res := range variants(t) {
		t.Run(name, func(t *testing.T) {
			made := map[string]bool{"/": true}
			for _, s := range res.Mounts().Steps {
				parts := strings.Split(s.Text, `"`)
				switch s.Number {
				case unix.SYS_MKDIRAT, unix.SYS_MKNODAT:
					in, _, _ := strings.Cut(strings.TrimPrefix(s.Text[strings.Index(s.Text, "<"):], "<"), ">")
					if in == "root" {
						in = ""
					}
					at := in + "/" + parts[1]
					if made[at] {
						t.Errorf("%s is made twice; the kernel says EEXIST", at)
					}
					if dir := at[:strings.LastIndex(at, "/")]; dir != "" && !made[dir] {
						t.Errorf("%s before %s", at, dir)
					}
					made[at] = true
				case unix.SYS_UNLINKAT:
					delete(made, "/"+parts[1])
				case unix.SYS_MOVE_MOUNT:
					if strings.Contains(s.Text, "AT_FDCWD") || strings.Contains(s.Text, "MOVE_MOUNT_T_EMPTY_PATH") {
						continue // the second has been opened
					}
					if to := "/" + parts[3]; !made[to] {
						t.Errorf("%s: nothing is there", s.Text)
					}
				}
			}
		})
	}
}

// TestOneGroupDirectoryForEachHierarchy: version 1 has a directory for each controller, and two controllers may share one.
func TestOneGroupDirectoryForEachHierarchy(t *testing.T) {
	tests := []struct {
		name   string
		cgroup host.CgroupFacts
		want   []string // "controller place"
	}{
		{"version 2", debian().facts.Cgroup, []string{" /sys/fs/cgroup"}},
		{"version 1", onVersion1(host.Memory | host.Pids | host.CPU), []string{"cpu /sys/fs/cgroup/cpu", "memory /sys/fs/cgroup/memory", "pids /sys/fs/cgroup/pids"}},
		{"version 1, joined", func() host.CgroupFacts {
			f := onVersion1(host.Memory | host.Pids | host.CPU)
			f.CPU = f.Memory
			return f
		}(), []string{"memory /sys/fs/cgroup/memory", "pids /sys/fs/cgroup/pids"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := debian()
			h.facts.Cgroup = tt.cgroup
			p := mustCompile(t, h, rich).Mounts()
			var got []string
			for i, d := range p.Prepare {
				if d.Kind != program.CgroupTree {
					continue
				}
				for _, s := range p.Steps {
					if s.Number == unix.SYS_MOVE_MOUNT && s.Args[0].Kind == program.Descriptor && s.Args[0].Value == uint64(i) {
						got = append(got, d.Path+" /"+strings.Split(s.Text, `"`)[3])
					}
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
