package kernel

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// ownID is one of the four calls that return a number and cannot fail, unless a filter refuses them: then it is what the filter put in the register.
func ownID[T posix.UID | posix.GID](p *Process, op posix.Op, number func() T) T {
	c, errno := p.enter(op)
	n := number()
	if errno != 0 {
		n = T(c.refused(errno))
	}
	_ = c.leave(errno)
	return n
}

// Getuid implements [posix.Credentials].
func (p *Process) Getuid() posix.UID {
	return ownID(p, posix.OpGetuid, func() posix.UID { return p.cred.user.uidOf(p.cred.uids.Real) })
}

// Geteuid implements [posix.Credentials].
func (p *Process) Geteuid() posix.UID {
	return ownID(p, posix.OpGeteuid, func() posix.UID { return p.cred.user.uidOf(p.cred.uids.Effective) })
}

// Getgid implements [posix.Credentials].
func (p *Process) Getgid() posix.GID {
	return ownID(p, posix.OpGetgid, func() posix.GID { return p.cred.user.gidOf(p.cred.gids.Real) })
}

// Getegid implements [posix.Credentials].
func (p *Process) Getegid() posix.GID {
	return ownID(p, posix.OpGetegid, func() posix.GID { return p.cred.user.gidOf(p.cred.gids.Effective) })
}

// Getresuid implements [posix.Credentials].
func (p *Process) Getresuid(uids *posix.Uids) error {
	c, errno := p.enter(posix.OpGetresuid, somewhere, somewhere, somewhere)
	if errno == 0 {
		u, ns := p.cred.uids, p.cred.user
		*uids = posix.Uids{Real: ns.uidOf(u.Real), Effective: ns.uidOf(u.Effective), Saved: ns.uidOf(u.Saved)}
	}
	return c.leave(errno)
}

// Getresgid implements [posix.Credentials].
func (p *Process) Getresgid(gids *posix.Gids) error {
	c, errno := p.enter(posix.OpGetresgid, somewhere, somewhere, somewhere)
	if errno == 0 {
		g, ns := p.cred.gids, p.cred.user
		*gids = posix.Gids{Real: ns.gidOf(g.Real), Effective: ns.gidOf(g.Effective), Saved: ns.gidOf(g.Saved)}
	}
	return c.leave(errno)
}

// Getgroups implements [posix.Credentials].
func (p *Process) Getgroups(groups []posix.GID) (int, error) {
	c, errno := p.enter(posix.OpGetgroups, uint64(len(groups)), somewhere)
	n := 0
	if errno == 0 {
		n = len(p.cred.groups)
		switch {
		case len(groups) == 0:
		case len(groups) < n:
			n, errno = 0, einval
		default:
			for i, g := range p.cred.groups {
				groups[i] = p.cred.user.gidOf(g)
			}
		}
	}
	return n, c.leave(errno)
}

// Setresuid implements [posix.Credentials].
func (p *Process) Setresuid(uids posix.Uids) error {
	c, errno := p.enter(posix.OpSetresuid, uint64(uids.Real), uint64(uids.Effective), uint64(uids.Saved))
	if errno == 0 {
		errno = p.setresuid(uids)
	}
	return c.leave(errno)
}

// setresuid is setresuid(2). Source: kernel/sys.c, __sys_setresuid.
func (p *Process) setresuid(uids posix.Uids) posix.Errno {
	old := p.cred
	next := old
	for _, part := range []struct {
		ask posix.UID
		to  *posix.UID
	}{{uids.Real, &next.uids.Real}, {uids.Effective, &next.uids.Effective}, {uids.Saved, &next.uids.Saved}} {
		if part.ask == ^posix.UID(0) {
			continue
		}
		uid, ok := old.user.uid(part.ask)
		if !ok {
			return einval
		}
		*part.to = uid
	}
	mine := []posix.UID{old.uids.Real, old.uids.Effective, old.uids.Saved}
	for _, uid := range []posix.UID{next.uids.Real, next.uids.Effective, next.uids.Saved} {
		if !slices.Contains(mine, uid) && !p.capableIn(old.user, unix.CAP_SETUID) {
			return eperm
		}
	}
	if next.uids == old.uids {
		return 0
	}
	if p.attrs.securebits&secureNoFixup == 0 {
		next.fixCapabilities(&old, p.attrs.securebits)
	}
	if next.uids.Real != old.uids.Real {
		p.k.user(old.uids.Real).processes--
		a := p.k.user(next.uids.Real)
		// It is not counted yet: kernel/sys.c, flag_nproc_exceeded.
		p.attrs.overNproc = next.uids.Real != 0 && a.processes > p.limits[unix.RLIMIT_NPROC].Soft
		a.processes++
	}
	p.setCredentials(next)
	return 0
}

