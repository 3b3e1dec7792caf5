package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// procRoot is the root directory of a procfs: it has a directory for each process of a pid namespace. Source: proc(5).
type procRoot struct {
	fixed
	ns    *pidNS
	super *super
	dirs  map[*Process]*entry
	names map[*Process]string
}

// newProc makes a procfs for the pid namespace that children of p would be in.
func newProc(p *Process, _ *fsOptions) (*super, *entry) {
	s := p.k.newSuper("proc", unix.PROC_SUPER_MAGIC)
	return s, s.newProcRoot(p.ns.pidForChildren)
}

// bootProc mounts the first procfs on /proc.
func (t *tree) bootProc() {
	s, root := newProc(t.k.init, nil)
	s.mounts++
	m := &mount{super: s, root: root}
	m.attach(spot{t.root, dirOf(t.root.root).names["proc"]})
}

func (s *super) newProcRoot(ns *pidNS) *entry {
	r := &procRoot{ns: ns, super: s, dirs: map[*Process]*entry{}, names: map[*Process]string{}}
	root := &entry{name: "/", inode: s.newInode(unix.S_IFDIR|0o555, &dir{special: r})}
	self := func(p *Process) (string, posix.Errno) {
		n := p.k.procs.in(ns, p.pid)
		if n == 0 {
			return "", enoent
		}
		return itoa(int(n)), 0
	}
	s.addTo(root, "self", unix.S_IFLNK|0o777, computed(self))
	s.addTo(root, "thread-self", unix.S_IFLNK|0o777, computed(func(p *Process) (string, posix.Errno) {
		n, errno := self(p)
		return n + "/task/" + n, errno
	}))
	s.addTo(root, "mounts", unix.S_IFLNK|0o777, symlink("self/mounts"))
	s.addText(root, "filesystems", 0o444, "nodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\n")
	s.addText(root, "version", 0o444, "Linux version "+kernelRelease+"\n")
	s.addTo(root, "uptime", unix.S_IFREG|0o444, pseudo{text: func(p *Process) (string, posix.Errno) {
		return fmt.Sprintf("%.2f 0.00\n", p.k.now.Seconds()), 0
	}})
	s.addSysctls(root)
	return root
}

// kernelRelease is the release of the Linux whose behaviour this is.
const kernelRelease = "6.18.0"

// addText makes a file that always says the same.
func (s *super) addText(at *entry, name string, mode uint32, text string) {
	s.addTo(at, name, unix.S_IFREG|mode, pseudo{text: func(*Process) (string, posix.Errno) { return text, 0 }})
}

// addSysctls makes /proc/sys: what tells what the kernel allows.
func (s *super) addSysctls(root *entry) {
	k := s.k
	for _, c := range []struct{ path, value string }{
		{"fs/protected_hardlinks", "1"}, {"fs/protected_symlinks", "0"}, {"fs/file-max", itoa(k.config.MaxFiles)}, {"fs/nr_open", "1048576"}, {"fs/pipe-max-size", "1048576"},
		{"kernel/cap_last_cap", itoa(lastCapability)}, {"kernel/osrelease", kernelRelease}, {"kernel/ostype", "Linux"}, {"kernel/overflowuid", "65534"}, {"kernel/overflowgid", "65534"},
		{"kernel/pid_max", itoa(k.config.MaxPID)}, {"kernel/unprivileged_userns_clone", "1"}, {"kernel/yama/ptrace_scope", "0"},
		{"net/core/somaxconn", "4096"}, {"user/max_user_namespaces", "96365"}, {"vm/memfd_noexec", "0"}, {"vm/overcommit_memory", "0"},
	} {
		at := root
		parts := strings.Split("sys/"+c.path, "/")
		for _, name := range parts[:len(parts)-1] {
			next := dirOf(at).names[name]
			if next == nil {
				next = s.addDir(at, name, 0o555, fixed{})
			}
			at = next
		}
		s.addText(at, parts[len(parts)-1], 0o644, c.value+"\n")
	}
}

// lookup finds the directory of a process by its number.
func (r *procRoot) lookup(p *Process, at *entry, name string) *entry {
	if name == "" || name[0] < '1' || name[0] > '9' {
		return nil
	}
	n, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return nil
	}
	q := p.k.procs.known(r.ns, posix.PID(n))
	if q == nil || q.state == reaped {
		return nil
	}
	return r.dirOf(at, q, name)
}

func (r *procRoot) transient(name string) bool { return name != "" && name[0] >= '0' && name[0] <= '9' }

// known returns the process with a number in a pid namespace, or nil.
func (t *table) known(ns *pidNS, pid posix.PID) *Process {
	if ns.parent == nil {
		return t.byPID[pid]
	}
	for _, q := range t.byPID {
		if t.in(ns, q.pid) == pid {
			return q
		}
	}
	return nil
}

// dirOf returns the directory of a process.
func (r *procRoot) dirOf(at *entry, q *Process, name string) *entry {
	e := r.dirs[q]
	if e == nil {
		e = r.super.newProcess(at, q, name)
		r.dirs[q], r.names[q] = e, name
	}
	e.inode.uid, e.inode.gid = q.cred.uids.Effective, q.cred.gids.Effective
	return e
}

// list puts the directories of the processes into the order, by number, and takes out those of the processes that are gone.
func (r *procRoot) list(p *Process, at *entry) {
	d := dirOf(at)
	for q, e := range r.dirs {
		if q.state == reaped {
			if !e.removed && d.names[e.name] == e {
				d.detach(e)
			}
			e.inode.nlink = 0
			delete(r.dirs, q)
			delete(r.names, q)
		}
	}
	var all []*Process
	for _, q := range p.k.procs.byPID {
		if p.k.procs.in(r.ns, q.pid) != 0 {
			all = append(all, q)
		}
	}
	slices.SortFunc(all, func(a, b *Process) int { return cmp.Compare(a.pid, b.pid) })
	for _, q := range all {
		e := r.dirOf(at, q, itoa(int(p.k.procs.in(r.ns, q.pid))))
		if d.names[e.name] == nil {
			d.attach(at, e)
		}
	}
}
