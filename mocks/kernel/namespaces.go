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
	root *mount
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
	up bool // the loopback interface
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
		mnt:            &mountNS{namespace: namespace{kind: unix.CLONE_NEWNS, ino: firstMountNS}, root: k.tree.root},
		uts:            &utsNS{namespace: namespace{kind: unix.CLONE_NEWUTS, ino: firstUtsNS}, node: "bulkhead", domain: "(none)"},
		ipc:            &ipcNS{namespace{kind: unix.CLONE_NEWIPC, ino: firstIpcNS}},
		net:            &netNS{namespace: namespace{kind: unix.CLONE_NEWNET, ino: firstNetNS}, up: true},
		cgroup:         &cgroupNS{namespace: namespace{kind: unix.CLONE_NEWCGROUP, ino: firstCgroupNS}},
		pid:            pid,
		pidForChildren: pid,
		time:           &timeNS{namespace{kind: unix.CLONE_NEWTIME, ino: firstTimeNS}},
	}
}

// bear puts a child, which has a copy of its parent's namespaces, into those that are made with it (flags of clone), or that its parent has entered for its
// children.
func (k *Kernel) bear(child *Process, flags uint64) posix.Errno {
	child.ns.pid = child.ns.pidForChildren
	return 0
}
