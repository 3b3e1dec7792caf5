package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	firstFD = 3    // after standard input, output and error: sd_listen_fds(3)
	lastFD  = 1023 // more sockets than that no daemon takes
)

// Names of the supervisor's own sockets, which a module can inherit as it inherits listeners. They are connected already, so that a
// module needs neither a path nor the system calls socket and connect to use them.
const (
	NotifyListener  = "@notify"  // takes the datagrams of sd_notify(3)
	ControlListener = "@control" // the control API, about the instance itself
)

// ownSocket tells whether a name is one of the supervisor's sockets.
func ownSocket(name string) bool { return strings.HasPrefix(name, "@") }

// Own tells whether it is one of the supervisor's own sockets, and no listener.
func (r ListenerRef) Own() bool { return ownSocket(r.Name) }

// listenerRefs reads which listeners a module gets on which descriptors.
func (d *decoder) listenerRefs(n *node) []ListenerRef {
	if n.kind != kindMap {
		for _, l := range d.listeners { // which are meant is not known, so nothing is said of those that nobody names
			l.used = true
		}
		g := d.wrongType(n, "a map from names to descriptors such as {http: 3}")
		if n.kind == kindList && len(n.items) == 1 && d.listeners[n.items[0].text] != nil {
			g.hint(didYouMean(fmt.Sprintf("{%s: %d}", n.items[0].text, firstFD)))
		}
		return nil
	}
	var refs []ListenerRef
	byFD := map[int]entry{}
	whole := true // every entry could be read
	for _, e := range n.entries {
		switch l := d.listeners[e.key]; {
		case l != nil:
			l.used = true
		case e.key == NotifyListener, e.key == ControlListener:
		case ownSocket(e.key):
			meant := nearest(e.key, slices.Values([]string{ControlListener, NotifyListener}))
			d.report(codeUnknownListener, e.at, "the supervisor has no socket %q; it has %s and %s", e.key, ControlListener, NotifyListener).
				hint(didYouMean(meant))
		default:
			d.unknownListener(e)
		}
		fd := d.number(e.value, "a descriptor", firstFD, lastFD)
		if !fd.Set() {
			whole = false
			continue
		}
		if other, taken := byFD[fd.V]; taken {
			d.report(codeSameDescriptor, e.value.span, "two listeners on one descriptor: %q and %q both on %d", other.key, e.key, fd.V).
				help("give each listener its own, contiguous from %d", firstFD)
			whole = false
			continue
		}
		byFD[fd.V] = e
		refs = append(refs, ListenerRef{Name: e.key, FD: fd.V, Pos: e.at.pos})
	}
	slices.SortFunc(refs, func(a, b ListenerRef) int { return cmp.Compare(a.FD, b.FD) })
	if !whole || d.partial {
		return refs
	}
	for i, r := range refs {
		if r.FD != firstFD+i {
			d.report(codeNotContiguous, byFD[r.FD].value.span, "descriptor %d leaves a gap; the next one is %d", r.FD, firstFD+i).
				help("descriptors are contiguous from %d, as LISTEN_FDS counts them", firstFD)
			break
		}
	}
	return refs
}

func (d *decoder) unknownListener(e entry) {
	if d.full() || d.unread {
		return
	}
	names := slices.Sorted(maps.Keys(d.listeners))
	meant := nearest(e.key, slices.Values(names))
	if l := d.listeners[meant]; l != nil {
		l.used = true // one mistake, one finding
	}
	defined := "none"
	if len(names) > 0 {
		defined = strings.Join(names, ", ")
	}
	d.report(codeUnknownListener, e.at, "listener %q is not defined; defined: %s", e.key, defined).hint(didYouMean(meant))
}

// ownSockets reports the supervisor's sockets that a module cannot use.
func (d *decoder) ownSockets(m *Module) {
	for _, r := range m.Listeners {
		at := d.src.at(r.Pos, len(r.Name)+2) // quoted: a plain word cannot begin with @
		switch {
		case !r.Own():
		case m.ListenerProtocol.V == "nginx":
			d.report(codeNoEffect, at, "%s has no effect with listener_protocol: nginx, which takes every descriptor for a socket to accept on", r.Name).help("remove it")
		case r.Name == NotifyListener && m.Health.Kind.V != "notify":
			d.report(codeNoEffect, at, "%s has no effect without a healthcheck that waits for it", r.Name).help("add healthcheck: {notify: true}")
		case r.Name == ControlListener:
			for _, mount := range m.Filesystem {
				if mount.Kind == MountControl {
					d.report(codeTwice, at, "%s and the entry for %s are the same socket", r.Name, mount.Path).help("remove one of them")
				}
			}
		}
	}
}

// inherits tells whether the module gets a socket that clients connect to.
func (m *Module) inherits() bool {
	return slices.ContainsFunc(m.Listeners, func(r ListenerRef) bool { return !r.Own() })
}
