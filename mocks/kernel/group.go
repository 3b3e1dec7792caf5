package kernel

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// group is a control group of the version 2 hierarchy, of which the machine has one. Source: Documentation/admin-guide/cgroup-v2.rst.
type group struct {
	k        *Kernel
	name     string
	parent   *group // nil: the root
	children []*group
	at       *entry // its directory
	dead     bool   // removed

	processes map[*Process]struct{} // that have not ended
	populated int                   // of these and of those below
	charged   int64                 // of these and of those below, with those that have not been reaped
	peak      int64
	refused   int64 // new processes, because of pids.max

	enabled controllers // for the children: cgroup.subtree_control
	pidsMax int64       // negative: no limit
	values  map[string]string
	frozen  bool
	changed uint64 // how often cgroup.events has changed
	q       waitq
}

// noLimit is a limit that is "max".
const noLimit = -1

// bootGroups makes the hierarchy and mounts it, with process 1 in its root.
func (k *Kernel) bootGroups() {
	s := k.newSuper("cgroup2", unix.CGROUP2_SUPER_MAGIC)
	g := &group{k: k, pidsMax: noLimit, processes: map[*Process]struct{}{}, values: map[string]string{}}
	g.at = &entry{name: "/", inode: s.newInode(unix.S_IFDIR|0o555, &dir{special: g})}
	g.fill(rootFiles)
	k.groups = g
	k.init.ns.cgroup.root = g
	g.join(k.init)
	g.charge(1)
	sys := dirOf(k.tree.root.root).names["sys"]
	fs := k.tree.mkdir(sys, "fs", 0o755)
	on := k.tree.mkdir(fs, "cgroup", 0o755)
	s.mounts++
	m := &mount{super: s, root: g.at, flags: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC}
	g.at.inode.users++
	m.attach(spot{k.tree.root, on})
}

// admit puts a new process into the control group into, or, when that is nil, into its parent's. It is called before the process is visible;
// nothing is to be undone after an
// error. EAGAIN: pids.max. EBUSY: into has controllers for its children.
func (k *Kernel) admit(parent, child *Process, into *group) posix.Errno {
	g := parent.in
	if into != nil {
		if into.dead {
			return enodev
		}
		if errno := parent.mayMigrate(&parent.cred, g, into); errno != 0 {
			return errno
		}
		g = into
	}
	for up := g; up != nil; up = up.parent {
		if up.pidsMax >= 0 && up.charged+1 > up.pidsMax {
			up.refused++
			return eagain
		}
	}
	g.charge(1)
	g.join(child)
	return 0
}

// discharge is called when a process has ended: it leaves its control group, which goes on counting it until it is reaped.
func (k *Kernel) discharge(p *Process) {
	if _, in := p.in.processes[p]; in {
		p.in.quit(p)
	}
}

// uncharge is called when a process has been reaped, or has never come to life.
func (k *Kernel) uncharge(p *Process) { p.in.charge(-1) }

// charge counts processes in a group and in all above.
func (g *group) charge(by int64) {
	for ; g != nil; g = g.parent {
		g.charged += by
		g.peak = max(g.peak, g.charged)
	}
}

// join puts a process into a group.
func (g *group) join(p *Process) {
	p.in = g
	g.processes[p] = struct{}{}
	g.populate(1)
}

// quit takes a process out.
func (g *group) quit(p *Process) {
	delete(g.processes, p)
	g.populate(-1)
}

// populate counts running processes, and tells of groups that become populated or empty.
func (g *group) populate(by int) {
	for ; g != nil; g = g.parent {
		before := g.populated
		g.populated += by
		if before == 0 || g.populated == 0 {
			g.event()
		}
	}
}

// event says that cgroup.events has changed.
func (g *group) event() {
	g.changed++
	g.q.notify(unix.EPOLLPRI | unix.EPOLLERR)
}

// migrate moves a process to another group.
func (g *group) migrate(p *Process) {
	if p.in == g {
		return
	}
	p.in.quit(p)
	p.in.charge(-1)
	g.charge(1)
	g.join(p)
}

// mayMigrate says whether somebody may move a process: EACCES unless the cgroup.procs of the nearest group above both may be written, EBUSY when
// the new one has controllers
// for its children. Source: cgroup_attach_permissions in kernel/cgroup/cgroup.c.
func (p *Process) mayMigrate(cred *credentials, from, to *group) posix.Errno {
	common := to
	for !from.within(common) {
		common = common.parent
	}
	who := *p
	who.cred = *cred
	if errno := who.permission(common.file("cgroup.procs"), mayWrite); errno != 0 {
		return errno
	}
	if to.parent != nil && to.enabled&domainControllers != 0 {
		return ebusy
	}
	return 0
}

// each calls f for a group and for all below.
func (g *group) each(f func(*group)) {
	f(g)
	for _, child := range g.children {
		child.each(f)
	}
}

// members returns the processes of a group by number.
func (g *group) members() []*Process {
	list := make([]*Process, 0, len(g.processes))
	for p := range g.processes {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *Process) int { return cmp.Compare(a.pid, b.pid) })
	return list
}

// cloneGroup returns the control group that a descriptor given with CLONE_INTO_CGROUP is of. Source: cgroup_v1v2_get_from_file.
func (p *Process) cloneGroup(fd posix.FD) (*group, posix.Errno) {
	if fd < 0 {
		return nil, einval
	}
	f, errno := p.anyFile(fd)
	if errno != 0 {
		return nil, errno
	}
	if f.place == nil || !f.place.entry.inode.isDir() {
		return nil, ebadf
	}
	g, ok := dirOf(f.place.entry).special.(*group)
	switch {
	case !ok:
		return nil, ebadf
	case g.dead:
		return nil, enodev
	}
	return g, 0
}

// within tells whether a group is other or below it.
func (g *group) within(other *group) bool {
	for ; g != nil; g = g.parent {
		if g == other {
			return true
		}
	}
	return false
}
