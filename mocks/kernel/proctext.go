package kernel

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// procTexts are the files of /proc/PID that show a text. Source: proc_pid_status(5) and the pages that it names.
var procTexts = []struct {
	name string
	mode uint32
	of   func(q *Process) body
}{
	{"cgroup", 0o444, shows(func(p, q *Process) string { return "0::" + p.groupOf(q) + "\n" })},
	{"cmdline", 0o444, shows(func(_, q *Process) string { return zeroEnded(q.argv) })},
	{"comm", 0o644, shows(func(_, q *Process) string { return q.comm + "\n" })},
	{"environ", 0o400, shows(func(_, q *Process) string { return zeroEnded(q.env) })},
	{"gid_map", 0o644, func(q *Process) body { return idMapFile(q, unix.CAP_SETGID) }},
	{"mountinfo", 0o444, shows(mountinfo)},
	{"mounts", 0o444, shows(mountsText)},
	{"setgroups", 0o644, setgroupsFile},
	{"stat", 0o444, shows(statText)},
	{"status", 0o444, shows(statusText)},
	{"uid_map", 0o644, func(q *Process) body { return idMapFile(q, unix.CAP_SETUID) }},
}

// shows makes a body of a function that says what p sees of q. ESRCH: q has been reaped.
func shows(text func(p, q *Process) string) func(q *Process) body {
	return func(q *Process) body {
		return pseudo{text: func(p *Process) (string, posix.Errno) {
			if q.state == reaped {
				return "", esrch
			}
			return text(p, q), 0
		}}
	}
}

func zeroEnded(list []string) string {
	var b strings.Builder
	for _, s := range list {
		b.WriteString(s)
		b.WriteByte(0)
	}
	return b.String()
}

// groupOf is the path of a process's control group as p sees it.
func (p *Process) groupOf(q *Process) string {
	if q.in == nil {
		return "/"
	}
	return p.k.pathFrom(p.ns.cgroup.root, q.in)
}

// pathFrom is the path of a control group from another one, with ".." where it is not below.
func (k *Kernel) pathFrom(root, g *group) string {
	path := ""
	for ; root != nil; root = root.parent {
		below := ""
		for at := g; at != nil; at = at.parent {
			if at == root {
				if path+below == "" {
					return "/"
				}
				return path + below
			}
			below = "/" + at.name + below
		}
		path += "/.."
	}
	return "/"
}

// stateOf is the letter and the word for what a process does.
func stateOf(p, q *Process) (string, string) {
	switch {
	case q.state == ended:
		return "Z", "zombie"
	case q.stopped:
		return "T", "stopped"
	case p == q:
		return "R", "running"
	}
	return "S", "sleeping"
}

