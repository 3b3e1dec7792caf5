package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// mayMount says whether the process may change mounts: EPERM. Source: may_mount in fs/namespace.c.
func (p *Process) mayMount() posix.Errno {
	if !p.capableIn(p.ns.mnt.owner, capSysAdmin) {
		return eperm
	}
	return 0
}

// attach puts a mount, with what is mounted in it, on a spot, over what is mounted there.
func (m *mount) attach(at spot) {
	at = top(at)
	m.parent, m.on = at.mount, at.entry
	if at.mount.over == nil {
		at.mount.over = map[*entry]*mount{}
	}
	at.mount.over[at.entry] = m
	at.entry.covers++
	at.mount.refs++
	at.entry.inode.users++
	m.each(func(m *mount) { m.ns = at.mount.ns })
}

// detach takes a mount, with what is mounted in it, away from where it is.
func (m *mount) detach() {
	if m.parent == nil {
		return
	}
	delete(m.parent.over, m.on)
	m.on.covers--
	m.parent.refs--
	n := m.on.inode
	m.parent, m.on = nil, nil
	m.each(func(m *mount) { m.ns = nil })
	n.users--
	n.forget()
}

// dissolve takes a mount away from where it is, and everything from it. Who has it open keeps it.
func (m *mount) dissolve() {
	if m.gone {
		return
	}
	m.detach()
	m.gone = true
	for _, child := range m.over {
		child.dissolve()
	}
	m.super.mounts--
}

// each calls f for a mount and for all that are mounted in it.
func (m *mount) each(f func(*mount)) {
	f(m)
	for _, child := range m.over {
		child.each(f)
	}
}

// top returns the spot that one sees at a spot: the root of what is mounted on it.
func top(s spot) spot {
	for s.entry.covers > 0 {
		m := s.mount.over[s.entry]
		if m == nil {
			break
		}
		s = spot{m, m.root}
	}
	return s
}

// copyTree copies what of a mount is seen at an entry, and with deep what is mounted below that. copies learns what became what.
func (m *mount) copyTree(root *entry, deep bool, copies map[*mount]*mount) *mount {
	c := &mount{super: m.super, root: root, flags: m.flags, shared: m.shared, locked: m.locked}
	m.super.mounts++
	root.inode.users++
	if copies != nil {
		copies[m] = c
	}
	if deep {
		for on, child := range m.over {
			if !on.within(root) {
				continue
			}
			child.copyTree(child.root, true, copies).attach(spot{c, on})
		}
	}
	return c
}

// within tells whether an entry is other or below it.
func (e *entry) within(other *entry) bool {
	for ; e != nil; e = e.parent {
		if e == other {
			return true
		}
	}
	return false
}

// isIn tells whether a mount is other or mounted somewhere below it.
func (m *mount) isIn(other *mount) bool {
	for ; m != nil; m = m.parent {
		if m == other {
			return true
		}
	}
	return false
}

// top tells whether a spot is the root of its mount.
func (s spot) isRoot() bool { return s.entry == s.mount.root }

// reachable tells whether a spot is below another one. Source: is_path_reachable in fs/namespace.c.
func (s spot) reachable(from spot) bool {
	for s.mount != from.mount && s.mount.parent != nil {
		s = spot{s.mount.parent, s.mount.on}
	}
	return s.mount == from.mount && s.entry.within(from.entry)
}

// copyMounts makes a mount namespace with copies of all mounts of p's. copies says what became what.
func (k *Kernel) copyMounts(from *mountNS, owner *userNS) (ns *mountNS, copies map[*mount]*mount) {
	copies = map[*mount]*mount{}
	ns = &mountNS{namespace: k.newNamespace(unix.CLONE_NEWNS, owner)}
	ns.root = from.root.copyTree(from.root.root, true, copies)
	ns.root.each(func(m *mount) {
		m.ns = ns
		m.locked = m.locked || owner != from.owner && m != ns.root
		if owner != from.owner {
			m.shared = false
		}
	})
	return ns, copies
}

// follow moves the root and the working directory of p to the copies of their mounts.
func (p *Process) follow(copies map[*mount]*mount) {
	for _, at := range []**place{&p.root, &p.cwd} {
		if c := copies[(*at).mount]; c != nil {
			p.moveTo(at, spot{c, (*at).entry})
		}
	}
}

// moveTo makes the root or the working directory another one.
func (p *Process) moveTo(at **place, to spot) {
	old := *at
	*at = to.keep()
	old.drop()
}

// detachedTree is the object of a descriptor that holds a mount which is attached nowhere: with the descriptor it goes.
type detachedTree struct {
	*bare
	mount *mount
}

func (d *detachedTree) release(*file) {
	if d.mount.parent == nil && d.mount.ns == nil {
		d.mount.dissolve()
	}
}

// describeTree makes a descriptor of a detached mount.
func (p *Process) describeTree(m *mount, cloexec bool) (posix.FD, posix.Errno) {
	f, errno := p.k.newFile(p, &detachedTree{(*bare)(m.root.inode), m}, oPath)
	if errno != 0 {
		m.dissolve()
		return -1, errno
	}
	f.place = &f.own
	f.own.occupy(spot{m, m.root})
	return p.install(f, 0, cloexec)
}
