package kernel

import "github.com/bulkhead/bulkhead/posix"

// credentials are who a process is. A description keeps those of whoever opened it. Values are never changed in place: groups are shared.
type credentials struct {
	uids   posix.Uids
	gids   posix.Gids
	groups []posix.GID
	caps   posix.CapSets
	// bounding and ambient complete the sets of capabilities(7).
	bounding, ambient uint64
	// user is the user namespace in which the capabilities count; nil is the first one. Users and groups here are those of the first one.
	user *userNS
	// which is different for those that were made one after the other, even if they are equal: Linux compares addresses.
	which uint64
}

const lastCapability = 40 // CAP_CHECKPOINT_RESTORE

func rootCredentials() credentials {
	const all = 1<<(lastCapability+1) - 1
	return credentials{caps: posix.CapSets{Effective: all, Permitted: all}, bounding: all}
}

// has tells whether a capability is effective in the first user namespace, to which most of a machine belongs.
func (c *credentials) has(capability int) bool {
	return c.user == nil && c.caps.Effective&(1<<capability) != 0
}
