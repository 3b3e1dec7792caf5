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

func TestLandlockHandled(t *testing.T) {
	// Bit by bit from landlock(7): ABI 1 has 13 rights, 2 adds refer, 3 truncate, 5 ioctl on devices.
	for abi, want := range map[int]uint64{1: 1<<13 - 1, 2: 1<<14 - 1, 3: 1<<15 - 1, 4: 1<<15 - 1, 5: 1<<16 - 1, 7: 1<<16 - 1} {
		if got := landlockHandled(abi); got != want {
			t.Errorf("ABI %d handles %#x, want %#x", abi, got, want)
		}
	}
}

func TestLandlockAccess(t *testing.T) {
	const (
		read, write, execute = policy.AccessRead, policy.AccessWrite, policy.AccessExecute
		file                 = unix.LANDLOCK_ACCESS_FS_READ_FILE
	)
	tests := []struct {
		name      string
		access    policy.Access
		kind      Kind
		has, lack uint64
	}{
		{"directory for reading", read, Directory, file | unix.LANDLOCK_ACCESS_FS_READ_DIR, unix.LANDLOCK_ACCESS_FS_EXECUTE | landlockWrite},
		{"directory for executing", read | execute, Directory, file | unix.LANDLOCK_ACCESS_FS_EXECUTE, landlockWrite},
		{"directory for writing", read | write, Directory, unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_TRUNCATE,
			// No devices are made by a module, whatever it may write to.
			unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
		{"file for writing", read | write, Regular, file | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE,
			unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
		{"device", read, Device, file | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV, unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_WRITE_FILE},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := landlockAccess(node{Mount: policy.Mount{Access: tt.access}, kind: tt.kind})
			if got&tt.has != tt.has || got&tt.lack != 0 {
				t.Errorf("%#x lacks %#x, and has %#x that it should not", got, tt.has&^got, got&tt.lack)
			}
		})
	}
}

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
				case unix.SYS_OPEN_TREE: // of what the file system mounted above it brought
					if above := "/" + parts[1][:strings.LastIndex(parts[1], "/")]; !made[above] {
						t.Errorf("%s: %s is not there", s.Text, above)
					}
					made["/"+parts[1]] = true
				case unix.SYS_MOVE_MOUNT:
					if strings.Contains(s.Text, "AT_FDCWD") {
						continue
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

// A module without a network cannot connect what it inherits to somewhere else.
func TestClosedTCP(t *testing.T) {
	const both = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	for _, c := range []struct {
		name, lines string
		abi         int
		want        uint64
	}{
		{"no network", "network: {mode: none}", 7, both},
		{"the first version with TCP", "network: {mode: none}", 4, both},
		{"the version before", "network: {mode: none}", 3, 0},
		{"a loopback of its own", "network: {mode: loopback}", 7, 0},
		{"the host's network", "network: {mode: host}\nnamespaces: [mount, pid]", 7, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := debian()
			h.facts.Landlock.ABI = c.abi
			res := mustCompile(t, h, "command: [/usr/bin/true]\nuser: web\nseccomp: {allow: [read]}\n"+
				"filesystem: [{path: /usr, access: rx}, {path: /lib64, access: rx}]\n"+c.lines)
			for _, p := range res.Mounts().Prepare {
				if p.Kind == program.Ruleset && p.Net != c.want {
					t.Errorf("denies %#x; want %#x", p.Net, c.want)
				}
			}
		})
	}
}
