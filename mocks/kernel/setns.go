package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// nsFile is the object of a descriptor of a namespace, as opening /proc/PID/ns/… makes one. of is the namespace: a *mountNS, a *pidNS …; a *userNS
// that is nil is the first one.
type nsFile struct {
	nothing
	namespace
	of any
}

func (*nsFile) pollable() bool { return false }

func (n *nsFile) stat(_ *file, st *posix.Stat) posix.Errno {
	*st = posix.Stat{Dev: nsDevice, Ino: n.ino, Mode: unix.S_IFREG | 0o444, Nlink: 1}
	return 0
}

func (n *nsFile) release(*file) {
	if ns, ok := n.of.(*mountNS); ok {
		ns.leave()
	}
}

// nsDevice is the device of the file system of namespaces.
const nsDevice = 4

// namespaceOf returns the namespace of a process that a name in /proc/PID/ns stands for, or nil. Source: proc_ns_dir_inode_operations in
// fs/proc/namespaces.c.
func (p *Process) namespaceOf(name string) *nsFile {
	ns := &p.ns
	switch name {
	case "mnt":
		return &nsFile{namespace: ns.mnt.namespace, of: ns.mnt}
	case "uts":
		return &nsFile{namespace: ns.uts.namespace, of: ns.uts}
	case "ipc":
		return &nsFile{namespace: ns.ipc.namespace, of: ns.ipc}
	case "net":
		return &nsFile{namespace: ns.net.namespace, of: ns.net}
	case "cgroup":
		return &nsFile{namespace: ns.cgroup.namespace, of: ns.cgroup}
	case "pid":
		return &nsFile{namespace: ns.pid.namespace, of: ns.pid}
	case "pid_for_children":
		return &nsFile{namespace: ns.pidForChildren.namespace, of: ns.pidForChildren}
	case "time", "time_for_children":
		return &nsFile{namespace: ns.time.namespace, of: ns.time}
	case "user":
		return &nsFile{namespace: p.cred.user.orFirst(), of: p.cred.user}
	}
	return nil
}

func (ns *userNS) orFirst() namespace {
	if ns == nil {
		return namespace{kind: unix.CLONE_NEWUSER, ino: firstUserNS}
	}
	return ns.namespace
}

// nsNames are the names in /proc/PID/ns.
var nsNames = [...]string{"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"}

// nsTarget is what the link of a namespace shows: "net:[4026531840]".
func nsTarget(name string, n *nsFile) string {
	if i := len(name) - len("_for_children"); i > 0 && name[i:] == "_for_children" {
		name = name[:i]
	}
	return name + ":[" + utoa(n.ino) + "]"
}

// Setns implements [posix.Namespaces]. Who calls it stands for a Go program, which has several threads; a launch program has one.
func (p *Process) Setns(fd posix.FD, nstype int) error {
	c, errno := p.enter(posix.OpSetns, uint64(fd), uint64(nstype))
	if errno == 0 {
		errno = p.setns(fd, uint64(uint32(nstype)))
	}
	return c.leave(errno)
}

// setns keeps the order of setns in kernel/nsproxy.c.
func (p *Process) setns(fd posix.FD, kinds uint64) posix.Errno {
	f, errno := p.file(fd)
	if errno != 0 {
		return errno
	}
	if n, ok := f.object.(*nsFile); ok {
		if kinds != 0 && uint64(n.kind) != kinds {
			return einval
		}
		return p.enterNamespaces([]*nsFile{n})
	}
	target, ok := f.object.(*pidfd)
	if !ok || kinds == 0 || kinds&^(newKinds|unix.CLONE_NEWUSER) != 0 {
		return einval
	}
	of := target.of
	switch { // in the order of validate_nsset
	case of.state == reaped:
		return esrch
	case !p.mayTrace(of, p.cred.uids.Real, p.cred.gids.Real, p.cred.caps.Permitted):
		return eperm
	case of.state == ended:
		return esrch
	}
	var list []*nsFile
	for _, name := range [...]string{"user", "mnt", "uts", "ipc", "pid", "cgroup", "net", "time"} {
		if n := of.namespaceOf(name); kinds&uint64(n.kind) != 0 {
			list = append(list, n)
		}
	}
	return p.enterNamespaces(list)
}

// enterNamespaces enters all of a list, or none.
func (p *Process) enterNamespaces(list []*nsFile) posix.Errno {
	ns, cred := p.ns, p.cred
	for _, n := range list {
		if errno := p.admitted(n, &cred); errno != 0 {
			return errno
		}
		switch of := n.of.(type) {
		case *mountNS:
			ns.mnt = of
		case *utsNS:
			ns.uts = of
		case *ipcNS:
			ns.ipc = of
		case *netNS:
			ns.net = of
		case *cgroupNS:
			ns.cgroup = of
		case *pidNS:
			ns.pidForChildren = of
		case *timeNS:
			ns.time = of
		case *userNS:
			cred = cred.born(of)
		}
	}
	entered := ns.mnt != p.ns.mnt
	p.changeNamespaces(ns)
	if cred.user != p.cred.user {
		p.takeCredentials(cred)
	}
	if entered {
		at := top(spot{ns.mnt.root, ns.mnt.root.root})
		p.moveTo(&p.root, at)
		p.moveTo(&p.cwd, at)
	}
	return 0
}

// admitted says whether the process, with credentials that an earlier namespace of the same call gave it, may enter a namespace: the install
// operations of the kinds.
func (p *Process) admitted(n *nsFile, cred *credentials) posix.Errno {
	alone := p.box.launching
	if n.kind == unix.CLONE_NEWUSER {
		of := n.of.(*userNS)
		switch {
		case of == cred.user, !alone:
			return einval
		case !cred.capableIn(of, capSysAdmin):
			return eperm
		}
		return 0
	}
	if n.kind == unix.CLONE_NEWTIME && !alone {
		return eusers
	}
	if !cred.capableIn(n.owner, capSysAdmin) || !cred.capableIn(cred.user, capSysAdmin) {
		return eperm
	}
	switch of := n.of.(type) {
	case *mountNS:
		if !cred.capableIn(cred.user, unix.CAP_SYS_CHROOT) {
			return eperm
		}
		if !alone && !p.box.ownFS {
			return einval
		}
	case *pidNS:
		up := of
		for up.level > p.ns.pid.level {
			up = up.parent
		}
		if up != p.ns.pid {
			return einval
		}
	}
	return 0
}

const eusers posix.Errno = unix.EUSERS
