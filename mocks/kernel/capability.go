package kernel

import "github.com/bulkhead/bulkhead/posix"

// capableIn tells whether a capability is effective in a user namespace: it is that of the process or one below, or the process's user made the
// namespace next below
// that of the process. Source: user_namespaces(7), cap_capable in security/commoncap.c.
func (p *Process) capableIn(ns *userNS, capability int) bool { return p.cred.capableIn(ns, capability) }

func (c *credentials) capableIn(ns *userNS, capability int) bool {
	for ; ; ns = ns.parent {
		if ns == c.user {
			return c.caps.Effective&(1<<capability) != 0
		}
		if ns.depth() <= c.user.depth() {
			return false
		}
		if ns.parent == c.user && ns.maker == c.uids.Effective {
			return true
		}
	}
}

// depth is 0 for the first user namespace.
func (ns *userNS) depth() int {
	if ns == nil {
		return 0
	}
	return ns.level
}

// overflowID is what users and groups look like in a namespace that does not map them.
const overflowID = 65534

// idMap says that count numbers from inside on are those from outside on of the parent namespace.
type idMap struct{ inside, outside, count uint32 }

// shown returns the number that a kernel-wide one has in a namespace, overflowID when it has none there.
func shown(maps []idMap, id uint32) (uint32, bool) {
	for _, m := range maps {
		if id >= m.outside && id-m.outside < m.count {
			return m.inside + (id - m.outside), true
		}
	}
	return overflowID, false
}

// meant returns the kernel-wide number of one in a namespace.
func meant(maps []idMap, id uint32) (uint32, bool) {
	for _, m := range maps {
		if id >= m.inside && id-m.inside < m.count {
			return m.outside + (id - m.inside), true
		}
	}
	return 0, false
}

// uidOf returns what a user is called in a user namespace.
func (ns *userNS) uidOf(uid posix.UID) posix.UID {
	if ns == nil {
		return uid
	}
	id, _ := shown(ns.uids, uint32(uid))
	return posix.UID(id)
}

// gidOf returns what a group is called in a user namespace.
func (ns *userNS) gidOf(gid posix.GID) posix.GID {
	if ns == nil {
		return gid
	}
	id, _ := shown(ns.gids, uint32(gid))
	return posix.GID(id)
}

// uid returns the user that is called so in a user namespace; false: nobody.
func (ns *userNS) uid(uid posix.UID) (posix.UID, bool) {
	if ns == nil {
		return uid, uid != ^posix.UID(0)
	}
	id, ok := meant(ns.uids, uint32(uid))
	return posix.UID(id), ok
}

// gid returns the group that is called so in a user namespace; false: none.
func (ns *userNS) gid(gid posix.GID) (posix.GID, bool) {
	if ns == nil {
		return gid, gid != ^posix.GID(0)
	}
	id, ok := meant(ns.gids, uint32(gid))
	return posix.GID(id), ok
}