func statText(p, q *Process) string {
	letter, _ := stateOf(p, q)
	in := func(n posix.PID) posix.PID { return p.k.procs.in(p.ns.pid, n) }
	const ticks = 100 // USER_HZ
	start := int64(q.born.Seconds() * ticks)
	return fmt.Sprintf("%d (%s) %s %d %d %d 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0 %d 0 0 0 0 0 0 0 0 0 0 0 0 %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		p.number(q), q.comm, letter, p.number(q.parent), in(q.group), in(q.session), start, ^uint64(0), int(unix.SIGCHLD))
}

func statusText(p, q *Process) string {
	letter, word := stateOf(p, q)
	pid := p.number(q)
	c := &q.cred
	uid, gid := p.cred.user.uidOf, p.cred.user.gidOf // as the reader calls them
	var groups strings.Builder
	for _, g := range c.groups {
		fmt.Fprintf(&groups, "%d ", gid(g))
	}
	seccomp, filters := 0, 0
	for f := q.box.filters; f != nil; f = f.older {
		seccomp = 2
		filters++
	}
	var ignored, caught posix.Sigset
	for sig := range q.sig.actions {
		switch a := &q.sig.actions[sig]; {
		case a.Ignore:
			ignored |= posix.Sigbit(posix.Signal(sig))
		case a.Handler != nil:
			caught |= posix.Sigbit(posix.Signal(sig))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Name:\t%s\nUmask:\t%04o\nState:\t%s (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		q.comm, q.umask, letter, word, pid, pid, p.number(q.parent))
	fmt.Fprintf(&b, "Uid:\t%d\t%d\t%d\t%d\nGid:\t%d\t%d\t%d\t%d\nFDSize:\t%d\nGroups:\t%s\n", uid(c.uids.Real), uid(c.uids.Effective), uid(c.uids.Saved), uid(c.uids.Effective),
		gid(c.gids.Real), gid(c.gids.Effective), gid(c.gids.Saved), gid(c.gids.Effective), len(q.fds.slots), groups.String())
	fmt.Fprintf(&b, "Threads:\t1\nSigPnd:\t%016x\nShdPnd:\t%016x\nSigBlk:\t%016x\nSigIgn:\t%016x\nSigCgt:\t%016x\n", 0, q.sig.pending, q.sig.blocked, ignored, caught)
	fmt.Fprintf(&b, "CapInh:\t%016x\nCapPrm:\t%016x\nCapEff:\t%016x\nCapBnd:\t%016x\nCapAmb:\t%016x\n", c.caps.Inheritable, c.caps.Permitted, c.caps.Effective, c.bounding, c.ambient)
	fmt.Fprintf(&b, "NoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%d\n", truth(q.box.noNewPrivs), seccomp, filters)
	return b.String()
}

// eachMount calls f for the mounts of a process's namespace that it sees, with their paths, in the order of the paths.
func eachMount(p, q *Process, f func(m *mount, path string)) {
	type seen struct {
		m    *mount
		path string
	}
	var list []seen
	q.ns.mnt.root.each(func(m *mount) {
		if m == q.ns.mnt.root {
			list = append(list, seen{m, "/"})
			return
		}
		list = append(list, seen{m, q.pathOf(spot{m.parent, m.on})})
	})
	slices.SortStableFunc(list, func(a, b seen) int { return strings.Compare(a.path, b.path) })
	for _, s := range list {
		f(s.m, s.path)
	}
}

// mountOptions are the flags of a mount as a list.
func mountOptions(m *mount) string {
	options := "rw"
	if m.flags&unix.MOUNT_ATTR_RDONLY != 0 {
		options = "ro"
	}
	for _, o := range []struct {
		attr uint64
		name string
	}{
		{unix.MOUNT_ATTR_NOSUID, "nosuid"}, {unix.MOUNT_ATTR_NODEV, "nodev"}, {unix.MOUNT_ATTR_NOEXEC, "noexec"}, {unix.MOUNT_ATTR_NOATIME, "noatime"},
		{unix.MOUNT_ATTR_NODIRATIME, "nodiratime"}, {unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
	} {
		if m.flags&o.attr != 0 {
			options += "," + o.name
		}
	}
	if m.flags&(unix.MOUNT_ATTR_NOATIME|unix.MOUNT_ATTR_STRICTATIME) == 0 {
		options += ",relatime"
	}
	return options
}

func superOptions(s *super) string {
	if s.readonly {
		return "ro"
	}
	return "rw"
}

func mountinfo(p, q *Process) string {
	var b strings.Builder
	ids := map[*mount]int{}
	eachMount(p, q, func(m *mount, path string) {
		ids[m] = len(ids) + 21
	})
	eachMount(p, q, func(m *mount, path string) {
		parent := ids[m]
		if m.parent != nil {
			parent = ids[m.parent]
		}
		root := "/"
		if m.root.parent != nil {
			root = insidePath(m.root)
		}
		fmt.Fprintf(&b, "%d %d %d:%d %s %s %s - %s %s %s\n", ids[m], parent, unix.Major(m.super.dev), unix.Minor(m.super.dev), escaped(root), escaped(path),
			mountOptions(m), m.super.typ, m.super.typ, superOptions(m.super))
	})
	return b.String()
}

func mountsText(p, q *Process) string {
	var b strings.Builder
	eachMount(p, q, func(m *mount, path string) {
		fmt.Fprintf(&b, "%s %s %s %s 0 0\n", m.super.typ, escaped(path), m.super.typ, mountOptions(m))
	})
	return b.String()
}

// insidePath is the path of an entry from the root of its file system.
func insidePath(e *entry) string {
	path := ""
	for ; e.parent != nil; e = e.parent {
		path = "/" + e.name + path
	}
	if path == "" {
		return "/"
	}
	return path
}

// escaped is a path with what would break a line as octal numbers. Source: proc_pid_mountinfo(5).
func escaped(path string) string {
	return strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(path)
}
