package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

const (
	firstFD = 3    // after standard input, output and error: sd_listen_fds(3)
	lastFD  = 1023 // more sockets than that no daemon takes
)

// listenerRefs reads which listeners a module gets on which descriptors.
func (d *decoder) listenerRefs(n *node) []ListenerRef {
	if n.kind != kindMap {
		d.wrongType(n, "a map from names to descriptors such as {http: 3}")
		return nil
	}
	var refs []ListenerRef
	byFD := map[int]entry{}
	whole := true // every entry could be read
	for _, e := range n.entries {
		if l := d.listeners[e.key]; l != nil {
			l.used = true
		} else {
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
	if d.full() {
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
