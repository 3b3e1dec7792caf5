package listener

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Identity is what would force a listener to be opened again. It is comparable, and fit for a map's key.
//
// Listeners live in the network namespace of the supervisor, without an interface and without SO_REUSEPORT, so those are the same for all.
type Identity struct {
	Family uint16         // AF_INET, AF_INET6 or AF_UNIX
	Type   int            // SOCK_STREAM or, for UDP, SOCK_DGRAM
	Addr   netip.AddrPort // TCP and UDP
	V6Only bool           // IPV6_V6ONLY
	Path   string         // unix
}

// IdentityOf returns the identity of l. The name is not part of it: a listener that is renamed keeps its socket.
func IdentityOf(l policy.Listener) Identity {
	if l.Network == "unix" {
		return Identity{Family: unix.AF_UNIX, Type: unix.SOCK_STREAM, Path: l.Path}
	}
	id := Identity{Family: unix.AF_INET, Type: unix.SOCK_STREAM, Addr: l.Addr}
	if l.Network == "udp" {
		id.Type = unix.SOCK_DGRAM
	}
	if l.Addr.Addr().Is6() {
		id.Family, id.V6Only = unix.AF_INET6, true
	}
	return id
}

// String returns the identity as messages show it: "127.0.0.1:80", "udp:[::]:53", "unix:/run/app.sock".
func (id Identity) String() string {
	if id.Family == unix.AF_UNIX {
		return "unix:" + id.Path
	}
	if id.Type == unix.SOCK_DGRAM {
		return "udp:" + id.Addr.String()
	}
	return id.Addr.String()
}
