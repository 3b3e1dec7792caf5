package kernel

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// table is the process table, by the numbers of the first pid namespace.
type table struct {
	byPID map[posix.PID]*Process // not reaped
	ids   map[posix.PID]*identity
	next  posix.PID
	creds uint64 // how many credentials have been made
}

// identity is the numbers that a process, a group or a session has: Linux's struct pid. It outlives the process while a group or a session is called so, and
// as long as it does, its numbers are not used again.
type identity struct {
	ns      *pidNS
	numbers []posix.PID // in ns, in its parent …; the last is that of the first namespace
	uses    int         // 1 for the process, 1 for each member of the group, 1 for each member of the session
}

// reservedPIDs are not used again once there were so many. Source: kernel/pid.c, RESERVED_PIDS.
const reservedPIDs = 300

// boot makes process 1.
func (t *table) boot(k *Kernel) {
	t.byPID = map[posix.PID]*Process{}
	t.ids = map[posix.PID]*identity{}
	p := &Process{k: k, pid: 1, fds: &fdTable{}, umask: 0o022, cred: rootCredentials(), limits: bootLimits(), comm: "init"}
	p.group, p.session = p.pid, p.pid
	p.sig.unkillable = true
	p.attrs.dumpable, p.attrs.slack = 1, defaultSlack
	k.init = p
}

// register makes process 1 known. It comes after boot and the first namespaces.
func (t *table) register(p *Process) {
	t.next = 2
	p.ns.pid.population = 1
	p.k.user(0).processes = 1
	t.byPID[p.pid] = p
	t.ids[p.pid] = &identity{ns: p.ns.pid, numbers: []posix.PID{p.pid}, uses: 3}
}

// add gives a process numbers that are not in use, in its namespace and in all above. EAGAIN: there are none.
func (t *table) add(p *Process) posix.Errno {
	id := &identity{ns: p.ns.pid}
	for ns := p.ns.pid; ns != nil; ns = ns.parent {
		n := t.number(p.k, ns)
		if n == 0 {
			return eagain
		}
		id.numbers = append(id.numbers, n)
	}
	p.pid = id.numbers[len(id.numbers)-1]
	for i, ns := 0, p.ns.pid; ns.parent != nil; i, ns = i+1, ns.parent {
		if ns.known == nil {
			ns.known = map[posix.PID]posix.PID{}
		}
		ns.known[id.numbers[i]] = p.pid
	}
	if p.ns.pid.init == nil {
		p.ns.pid.init = p
		p.sig.unkillable = true
	}
	p.populate(1)
	id.uses = 1
	t.ids[p.pid] = id
	t.byPID[p.pid] = p
	t.use(p.group)
	t.use(p.session)
	return 0
}

func (p *Process) populate(by int) {
	for ns := p.ns.pid; ns != nil; ns = ns.parent {
		ns.population += by
	}
}

// number returns one that is not in use in a namespace: the next one, from the beginning when the highest has been given. 0: there is none.
func (t *table) number(k *Kernel, ns *pidNS) posix.PID {
	next := &ns.next
	if ns.parent == nil {
		next = &t.next
	}
	highest := posix.PID(k.config.MaxPID)
	for range highest {
		n := max(*next, 1)
		*next = n + 1
		if n >= highest {
			*next = 1
			if highest > reservedPIDs {
				*next = reservedPIDs
			}
		}
		_, used := ns.known[n]
		if ns.parent == nil {
			used = t.ids[n] != nil
		}
		if !used {
			return n
		}
	}
	return 0
}

func (t *table) use(pid posix.PID) {
	if id := t.ids[pid]; id != nil {
		id.uses++
	}
}

// unuse is the opposite of use; with the last use the numbers are free.
func (t *table) unuse(pid posix.PID) {
	id := t.ids[pid]
	if id == nil {
		return
	}
	if id.uses--; id.uses > 0 {
		return
	}
	for i, ns := 0, id.ns; ns.parent != nil; i, ns = i+1, ns.parent {
		delete(ns.known, id.numbers[i])
	}
	delete(t.ids, pid)
}

// remove takes a process that has been reaped out of the table.
func (t *table) remove(p *Process) {
	delete(t.byPID, p.pid)
	p.populate(-1)
	t.unuse(p.group)
	t.unuse(p.session)
	t.unuse(p.pid)
}

// in returns the number that something with this number in the first namespace has in another one; 0 when it is not seen from there.
func (t *table) in(ns *pidNS, pid posix.PID) posix.PID {
	if ns.parent == nil {
		return pid
	}
	id := t.ids[pid]
	if id == nil {
		return 0
	}
	for i, other := 0, id.ns; other != nil; i, other = i+1, other.parent {
		if other == ns {
			return id.numbers[i]
		}
	}
	return 0
}

// number returns the number of q in the pid namespace of p; 0 when p cannot see it.
func (p *Process) number(q *Process) posix.PID {
	if q == nil {
		return 0
	}
	return p.k.procs.in(p.ns.pid, q.pid)
}

// first returns what a number in the pid namespace of p is in the first one; 0 when there is no such process, group or session.
func (p *Process) first(pid posix.PID) posix.PID {
	if p.ns.pid.parent == nil {
		if p.k.procs.ids[pid] == nil {
			return 0
		}
		return pid
	}
	return p.ns.pid.known[pid]
}

// findPID returns the process, running or a zombie, that has a number in the pid namespace of p; nil when there is none.
func (p *Process) findPID(pid posix.PID) *Process { return p.k.procs.byPID[p.first(pid)] }

// findOrSelf is findPID, and 0 is p.
func (p *Process) findOrSelf(pid posix.PID) *Process {
	if pid == 0 {
		return p
	}
	return p.findPID(pid)
}

// all returns the processes, by number.
func (t *table) all() []*Process {
	list := make([]*Process, 0, len(t.byPID))
	for _, p := range t.byPID {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *Process) int { return cmp.Compare(a.pid, b.pid) })
	return list
}

// sees tells whether the pid namespace of p is that of q or above it.
func (p *Process) sees(q *Process) bool {
	for ns := q.ns.pid; ns != nil; ns = ns.parent {
		if ns == p.ns.pid {
			return true
		}
	}
	return false
}

// bootLimits are those of process 1. Source: include/asm-generic/resource.h, INIT_RLIMITS.
func bootLimits() (l [rlimits]posix.Rlimit) {
	const none = ^uint64(0)
	for i := range l {
		l[i] = posix.Rlimit{Soft: none, Hard: none}
	}
	l[unix.RLIMIT_STACK].Soft = 8 << 20
	l[unix.RLIMIT_CORE].Soft = 0
	l[unix.RLIMIT_NPROC] = posix.Rlimit{Soft: 1 << 16, Hard: 1 << 16}
	l[unix.RLIMIT_NOFILE] = posix.Rlimit{Soft: 1024, Hard: 1 << 20}
	l[unix.RLIMIT_MEMLOCK] = posix.Rlimit{Soft: 8 << 20, Hard: 8 << 20}
	l[unix.RLIMIT_SIGPENDING] = posix.Rlimit{Soft: 1 << 16, Hard: 1 << 16}
	l[unix.RLIMIT_MSGQUEUE] = posix.Rlimit{Soft: 819200, Hard: 819200}
	l[unix.RLIMIT_NICE] = posix.Rlimit{}
	l[unix.RLIMIT_RTPRIO] = posix.Rlimit{}
	return l
}
