package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// birth is how a child is made.
type birth struct {
	flags      uint64 // CLONE_…
	exitSignal posix.Signal
	group      *group // with CLONE_INTO_CGROUP
}

// newChild makes a child of p, or with CLONE_PARENT a sibling. It does nothing before somebody gives it something to do: start, a launch program, or calls
// that the test makes. An error leaves nothing behind. The signals of the child are those of p; see [Process.clearHandlers].
func (k *Kernel) newChild(p *Process, b birth) (*Process, posix.Errno) {
	if errno := k.mayHaveChild(p, b.flags); errno != 0 {
		return nil, errno
	}
	parent := p
	if b.flags&unix.CLONE_PARENT != 0 {
		parent, b.exitSignal = p.parent, p.exitSignal
	}
	c := &Process{
		k: k, parent: parent, exitSignal: b.exitSignal, born: k.now,
		umask: p.umask, persona: p.persona, cred: p.cred, sig: p.sig.child(), group: p.group, session: p.session, limits: p.limits,
		argv: p.argv, env: p.env, comm: p.comm, attrs: p.attrs.child(), box: p.box, ns: p.ns,
	}
	c.takeCredentials(c.cred)
	c.box.launching, c.box.asked = false, false
	if errno := k.bear(c, p, b.flags); errno != 0 {
		return nil, errno
	}
	if c.ns.pid.ending {
		return nil, enomem
	}
	if errno := k.admit(p, c, b.group); errno != 0 {
		return nil, errno
	}
	if errno := k.procs.add(c); errno != 0 {
		k.discharge(c)
		k.uncharge(c)
		return nil, errno
	}
	if b.flags&unix.CLONE_FILES != 0 {
		c.fds = p.fds.share()
	} else {
		c.fds = p.fds.clone()
	}
	c.runFile(p.exe)
	c.cwd, c.root = p.cwd, p.root
	for _, place := range []*place{c.cwd, c.root} {
		if place != nil {
			place.hold()
		}
	}
	c.inherit(p)
	parent.children = append(parent.children, c)
	k.user(c.cred.uids.Real).processes++
	return c, 0
}

// mayHaveChild checks RLIMIT_NPROC and the flags that exclude each other.
func (k *Kernel) mayHaveChild(p *Process, flags uint64) posix.Errno {
	const newNS, newUser = unix.CLONE_NEWNS, unix.CLONE_NEWUSER
	switch {
	case flags&unix.CLONE_FS != 0 && flags&(newNS|newUser) != 0,
		flags&unix.CLONE_SYSVSEM != 0 && flags&unix.CLONE_NEWIPC != 0,
		flags&unix.CLONE_PARENT != 0 && p.sig.unkillable:
		return einval
	case k.user(p.cred.uids.Real).processes >= p.limits[unix.RLIMIT_NPROC].Soft && p.cred.uids.Real != 0 &&
		!p.cred.has(unix.CAP_SYS_RESOURCE) && !p.cred.has(unix.CAP_SYS_ADMIN):
		return eagain
	}
	return 0
}

// account is what is counted of a user.
type account struct{ processes uint64 }

// user returns the account of a user.
func (k *Kernel) user(uid posix.UID) *account {
	a := k.users[uid]
	if a == nil {
		a = &account{}
		k.users[uid] = a
	}
	return a
}

// inherit is what a child has of its parent besides what newChild copies: each part of the package that adds something to a process does so here.
func (p *Process) inherit(parent *Process) { p.settle() }

// Fork makes a child that runs body on a goroutine of its own when its turn comes, and returns its number. When body returns, the child exits with status 0: see
// [Process.Exit]. What has been said of [Main] holds for body. Errors: EAGAIN. In the trace it is clone3.
func (p *Process) Fork(body func(child *Process)) (posix.PID, error) {
	c, errno := p.enter(posix.OpClone3, unix.CLONE_VFORK, 0)
	var pid posix.PID
	if errno == 0 {
		var child *Process
		if child, errno = p.k.newChild(p, birth{exitSignal: unix.SIGCHLD}); errno == 0 {
			pid = p.number(child)
			p.k.start(child, func() int { body(child); return 0 })
		}
	}
	return pid, c.leave(errno)
}

// Child makes a child that the caller drives: it does what the caller calls, until [Process.Exit]. When a signal kills it, what is called
// in it panics with an [*Ended]. Errors: EAGAIN. In the trace it is clone3.
func (p *Process) Child() (*Process, error) {
	c, errno := p.enter(posix.OpClone3, unix.CLONE_VFORK, 0)
	var child *Process
	if errno == 0 {
		child, errno = p.k.newChild(p, birth{exitSignal: unix.SIGCHLD})
	}
	return child, c.leave(errno)
}

// disown takes a child that has been reaped, or has another parent now, from the list.
func (p *Process) disown(child *Process) {
	if i := slices.Index(p.children, child); i >= 0 {
		p.children = slices.Delete(p.children, i, i+1)
	}
}
