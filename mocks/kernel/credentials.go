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
}

const lastCapability = 40 // CAP_CHECKPOINT_RESTORE

func rootCredentials() credentials {
	const all = 1<<(lastCapability+1) - 1
	return credentials{caps: posix.CapSets{Effective: all, Permitted: all}, bounding: all}
}

// has tells whether a capability is effective.
func (c *credentials) has(capability int) bool { return c.caps.Effective&(1<<capability) != 0 }
