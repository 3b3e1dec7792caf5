package sandbox

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// notifyPath is where a module that notifies finds its socket.
const notifyPath = "/run/notify"

// notifies tells whether the module gets a socket for sd_notify(3).
func (c *compiler) notifies() bool { return c.module.Health.Kind.V == "notify" && !c.Alone }

// inheritsNotify tells whether it gets that socket as a descriptor, connected.
func (c *compiler) inheritsNotify() bool {
	return slices.ContainsFunc(c.module.Listeners, func(l policy.ListenerRef) bool { return l.Name == policy.NotifyListener })
}

// notifyNode returns the mount of the socket, nothing when it has no place. In a root that is shared with the host the socket
// would be at a path of the host's, where every other process could reach it.
func (c *compiler) notifyNode(r root) []node {
	if c.inheritsNotify() {
		return nil
	}
	pos := c.module.Health.Kind.Pos
	if !c.has(unix.CLONE_NEWNS) {
		c.problem("E607", pos, "the socket for notify has no place without a mount namespace", `add "mount" to namespaces`)
		return nil
	}
	for _, n := range r.nodes {
		if within(n.Path, notifyPath) {
			c.problem("E607", n.Pos, "the socket for notify is at "+notifyPath+", which filesystem lists", "list another path")
			return nil
		}
	}
	return []node{{Mount: policy.Mount{Kind: policy.MountControl, Path: notifyPath, Access: policy.AccessRead, Pos: pos}, kind: Other, socket: program.NotifySocket}}
}