// fixCapabilities adjusts the capabilities to a change of users. Source: capabilities(7), "Effect of user ID changes on capabilities".
func (c *credentials) fixCapabilities(old *credentials, securebits uint32) {
	root, ok := c.user.uid(0)
	if !ok {
		return
	}
	had := old.uids.Real == root || old.uids.Effective == root || old.uids.Saved == root
	has := c.uids.Real == root || c.uids.Effective == root || c.uids.Saved == root
	if had && !has {
		if securebits&secureKeepCaps == 0 {
			c.caps.Permitted, c.caps.Effective = 0, 0
		}
		c.ambient = 0
	}
	if old.uids.Effective == root && c.uids.Effective != root {
		c.caps.Effective = 0
	}
	if old.uids.Effective != root && c.uids.Effective == root {
		c.caps.Effective = c.caps.Permitted
	}
}

// setCredentials makes next the credentials of the process. Source: kernel/cred.c, commit_creds.
func (p *Process) setCredentials(next credentials) {
	old := &p.cred
	if old.uids.Effective != next.uids.Effective || old.gids.Effective != next.gids.Effective || next.caps.Permitted&^old.caps.Permitted != 0 {
		p.attrs.dumpable = 0
		p.attrs.deathSignal = 0
	}
	p.takeCredentials(next)
}

// takeCredentials gives the process credentials that have just been made.
func (p *Process) takeCredentials(made credentials) {
	p.k.procs.creds++
	made.which = p.k.procs.creds
	p.cred = made
}

// Setresgid implements [posix.Credentials].
func (p *Process) Setresgid(gids posix.Gids) error {
	c, errno := p.enter(posix.OpSetresgid, uint64(gids.Real), uint64(gids.Effective), uint64(gids.Saved))
	if errno == 0 {
		errno = p.setresgid(gids)
	}
	return c.leave(errno)
}

func (p *Process) setresgid(gids posix.Gids) posix.Errno {
	old := p.cred
	next := old
	for _, part := range []struct {
		ask posix.GID
		to  *posix.GID
	}{{gids.Real, &next.gids.Real}, {gids.Effective, &next.gids.Effective}, {gids.Saved, &next.gids.Saved}} {
		if part.ask == ^posix.GID(0) {
			continue
		}
		gid, ok := old.user.gid(part.ask)
		if !ok {
			return einval
		}
		*part.to = gid
	}
	mine := []posix.GID{old.gids.Real, old.gids.Effective, old.gids.Saved}
	for _, gid := range []posix.GID{next.gids.Real, next.gids.Effective, next.gids.Saved} {
		if !slices.Contains(mine, gid) && !p.capableIn(old.user, unix.CAP_SETGID) {
			return eperm
		}
	}
	if next.gids != old.gids {
		p.setCredentials(next)
	}
	return 0
}

// maxGroups is how many supplementary groups there can be. Source: include/uapi/linux/limits.h, NGROUPS_MAX.
const maxGroups = 65536

// Setgroups implements [posix.Credentials].
func (p *Process) Setgroups(groups []posix.GID) error {
	c, errno := p.enter(posix.OpSetgroups, uint64(len(groups)), somewhere)
	if errno == 0 {
		errno = p.setgroups(groups)
	}
	return c.leave(errno)
}

// setgroups is setgroups(2). Source: kernel/groups.c.
func (p *Process) setgroups(groups []posix.GID) posix.Errno {
	switch {
	case !p.capableIn(p.cred.user, unix.CAP_SETGID),
		p.cred.user != nil && (p.cred.user.noGroups || p.cred.user.gids == nil):
		return eperm
	case len(groups) > maxGroups:
		return einval
	}
	set := make([]posix.GID, len(groups))
	for i, g := range groups {
		gid, ok := p.cred.user.gid(g)
		if !ok {
			return einval
		}
		set[i] = gid
	}
	slices.Sort(set)
	next := p.cred
	next.groups = set
	p.takeCredentials(next)
	return 0
}
