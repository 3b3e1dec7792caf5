package kernel

import "github.com/bulkhead/bulkhead/posix"

// Getpid implements [posix.Processes].
func (p *Process) Getpid() posix.PID {
	c, errno := p.enter(posix.OpGetpid)
	pid := p.number(p)
	if errno != 0 {
		pid = posix.PID(c.refused(errno))
	}
	_ = c.leave(errno)
	return pid
}

// Getppid implements [posix.Processes].
func (p *Process) Getppid() posix.PID {
	c, errno := p.enter(posix.OpGetppid)
	pid := p.number(p.parent)
	if errno != 0 {
		pid = posix.PID(c.refused(errno))
	}
	_ = c.leave(errno)
	return pid
}

// Getpgid implements [posix.Processes].
func (p *Process) Getpgid(pid posix.PID) (posix.PID, error) {
	c, errno := p.enter(posix.OpGetpgid, uint64(pid))
	var group posix.PID
	if errno == 0 {
		if of := p.findOrSelf(pid); of != nil {
			group = p.k.procs.in(p.ns.pid, of.group)
		} else {
			errno = esrch
		}
	}
	return group, c.leave(errno)
}

// Getsid implements [posix.Processes].
func (p *Process) Getsid(pid posix.PID) (posix.PID, error) {
	c, errno := p.enter(posix.OpGetsid, uint64(pid))
	var session posix.PID
	if errno == 0 {
		if of := p.findOrSelf(pid); of != nil {
			session = p.k.procs.in(p.ns.pid, of.session)
		} else {
			errno = esrch
		}
	}
	return session, c.leave(errno)
}

// Setpgid implements [posix.Processes].
func (p *Process) Setpgid(pid, pgid posix.PID) error {
	c, errno := p.enter(posix.OpSetpgid, uint64(pid), uint64(pgid))
	if errno == 0 {
		errno = p.setpgid(pid, pgid)
	}
	return c.leave(errno)
}

// setpgid is setpgid(2). Source: kernel/sys.c.
func (p *Process) setpgid(pid, pgid posix.PID) posix.Errno {
	if pgid < 0 {
		return einval
	}
	who := p.findOrSelf(pid)
	switch {
	case who == nil:
		return esrch
	case who.parent == p && who.session != p.session:
		return eperm
	case who.parent == p && who.executed:
		return eacces
	case who.parent != p && who != p:
		return esrch
	case who.leads():
		return eperm
	}
	group := who.pid
	if pgid != 0 && pgid != p.number(who) {
		group = p.first(pgid)
		if !p.k.hasGroup(group, p.session) {
			return eperm
		}
	}
	if group != who.group {
		old := who.group
		who.group = group
		p.k.procs.use(group)
		p.k.procs.unuse(old)
	}
	return 0
}

// leads tells whether a process is the leader of its session.
func (p *Process) leads() bool { return p.session == p.pid }

// hasGroup tells whether a session has a process group; session 0 is any.
func (k *Kernel) hasGroup(group, session posix.PID) bool {
	if group == 0 {
		return false
	}
	for _, p := range k.procs.byPID {
		if p.group == group && (session == 0 || p.session == session) {
			return true
		}
	}
	return false
}

// Setsid implements [posix.Processes].
func (p *Process) Setsid() (posix.PID, error) {
	c, errno := p.enter(posix.OpSetsid)
	var session posix.PID
	if errno == 0 {
		session, errno = p.setsid()
	}
	return session, c.leave(errno)
}

func (p *Process) setsid() (posix.PID, posix.Errno) {
	if p.leads() || p.k.hasGroup(p.pid, 0) {
		return 0, eperm
	}
	group, session := p.group, p.session
	p.group, p.session = p.pid, p.pid
	p.k.procs.use(p.pid)
	p.k.procs.use(p.pid)
	p.k.procs.unuse(group)
	p.k.procs.unuse(session)
	p.leaveTerminal()
	return p.number(p), 0
}
