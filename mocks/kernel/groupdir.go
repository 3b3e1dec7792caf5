package kernel

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// controllers is a set of controllers.
type controllers uint8

const (
	cpuController controllers = 1 << iota
	ioController
	memoryController
	pidsController

	allControllers = cpuController | ioController | memoryController | pidsController
	// domainControllers are those that cannot tell processes of a group from its children: a group that has them on for its children has no processes.
	domainControllers = ioController | memoryController
)

// controllerNames are in the order of their bits.
var controllerNames = [...]string{"cpu", "io", "memory", "pids"}

func (c controllers) String() string {
	var names []string
	for i, name := range controllerNames {
		if c>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// available returns the controllers of a group.
func (g *group) available() controllers {
	if g.parent == nil {
		return allControllers
	}
	return g.parent.enabled
}

// The files of a group, with their permissions: those of the root, those of all others, and what each controller adds.
var (
	rootFiles = []groupEntry{
		{"cgroup.controllers", 0o444}, {"cgroup.max.depth", 0o644}, {"cgroup.max.descendants", 0o644}, {"cgroup.procs", 0o644}, {"cgroup.stat", 0o444},
		{"cgroup.subtree_control", 0o644}, {"cgroup.threads", 0o644}, {"cpu.stat", 0o444},
	}
	ownFiles = append(slices.Clone(rootFiles),
		groupEntry{"cgroup.events", 0o444}, groupEntry{"cgroup.freeze", 0o644}, groupEntry{"cgroup.kill", 0o200}, groupEntry{"cgroup.type", 0o644})
	controllerFiles = [...][]groupEntry{
		{{"cpu.max", 0o644}, {"cpu.weight", 0o644}},
		{{"io.max", 0o644}, {"io.stat", 0o444}},
		{
			{"memory.current", 0o444}, {"memory.events", 0o444}, {"memory.high", 0o644}, {"memory.low", 0o644}, {"memory.max", 0o644}, {"memory.min", 0o644},
			{"memory.oom.group", 0o644}, {"memory.peak", 0o444}, {"memory.stat", 0o444}, {"memory.swap.current", 0o444}, {"memory.swap.max", 0o644},
		},
		{{"pids.current", 0o444}, {"pids.events", 0o444}, {"pids.max", 0o644}, {"pids.peak", 0o444}},
	}
)

type groupEntry struct {
	name string
	mode uint32
}

// fill makes files in the directory of a group.
func (g *group) fill(files []groupEntry) {
	d := dirOf(g.at)
	for _, f := range files {
		n := g.at.inode.super.newInode(unix.S_IFREG|f.mode, &groupBody{g, f.name})
		n.uid, n.gid = g.at.inode.uid, g.at.inode.gid
		d.add(g.at, f.name, n)
	}
}

// supply adds and removes the files of controllers.
func (g *group) supply(add, remove controllers) {
	for i, files := range controllerFiles {
		switch {
		case add>>i&1 == 1:
			g.fill(files)
		case remove>>i&1 == 1:
			for _, f := range files {
				delete(g.values, f.name)
				g.at.remove(dirOf(g.at).names[f.name])
			}
			if controllers(1)<<i == pidsController {
				g.pidsMax = noLimit
			}
		}
	}
}

func (g *group) file(name string) *inode { return dirOf(g.at).names[name].inode }

// lookup implements special: all names of the directory are there.
func (g *group) lookup(*Process, *entry, string) *entry { return nil }
func (g *group) list(*Process, *entry)                  {}
func (g *group) writable() bool                         { return false }

// mkdir makes a group. Source: cgroup_mkdir.
func (g *group) mkdir(p *Process, at *entry, name string, mode uint32) posix.Errno {
	switch {
	case strings.Contains(name, "\n"):
		return einval
	case g.dead:
		return enodev
	case !g.mayGrow():
		return eagain
	}
	s := at.inode.super
	child := &group{k: g.k, name: name, parent: g, pidsMax: noLimit, processes: map[*Process]struct{}{}, values: map[string]string{}}
	n := s.newInode(unix.S_IFDIR|mode, &dir{special: child})
	n.uid, n.gid = p.cred.uids.Effective, p.cred.gids.Effective
	child.at = dirOf(at).add(at, name, n)
	at.inode.modified()
	g.children = append(g.children, child)
	child.fill(ownFiles)
	child.supply(g.enabled, 0)
	return 0
}

// mayGrow checks cgroup.max.descendants and cgroup.max.depth of a group that gets a child, and of all above.
func (g *group) mayGrow() bool {
	level := 1
	for up := g; up != nil; up = up.parent {
		count := -1
		up.each(func(*group) { count++ })
		if most, ok := up.limit("cgroup.max.descendants"); ok && int64(count) >= most {
			return false
		}
		if most, ok := up.limit("cgroup.max.depth"); ok && int64(level) > most {
			return false
		}
		level++
	}
	return true
}

// rmdir removes a group. EBUSY: it has processes, or children. Source: cgroup_destroy_locked.
func (g *group) rmdir(_ *Process, at, victim *entry) posix.Errno {
	child, ok := dirOf(victim).special.(*group)
	switch {
	case !ok:
		return eperm
	case child.populated > 0 || len(child.children) > 0:
		return ebusy
	}
	child.dead = true
	g.children = slices.DeleteFunc(g.children, func(c *group) bool { return c == child })
	for _, e := range dirOf(victim).order {
		if e != nil {
			victim.remove(e)
		}
	}
	at.remove(victim)
	child.event()
	return 0
}
