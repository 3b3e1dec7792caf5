package kernel

import (
	"slices"
	"strings"
)

// pathOf is the path of a spot as a process sees it from its root, with " (deleted)" when its last name is gone. Source: d_path() in fs/d_path.c.
func (p *Process) pathOf(s spot) string {
	gone := ""
	if s.entry.removed {
		gone = " (deleted)"
	}
	if s.mount == p.k.tree.hidden {
		return "/" + s.entry.name + gone
	}
	var names []string
	root := p.root.spot()
	for s != root {
		if s.entry == s.mount.root || s.entry.parent == nil {
			if s.mount.parent == nil {
				break
			}
			s = spot{s.mount.parent, s.mount.on}
			continue
		}
		names = append(names, s.entry.name)
		s.entry = s.entry.parent
	}
	slices.Reverse(names)
	return "/" + strings.Join(names, "/") + gone
}

// reaches tells whether a spot is below the process's root.
func (p *Process) reaches(s spot) bool {
	root := p.root.spot()
	for s != root {
		switch {
		case s.entry != s.mount.root && s.entry.parent != nil:
			s.entry = s.entry.parent
		case s.mount.parent == nil:
			return false
		default:
			s = spot{s.mount.parent, s.mount.on}
		}
	}
	return true
}
