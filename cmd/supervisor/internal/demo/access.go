package demo

import (
	"slices"

	"golang.org/x/sys/unix"
)

const capDACOverride = 1 << unix.CAP_DAC_OVERRIDE

// whoDeniesAccess says who answered EACCES for a path: mode and owner, or else Landlock, which is asked after them.
func whoDeniesAccess(path string, want uint32) Layer {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return LayerPermissions // of a directory on the way
	}
	self, err := readStatus(ownProc)
	if err != nil {
		return LayerPermissions
	}
	if permits(st, self, want) {
		return LayerLandlock
	}
	return LayerPermissions
}

// permits tells whether mode and owner of a file allow what is wanted: path_resolution(7), "permission checks".
func permits(st unix.Stat_t, self status, want uint32) bool {
	mode := st.Mode
	// In a user namespace what is not mapped shows as the overflow user's or group's: the capability does not reach it, and that a file and a
	// supplementary group both show so does not make them the same.
	const overflow = 65534
	mapped := st.Uid != overflow && st.Gid != overflow
	if mapped && self.caps.Effective&capDACOverride != 0 && (want&permExecute == 0 || mode&unix.S_IFMT == unix.S_IFDIR || mode&0o111 != 0) {
		return true
	}
	uid, gid := self.uids[3], self.gids[3] // the ones for files
	switch {
	case st.Uid == uid:
		mode >>= 6
	case st.Gid == gid, st.Gid != overflow && slices.Contains(self.groups, st.Gid):
		mode >>= 3
	}
	return mode&want == want
}
