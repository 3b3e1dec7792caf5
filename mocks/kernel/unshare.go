package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// newNamespace numbers a namespace.
func (k *Kernel) newNamespace(kind int, owner *userNS) namespace {
	k.lastNS++
	return namespace{kind: kind, ino: k.lastNS, owner: owner}
}

// newKinds are the namespaces besides that of users.
const newKinds = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWPID |
	unix.CLONE_NEWCGROUP | unix.CLONE_NEWTIME

// maxNamespaceDepth is how deep namespaces of users and of processes can be nested. Source: MAX_PID_NS_LEVEL, user_namespaces(7).
const maxNamespaceDepth = 32

// Unshare implements [posix.Namespaces]. Who calls it stands for a Go program, which has several threads; a launch program has one.
func (p *Process) Unshare(flags int) error {
	c, errno := p.enter(posix.OpUnshare, uint64(flags))
	if errno == 0 {
		errno = p.unshare(uint64(uint32(flags)), p.box.launching)
	}
	return c.leave(errno)
}

// unshare keeps the order of ksys_unshare in kernel/fork.c. alone: the process has one thread.
func (p *Process) unshare(flags uint64, alone bool) posix.Errno {
	const (
		threads = unix.CLONE_THREAD | unix.CLONE_SIGHAND | unix.CLONE_VM
		known   = threads | newKinds | unix.CLONE_NEWUSER | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SYSVSEM
	)
	if flags&^known != 0 || flags&(threads|unix.CLONE_NEWUSER) != 0 && !alone {
		return einval
	}
	cred, bits := p.cred, p.attrs.securebits
	if flags&unix.CLONE_NEWUSER != 0 {
		user, errno := p.newUser()
		if errno != 0 {
			return errno
		}
		cred, bits = cred.born(user), 0
	}
	ns := p.ns
	copies, errno := p.k.renew(&ns, &cred, flags, p.in)
	if errno != 0 {
		return errno
	}
	if flags&unix.CLONE_FILES != 0 {
		p.fds = p.fds.unshare()
	}
	if flags&(unix.CLONE_FS|unix.CLONE_NEWNS) != 0 {
		p.box.ownFS = true
	}
	p.changeNamespaces(ns)
	if cred.user != p.cred.user {
		p.takeCredentials(cred)
	}
	p.attrs.securebits = bits
	p.follow(copies)
	return 0
}

// changeNamespaces puts the process into other namespaces.
func (p *Process) changeNamespaces(ns namespaces) {
	if old := p.ns.mnt; ns.mnt != old {
		ns.mnt.users++
		defer old.leave()
	}
	p.ns = ns
}

// newUser makes a user namespace below that of the process. Source: create_user_ns in kernel/user_namespace.c.
func (p *Process) newUser() (*userNS, posix.Errno) {
	parent := p.cred.user
	switch {
	case parent.depth() >= maxNamespaceDepth:
		return nil, enospc
	case p.root.mount.parent != nil || !p.root.spot().isRoot():
		return nil, eperm // in a chroot
	}
	if parent != nil {
		_, user := shown(parent.uids, uint32(p.cred.uids.Effective))
		_, group := shown(parent.gids, uint32(p.cred.gids.Effective))
		if !user || !group {
			return nil, eperm
		}
	}
	return &userNS{
		namespace: p.k.newNamespace(unix.CLONE_NEWUSER, parent), parent: parent, level: parent.depth() + 1,
		maker: p.cred.uids.Effective, group: p.cred.gids.Effective, noGroups: parent != nil && parent.noGroups,
	}, 0
}

// born returns the credentials with which a process is in a user namespace that it has made or entered: it has all capabilities there.
func (c credentials) born(user *userNS) credentials {
	const all = 1<<(lastCapability+1) - 1
	c.caps = posix.CapSets{Effective: all, Permitted: all}
	c.bounding, c.ambient, c.user = all, 0, user
	return c
}

// renew puts new namespaces into ns, for a process with these credentials. copies says what became of the mounts. Source: create_new_namespaces in
// kernel/nsproxy.c.
func (k *Kernel) renew(ns *namespaces, cred *credentials, flags uint64, in *group) (copies map[*mount]*mount, errno posix.Errno) {
	if flags&newKinds == 0 {
		return nil, 0
	}
	if !cred.capableIn(cred.user, capSysAdmin) {
		return nil, eperm
	}
	owner := cred.user
	if flags&unix.CLONE_NEWPID != 0 {
		switch {
		case ns.pid != ns.pidForChildren:
			return nil, einval
		case ns.pid.level >= maxNamespaceDepth:
			return nil, enospc
		}
		ns.pidForChildren = &pidNS{namespace: k.newNamespace(unix.CLONE_NEWPID, owner), parent: ns.pid, level: ns.pid.level + 1}
	}
	if flags&unix.CLONE_NEWNS != 0 {
		ns.mnt, copies = k.copyMounts(ns.mnt, owner)
	}
	if flags&unix.CLONE_NEWUTS != 0 {
		ns.uts = &utsNS{namespace: k.newNamespace(unix.CLONE_NEWUTS, owner), node: ns.uts.node, domain: ns.uts.domain}
	}
	if flags&unix.CLONE_NEWIPC != 0 {
		ns.ipc = &ipcNS{k.newNamespace(unix.CLONE_NEWIPC, owner)}
	}
	if flags&unix.CLONE_NEWNET != 0 {
		ns.net = &netNS{namespace: k.newNamespace(unix.CLONE_NEWNET, owner)}
	}
	if flags&unix.CLONE_NEWCGROUP != 0 {
		ns.cgroup = &cgroupNS{namespace: k.newNamespace(unix.CLONE_NEWCGROUP, owner), root: in}
	}
	if flags&unix.CLONE_NEWTIME != 0 {
		ns.time = &timeNS{k.newNamespace(unix.CLONE_NEWTIME, owner)}
	}
	return copies, 0
}

// setName is sethostname(2), or with domain setdomainname(2).
func (p *Process) setName(domain bool, name string) posix.Errno {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	if !p.capableIn(p.ns.uts.owner, capSysAdmin) {
		return eperm
	}
	if domain {
		p.ns.uts.domain = name
	} else {
		p.ns.uts.node = name
	}
	return 0
}
