package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// allCaps is the set of all capabilities.
const allCaps = 1<<(lastCapability+1) - 1

// Capget implements [posix.Credentials].
func (p *Process) Capget(sets *posix.CapSets) error {
	c, errno := p.enter(posix.OpCapget, somewhere, somewhere)
	if errno == 0 {
		*sets = p.cred.caps
	}
	return c.leave(errno)
}

// Capset implements [posix.Credentials].
func (p *Process) Capset(sets *posix.CapSets) error {
	c, errno := p.enter(posix.OpCapset, somewhere, somewhere)
	if errno == 0 {
		errno = p.capset(*sets)
	}
	return c.leave(errno)
}

// capset is capset(2); capabilities that there are not are left out. Source: security/commoncap.c, cap_capset.
func (p *Process) capset(sets posix.CapSets) posix.Errno {
	sets.Effective &= allCaps
	sets.Permitted &= allCaps
	sets.Inheritable &= allCaps
	old := &p.cred
	switch {
	case !p.capableIn(old.user, unix.CAP_SETPCAP) && sets.Inheritable&^(old.caps.Inheritable|old.caps.Permitted) != 0,
		sets.Inheritable&^(old.caps.Inheritable|old.bounding) != 0,
		sets.Permitted&^old.caps.Permitted != 0,
		sets.Effective&^sets.Permitted != 0:
		return eperm
	}
	next := *old
	next.caps = sets
	next.ambient &= sets.Permitted & sets.Inheritable
	p.setCredentials(next)
	return 0
}

// fileCaps are the capabilities of a file. Source: capabilities(7), "File capabilities".
type fileCaps struct {
	permitted, inheritable uint64
	effective              bool
}

// credentialsOfExec returns who p is when it has executed f, and whether that is more than before ("secure execution").
// Source: security/commoncap.c, cap_bprm_creds_from_file; fs/exec.c, bprm_fill_uid.
func (p *Process) credentialsOfExec(f *file) (cred credentials, secure bool, errno posix.Errno) {
	old := &p.cred
	cred = *old
	n := f.inode()
	nosuid := f.place != nil && f.place.mount.flags&unix.MOUNT_ATTR_NOSUID != 0
	if !nosuid && !p.box.noNewPrivs {
		if n.mode&unix.S_ISUID != 0 {
			cred.uids.Effective = n.uid
		}
		if n.mode&(unix.S_ISGID|0o010) == unix.S_ISGID|0o010 {
			cred.gids.Effective = n.gid
		}
	}
	// Permitted begins empty: what the file, or user 0, gives.
	var permitted uint64
	effective := false
	caps, hasCaps := n.caps, n.caps != nil && !nosuid
	if hasCaps {
		permitted = caps.permitted&old.bounding | caps.inheritable&old.caps.Inheritable
		effective = caps.effective
		if effective && caps.permitted&^permitted != 0 {
			return cred, false, eperm
		}
	}
	root, mapped := old.user.uid(0)
	if mapped && p.attrs.securebits&secureNoRoot == 0 && !(hasCaps && cred.uids.Real != root && cred.uids.Effective == root) {
		if cred.uids.Effective == root || cred.uids.Real == root {
			permitted = old.bounding | old.caps.Inheritable
		}
		if cred.uids.Effective == root {
			effective = true
		}
	}
	setid := cred.uids.Effective != old.uids.Real && cred.uids.Effective != old.uids.Effective ||
		cred.gids.Effective != old.gids.Effective && !p.inGroup(cred.gids.Effective)
	if p.box.noNewPrivs && (setid || permitted&^old.caps.Permitted != 0) {
		cred.uids.Effective, cred.gids.Effective = cred.uids.Real, cred.gids.Real
		permitted &= old.caps.Permitted
	}
	cred.uids.Saved, cred.gids.Saved = cred.uids.Effective, cred.gids.Effective
	changed := cred.uids.Effective != old.uids.Effective || cred.gids.Effective != old.gids.Effective
	if hasCaps || changed {
		cred.ambient = 0
	}
	cred.caps.Permitted = permitted | cred.ambient
	cred.caps.Effective = cred.ambient
	if effective {
		cred.caps.Effective = cred.caps.Permitted
	}
	secure = changed || cred.uids.Real != root && (effective || permitted != 0 && permitted&^cred.ambient != 0)
	return cred, secure, 0
}
