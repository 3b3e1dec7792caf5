package kernel

import (
	"fmt"
	"slices"
)

// Inventory returns what there is on the machine, a line each: processes, zombies included, with their open descriptors; the mounts of each
// mount namespace that a process is in; control groups. The last line counts open files, those in messages on their way and of mappings
// included. So does a test find what something has left behind: the lines before and after are the same, or the difference says what it is.
// Files in the tree are not listed.
func (k *Kernel) Inventory() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var lines []string
	tables := map[*fdTable]bool{}
	trees := map[*mountNS]bool{}
	for _, p := range k.procs.all() {
		state := ""
		if p.state == ended {
			state = ", a zombie"
		}
		lines = append(lines, fmt.Sprintf("process %d (%s)%s", p.pid, p.comm, state))
		if p.state == ended || p.state == reaped {
			continue
		}
		if !tables[p.fds] {
			tables[p.fds] = true
			lines = append(lines, p.descriptorLines()...)
		}
		if ns := p.ns.mnt; !trees[ns] {
			trees[ns] = true
			ns.root.each(func(m *mount) {
				lines = append(lines, fmt.Sprintf("mount of %s on %s in namespace %d", m.super.typ, m.where(), ns.ino))
			})
		}
	}
	k.groups.each(func(g *group) { lines = append(lines, "control group "+k.pathFrom(k.groups, g)) })
	slices.Sort(lines)
	return append(lines, fmt.Sprintf("%d open files", k.files))
}

// where is the path of a mount's root in its namespace.
func (m *mount) where() string {
	path := ""
	for ; m.parent != nil; m = m.parent {
		for e := m.on; e != m.parent.root; e = e.parent {
			path = "/" + e.name + path
		}
	}
	if path == "" {
		return "/"
	}
	return path
}

func (p *Process) descriptorLines() []string {
	var lines []string
	for fd, s := range p.fds.slots {
		if s.file == nil {
			continue
		}
		what := ""
		if s.file.place != nil {
			what = p.k.tree.admin.pathOf(s.file.place.spot())
		} else {
			what = s.file.label()
		}
		lines = append(lines, fmt.Sprintf("descriptor %d of process %d: %s", fd, p.pid, what))
	}
	return lines
}
