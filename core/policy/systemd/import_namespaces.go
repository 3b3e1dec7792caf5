package systemd

import (
	"slices"
	"strings"
)

// namespaces reads which namespaces the program has of its own, and what network.
func (im *importer) namespaces(u *unit, m *moduleYAML) {
	list := []string{"mount"} // the file-system list is one
	for _, n := range []struct{ key, name string }{{"PrivateIPC", "ipc"}, {"ProtectHostname", "uts"}, {"PrivateUsers", "user"}, {"PrivatePIDs", "pid"}} {
		if u.flag(n.key) {
			list = append(list, n.name)
		}
	}
	if m.proc && !slices.Contains(list, "pid") {
		list = append(list, "pid")
	}
	u.flag("PrivateMounts")
	deny := u.scalar("Service", "IPAddressDeny")
	own := u.flag("PrivateNetwork")
	switch {
	case own && deny != nil && deny.value == "any":
		list = append(list, "network")
		m.set("network", "{mode: none}")
	case own:
		list = append(list, "network")
		m.set("network", "{mode: loopback}")
	default:
		m.set("network", "{mode: host}")
	}
	if deny != nil && !(own && deny.value == "any") {
		im.note(deny.pos, "IPAddressDeny is not carried: a policy has no list of addresses")
	}
	m.set("namespaces", "[%s]", strings.Join(list, ", "))
}
