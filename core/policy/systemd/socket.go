package systemd

import "github.com/bulkhead/bulkhead/sandbox/policy"

// socket writes the unit of a listener. Source: systemd.socket(5).
func (w *writer) socket(m *policy.Module, l policy.Listener) {
	w.section("Unit")
	w.set("Description", "Listener %s of %s", l.Name, m.Name)
	w.section("Socket")
	switch l.Network {
	case "unix":
		w.set("ListenStream", "%s", escape(l.Path))
		w.set("SocketMode", "%04o", l.Mode.V)
		if l.User.Set() {
			w.set("SocketUser", "%s", l.User.V)
		}
		if l.Group.Set() {
			w.set("SocketGroup", "%s", l.Group.V)
		}
		w.set("RemoveOnStop", "yes")
	case "udp":
		w.set("ListenDatagram", "%s", l.Addr)
	default:
		w.set("ListenStream", "%s", l.Addr)
	}
	if l.Addr.IsValid() && l.Addr.Addr().Is6() {
		w.set("BindIPv6Only", "ipv6-only")
	}
	if l.Network != "udp" {
		w.set("Backlog", "%d", l.Backlog.V)
	}
	w.set("FileDescriptorName", "%s", l.Name)
	w.set("Service", "%s.service", m.Name)
	w.section("Install")
	w.set("WantedBy", "sockets.target")
}
