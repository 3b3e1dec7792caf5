package systemd

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// listenerYAML is a listener that is written.
type listenerYAML struct {
	name string
	keys []string
}

func (im *importer) writeListeners(b *strings.Builder) {
	if len(im.listeners) > 0 {
		b.WriteString("\nlisteners:\n")
	}
	for _, l := range im.listeners {
		fmt.Fprintf(b, "  %s: {%s}\n", l.name, strings.Join(l.keys, ", "))
	}
}

// attach makes listeners of the sockets of a service, in the order of the files, and hands them to it.
func (im *importer) attach(u *unit, m *moduleYAML) {
	var refs []string
	for _, s := range im.sockets {
		service := strings.TrimSuffix(s.name, ".socket") + ".service"
		if a := s.scalar("Socket", "Service"); a != nil {
			service, _ = s.text(a)
		}
		if service != u.name {
			continue
		}
		for _, l := range im.socket(s) {
			refs = append(refs, fmt.Sprintf("%s: %d", l.name, 3+len(refs)))
			im.listeners = append(im.listeners, l)
		}
	}
	for _, key := range []string{"Requires", "After", "Wants"} { // of its own sockets: the supervisor opens them before it starts anything
		for _, a := range u.lines("Unit", key) {
			a.used = !slices.ContainsFunc(strings.Fields(a.value), func(w string) bool { return !im.known(w) })
		}
	}
	for _, w := range u.words("Service", "Sockets") {
		if !im.known(w.text) {
			im.note(w.of.pos, "the socket %s is not carried: its unit is not among the files", short(w.text))
		}
	}
	if len(refs) > 0 {
		m.set("listeners", "{%s}", strings.Join(refs, ", "))
	}
}

func (im *importer) known(socket string) bool {
	return slices.ContainsFunc(im.sockets, func(s *unit) bool { return s.name == socket })
}

// unattached notes sockets whose service is not among the files.
func (im *importer) unattached() {
	for _, s := range im.sockets {
		service := strings.TrimSuffix(s.name, ".socket") + ".service"
		if a := s.scalar("Socket", "Service"); a != nil {
			service, _ = s.text(a)
		}
		if len(s.list) > 0 && !slices.ContainsFunc(im.services, func(u *unit) bool { return u.name == service }) {
			im.note(s.list[0].pos, "the socket is not carried: %s is not among the files", service)
		}
	}
}

// socket makes the listeners of a socket unit. Source: systemd.socket(5).
func (im *importer) socket(s *unit) []listenerYAML {
	base := moduleName(s.name)
	if a := s.scalar("Socket", "FileDescriptorName"); a != nil {
		if name, ok := s.text(a); ok {
			base = moduleName(name + ".x")
		}
	}
	var addresses []listenerYAML
	for _, key := range []string{"ListenStream", "ListenDatagram"} {
		for _, a := range s.lines("Socket", key) {
			if text, ok := s.text(a); ok {
				if keys := im.address(s, a, text); keys != nil {
					addresses = append(addresses, listenerYAML{base, keys})
				}
			}
		}
	}
	for i := range addresses {
		if i > 0 {
			addresses[i].name += fmt.Sprintf("-%d", i+1)
		}
		for slices.ContainsFunc(im.listeners, func(l listenerYAML) bool { return l.name == addresses[i].name }) {
			addresses[i].name += "-x"
		}
	}
	if a := s.scalar("Socket", "Accept"); a != nil {
		if v, _ := boolean(a.value); v {
			im.note(a.pos, "Accept=yes is not carried: a module gets the listening socket, and not one connection")
		}
	}
	s.scalar("Socket", "RemoveOnStop") // as the supervisor does
	return addresses
}

// address makes the keys of a listener.
func (im *importer) address(s *unit, a *assignment, text string) []string {
	stream := a.key == "ListenStream"
	prefix := map[bool]string{true: "", false: "udp:"}[stream]
	var keys []string
	switch port, err := strconv.ParseUint(text, 10, 16); {
	case err == nil:
		keys = append(keys, fmt.Sprintf(`address: "%s0.0.0.0:%d"`, prefix, port))
		im.note(a.pos, "%s=%d is carried for IPv4; systemd listens on IPv6, too, and a policy has another listener for that", a.key, port)
	case path.IsAbs(text) && stream:
		keys = append(keys, "address: "+quoted("unix:"+path.Clean(text)))
		mode := "0666" // systemd.socket(5)
		if m := s.scalar("Socket", "SocketMode"); m != nil {
			mode = m.value
		}
		if v, err := strconv.ParseUint(mode, 8, 12); err == nil && v <= 0o777 {
			keys = append(keys, fmt.Sprintf(`mode: "%04o"`, v))
		}
		for _, k := range []struct{ key, name string }{{"SocketUser", "user"}, {"SocketGroup", "group"}} {
			if w := s.scalar("Socket", k.key); w != nil {
				keys = append(keys, k.name+": "+flow(w.value))
			}
		}
	default:
		addr, err := netip.ParseAddrPort(text)
		if err != nil || addr.Addr().Zone() != "" {
			im.note(a.pos, "%s=%s is not carried: it is neither a port, nor an address with a port, nor the path of a stream socket", a.key, short(text))
			return nil
		}
		keys = append(keys, fmt.Sprintf(`address: "%s%s"`, prefix, addr))
		if v6 := s.scalar("Socket", "BindIPv6Only"); addr.Addr().Is6() && addr.Addr().IsUnspecified() && (v6 == nil || v6.value != "ipv6-only") {
			im.note(a.pos, "%s=%s is carried for IPv6; systemd listens on IPv4, too, and a policy has another listener for that", a.key, text)
		}
	}
	if backlog := s.scalar("Socket", "Backlog"); backlog != nil && stream {
		if n, err := strconv.ParseUint(backlog.value, 10, 16); err == nil && n > 0 {
			keys = append(keys, fmt.Sprintf("backlog: %d", n))
		} else {
			im.note(backlog.pos, "Backlog=%s is not carried: a policy takes 1 to 65535", short(backlog.value))
		}
	}
	return keys
}
