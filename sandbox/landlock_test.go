package sandbox

import (
	"testing"

	"golang.org/x/sys/unix"

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
