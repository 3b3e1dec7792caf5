package demo

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestPermits(t *testing.T) {
	me := status{uids: [4]uint32{1, 1, 1, 33}, gids: [4]uint32{1, 1, 1, 44}, groups: []uint32{5, 6}}
	unmapped := me
	unmapped.groups = []uint32{65534, 65534}
	nogroup := me
	nogroup.gids[3] = 65534
	root := me
	root.caps.Effective = capDACOverride
	for _, c := range []struct {
		name      string
		self      status
		uid, gid  uint32
		mode      uint32
		want      uint32
		permitted bool
	}{
		{"owner may", me, 33, 0, unix.S_IFREG | 0o600, permRead | permWrite, true},
		{"owner may not, though others may", me, 33, 0, unix.S_IFREG | 0o077, permRead, false},
		{"the real user does not count", me, 1, 0, unix.S_IFREG | 0o600, permRead, false},
		{"group may", me, 0, 44, unix.S_IFREG | 0o060, permWrite, true},
		{"supplementary group may", me, 0, 6, unix.S_IFREG | 0o040, permRead, true},
		{"group may not, though others may", me, 0, 5, unix.S_IFREG | 0o707, permRead, false},
		{"groups that are not mapped are not the same", unmapped, 0, 65534, unix.S_IFREG | 0o604, permRead, true},
		{"groups that are not mapped are not the same, and others may not", unmapped, 0, 65534, unix.S_IFREG | 0o060, permRead, false},
		{"the group may be that of nobody", nogroup, 0, 65534, unix.S_IFREG | 0o060, permRead, true},
		{"others may", me, 0, 0, unix.S_IFDIR | 0o1777, permWrite | permExecute, true},
		{"others may only in part", me, 0, 0, unix.S_IFDIR | 0o755, permWrite | permExecute, false},
		{"the capability may write", root, 0, 0, unix.S_IFREG, permWrite, true},
		{"the capability may search", root, 0, 0, unix.S_IFDIR, permExecute, true},
		{"the capability may not execute what nobody may", root, 0, 0, unix.S_IFREG | 0o666, permExecute, false},
	} {
		if got := permits(unix.Stat_t{Uid: c.uid, Gid: c.gid, Mode: c.mode}, c.self, c.want); got != c.permitted {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
