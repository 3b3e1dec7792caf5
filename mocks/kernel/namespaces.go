package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// namespace is what the kinds of namespaces have in common. Each is known by the inode number that /proc/PID/ns shows. Source: namespaces(7).
type namespace struct {
	kind  int // CLONE_NEW…
	ino   uint64
	owner *userNS // nil: the first user namespace
}

// namespaces are those that a process is in. All but children's are never nil once the machine has booted.
type namespaces struct {
	mnt    *mountNS
	uts    *utsNS
	ipc    *ipcNS
	net    *netNS
	cgroup *cgroupNS
	pid    *pidNS
	// pidForChildren is what the next child is born in: it differs from pid after setns and unshare.
	pidForChildren *pidNS
	time           *timeNS
}

// mountNS is a tree of mounts.
type mountNS struct {
	namespace
	root  *mount
	users int // processes and descriptors
	// copies says what became of the mounts of the namespace that it was copied from, until its first process is in it.
	copies map[*mount]*mount
}

// utsNS has the names that uname shows.
type utsNS struct {
	namespace
	node, domain string
}

// ipcNS separates System V IPC, of which this kernel has none.
type ipcNS struct{ namespace }

// timeNS shifts clocks.
type timeNS struct{ namespace }

// cgroupNS says what group is shown as "/".
type cgroupNS struct {
	namespace
	root *group
}

// netNS is a network: its ports and abstract names.
type netNS struct {
	namespace
	up   bool // the loopback interface
	inet inetTable
}

// pidNS numbers processes. A process has a number in its own one and in all above.
type pidNS struct {
	namespace
	parent *pidNS // nil: the first one
	level  int
	init   *Process // its process 1, nil before there is one; when it ends, all end
	next   posix.PID
	known  map[posix.PID]posix.PID // numbers in it, and what they are in the first one; nil in the first one
	// population is how many processes have not been reaped, those of the namespaces below included.
	population int
	// ending: process 1 has ended, and waits for the others to end. Nobody is born any more.
	ending bool
}

// userNS maps users and groups, and says where capabilities count.
type userNS struct {
	namespace
	parent *userNS   // nil: the first one
	level  int       // 1 or more
	maker  posix.UID // effective user of the process that made it
	group  posix.GID
	// The maps say which kernel-wide numbers there are: those of the first namespace. Nil: not written yet.
	uids, gids []idMap
	noGroups   bool // setgroups is denied
}

// The inode numbers of the first namespaces, and of the first one that is made later. Source: include/uapi/linux/nsfs.h.
const (
	firstTimeNS   = 0xeffffffa
	firstCgroupNS = 0xeffffffb
	firstPidNS    = 0xeffffffc
	firstUserNS   = 0xeffffffd
	firstUtsNS    = 0xeffffffe
	firstIpcNS    = 0xefffffff
	firstMountNS  = 0xf0000000
	firstNetNS    = 0xf0000001
	laterNS       = 0xf0000100
)

// bootNamespaces makes the first ones, which process 1 is in.
func (k *Kernel) bootNamespaces() {
	k.lastNS = laterNS
	pid := &pidNS{namespace: namespace{kind: unix.CLONE_NEWPID, ino: firstPidNS}, init: k.init}
	k.init.ns = namespaces{
		mnt:            &mountNS{namespace: namespace{kind: unix.CLONE_NEWNS, ino: firstMountNS}, root: k.tree.root, users: 2},
		uts:            &utsNS{namespace: namespace{kind: unix.CLONE_NEWUTS, ino: firstUtsNS}, node: "bulkhead", domain: "(none)"},
		ipc:            &ipcNS{namespace{kind: unix.CLONE_NEWIPC, ino: firstIpcNS}},
		net:            &netNS{namespace: namespace{kind: unix.CLONE_NEWNET, ino: firstNetNS}, up: true},
		cgroup:         &cgroupNS{namespace: namespace{kind: unix.CLONE_NEWCGROUP, ino: firstCgroupNS}},
		pid:            pid,
		pidForChildren: pid,
		time:           &timeNS{namespace{kind: unix.CLONE_NEWTIME, ino: firstTimeNS}},
	}
	k.tree.root.each(func(m *mount) { m.ns = k.init.ns.mnt })
}

// bear puts a child, which has a copy of its parent's namespaces, into those that are made with it (flags of clone), or that its parent has entered
// for its
// children.
func (k *Kernel) bear(child, parent *Process, flags uint64) posix.Errno {
	if flags&unix.CLONE_NEWUSER != 0 {
		user, errno := parent.newUser()
		if errno != 0 {
			return errno
		}
		child.cred, child.attrs.securebits = child.cred.born(user), 0
	}
	copies, errno := k.renew(&child.ns, &child.cred, flags, parent.in)
	if errno != 0 {
		return errno
	}
	if copies != nil {
		child.ns.mnt.copies = copies
	}
	child.ns.pid = child.ns.pidForChildren
	return 0
}

// settle puts a child into its mount namespace.
func (p *Process) settle() {
	ns := p.ns.mnt
	ns.users++
	if ns.copies != nil {
		p.follow(ns.copies)
		ns.copies = nil
	}
}

// leave is called when somebody does not use the namespace any more: with the last its mounts go.
func (ns *mountNS) leave() {
	if ns.users--; ns.users == 0 {
		ns.root.dissolve()
	}
}
