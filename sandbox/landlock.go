package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// Landlock access rights, by the version of the interface that brought them. Source: landlock(7).
const (
	landlockRead    = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockExecute = unix.LANDLOCK_ACCESS_FS_EXECUTE
	landlockWrite   = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landlockFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	landlockABI1 = 1<<13 - 1
)

// landlockHandled returns the rights that a version of the interface knows.
func landlockHandled(abi int) uint64 {
	handled := uint64(landlockABI1)
	if abi >= 2 {
		handled |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		handled |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 5 {
		handled |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return handled
}

// landlockTCP returns the rights about TCP that a version of the interface knows. Source: landlock(7).
func landlockTCP(abi int) uint64 {
	if abi < 4 {
		return 0
	}
	return unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
}

// landlockScopes returns what a version of the interface can keep from reaching processes that are not the module's: connecting to abstract
// unix sockets, and signals. Where a namespace is shared there is nothing else that would hold them.
// Source: landlock(7), scope flags.
func landlockScopes(abi int) uint64 {
	if abi < 6 {
		return 0
	}
	return unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
}

// landlockLacks says what this host's version of Landlock does not restrict of what a ruleset of ours does on a kernel that has it all.
func (c *compiler) landlockLacks() (lacks []string) {
	abi := c.facts.Landlock.ABI
	if abi < 3 {
		lacks = append(lacks, "shortening files (needs 3)")
	}
	if abi < 4 && c.has(unix.CLONE_NEWNET) && c.module.Network.V == policy.NetworkNone {
		lacks = append(lacks, "binding and connecting the sockets it inherits (needs 4)")
	}
	if abi < 5 {
		lacks = append(lacks, "ioctl on devices (needs 5)")
	}
	if abi < 6 && !c.has(unix.CLONE_NEWPID) {
		lacks = append(lacks, "signals to processes outside (needs 6)")
	}
	if abi < 6 && !c.has(unix.CLONE_NEWNET) {
		lacks = append(lacks, "abstract unix sockets of the network that it shares (needs 6)")
	}
	return lacks
}

// closedTCP returns what Landlock denies about TCP to a module that shall have no network. The namespace alone would not do: a socket
// that it inherits belongs to the host's network, and could be disconnected and connected elsewhere.
func (c *compiler) closedTCP() uint64 {
	var closed uint64
	switch m := c.module; {
	case c.has(unix.CLONE_NEWNET) && m.Network.V == policy.NetworkNone:
		closed = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	default:
		if m.Bind.Set() {
			closed |= unix.LANDLOCK_ACCESS_NET_BIND_TCP
		}
		if m.Connect.Set() {
			closed |= unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		}
	}
	return closed & landlockTCP(c.facts.Landlock.ABI)
}

// openPorts are the exceptions from closedTCP.
func (c *compiler) openPorts() (ports []program.Port) {
	for _, l := range [...]struct {
		list   policy.Value[[]uint16]
		access uint64
	}{{c.module.Bind, unix.LANDLOCK_ACCESS_NET_BIND_TCP}, {c.module.Connect, unix.LANDLOCK_ACCESS_NET_CONNECT_TCP}} {
		for _, p := range l.list.V {
			ports = append(ports, program.Port{Number: p, Access: l.access, Origin: origin(l.list.Pos)})
		}
	}
	return ports
}

// scopes are those of the module: all that this kernel has, unless the policy names them.
func (c *compiler) scopes() uint64 {
	scoped := landlockScopes(c.facts.Landlock.ABI)
	if !c.module.Scope.Set() {
		return scoped
	}
	var named uint64
	for _, s := range c.module.Scope.V {
		named |= map[string]uint64{"abstract_unix_socket": unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, "signal": unix.LANDLOCK_SCOPE_SIGNAL}[s]
	}
	return named & scoped
}

// checkLandlock reports what the policy names and this version of Landlock does not do.
func (c *compiler) checkLandlock() {
	abi := c.facts.Landlock.ABI
	for _, v := range [...]struct {
		key  string
		set  bool
		pos  policy.Pos
		abi  int
		from string
	}{
		{"network.connect", c.module.Connect.Set(), c.module.Connect.Pos, 4, "6.7"},
		{"network.bind", c.module.Bind.Set(), c.module.Bind.Pos, 4, "6.7"},
		{"network.scope", len(c.module.Scope.V) > 0, c.module.Scope.Pos, 6, "6.12"},
	} {
		if v.set && abi > 0 && abi < v.abi {
			c.lacks("landlock", v.pos, fmt.Sprintf("%s needs version %d of Landlock (Linux %s); this is version %d", v.key, v.abi, v.from, abi), "run it on a newer kernel")
		}
	}
}

// landlockAccess returns the rights that an entry of the file-system list gives.
func landlockAccess(n node) uint64 {
	var access uint64
	if n.Access&policy.AccessRead != 0 {
		access |= landlockRead
	}
	if n.Access&policy.AccessWrite != 0 {
		access |= landlockWrite
	}
	if n.Access&policy.AccessExecute != 0 {
		access |= landlockExecute
	}
	if n.kind == Device && !n.plain {
		access |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if n.kind != Directory {
		access &= landlockFile
	}
	return access
}
