package kernel

import (
	"maps"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// ruleset is the object of landlock_create_ruleset(2).
type ruleset struct {
	anonymous
	fs, net, scoped uint64
	paths           map[*inode]uint64
	ports           map[uint16]uint64
}

func (r *ruleset) pollable() bool { return false }

// What this kernel knows of Landlock: version 7 of its interface.
const (
	landlockABI     = 7
	landlockFS      = 1<<16 - 1
	landlockNet     = 1<<2 - 1
	landlockScopes  = 1<<2 - 1
	landlockFlags   = 1<<3 - 1
	landlockLayers  = 16
	landlockSilence = 1 << 2 // LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF
)

// LandlockABI implements [posix.Hardening].
func (p *Process) LandlockABI() (int, error) {
	c, errno := p.enter(posix.OpLandlockABI, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0, c.leave(errno)
	}
	return landlockABI, c.leave(0)
}

// LandlockCreateRuleset implements [posix.Hardening].
func (p *Process) LandlockCreateRuleset(attr *posix.LandlockRulesetAttr) (posix.FD, error) {
	c, errno := p.enter(posix.OpLandlockCreateRuleset, somewhere, 24, 0)
	fd := posix.FD(-1)
	if errno == 0 {
		fd, errno = p.createRuleset(attr)
	}
	return fd, c.leave(errno)
}

func (p *Process) createRuleset(attr *posix.LandlockRulesetAttr) (posix.FD, posix.Errno) {
	switch {
	case attr.HandledAccessFS&^landlockFS != 0, attr.HandledAccessNet&^landlockNet != 0, attr.Scoped&^landlockScopes != 0:
		return -1, einval
	case attr.HandledAccessFS|attr.HandledAccessNet|attr.Scoped == 0:
		return -1, enomsg
	}
	r := &ruleset{fs: attr.HandledAccessFS, net: attr.HandledAccessNet, scoped: attr.Scoped, paths: map[*inode]uint64{}, ports: map[uint16]uint64{}}
	return p.installObject(r, oRdwr, true)
}

// installObject makes a description of an object that has no place in the file tree.
func (p *Process) installObject(o object, flags uint32, cloexec bool) (posix.FD, posix.Errno) {
	f, errno := p.k.newFile(p, o, flags)
	if errno != 0 {
		return -1, errno
	}
	return p.install(f, 0, cloexec)
}

// ruleset returns what a descriptor stands for. EBADFD: something else.
func (p *Process) ruleset(fd posix.FD) (*ruleset, posix.Errno) {
	f, errno := p.file(fd)
	if errno != 0 {
		return nil, errno
	}
	r, ok := f.object.(*ruleset)
	if !ok {
		return nil, ebadfd
	}
	return r, 0
}

// LandlockAddPathRule implements [posix.Hardening].
func (p *Process) LandlockAddPathRule(fd posix.FD, rule *posix.LandlockPathBeneath) error {
	c, errno := p.enter(posix.OpLandlockAddPathRule, uint64(fd), unix.LANDLOCK_RULE_PATH_BENEATH, somewhere, 0)
	if errno == 0 {
		errno = p.addPathRule(fd, rule)
	}
	return c.leave(errno)
}

// addPathRule keeps the order of add_rule_path_beneath in security/landlock/syscalls.c.
func (p *Process) addPathRule(fd posix.FD, rule *posix.LandlockPathBeneath) posix.Errno {
	r, errno := p.ruleset(fd)
	switch {
	case errno != 0:
		return errno
	case rule.AllowedAccess == 0:
		return enomsg
	case rule.AllowedAccess&^r.fs != 0:
		return einval
	}
	parent, errno := p.anyFile(rule.Parent)
	if errno != 0 {
		return errno
	}
	var n *inode
	slave, isSlave := parent.object.(ptySlave) // it has a name in devpts, which this machine does not show
	switch {
	case isSlave:
		n = slave.node
	case parent.place == nil || parent.place.mount == p.k.tree.hidden:
		return ebadfd
	default:
		n = parent.place.entry.inode
	}
	if n.mode&unix.S_IFMT != unix.S_IFDIR && rule.AllowedAccess&^landlockFiles != 0 {
		return einval
	}
	r.paths[n] |= rule.AllowedAccess
	return 0
}

// LandlockAddNetRule implements [posix.Hardening].
func (p *Process) LandlockAddNetRule(fd posix.FD, rule *posix.LandlockNetPort) error {
	c, errno := p.enter(posix.OpLandlockAddNetRule, uint64(fd), ruleNetPort, somewhere, 0)
	if errno == 0 {
		errno = p.addNetRule(fd, rule)
	}
	return c.leave(errno)
}

const ruleNetPort = 2 // LANDLOCK_RULE_NET_PORT

func (p *Process) addNetRule(fd posix.FD, rule *posix.LandlockNetPort) posix.Errno {
	r, errno := p.ruleset(fd)
	switch {
	case errno != 0:
		return errno
	case rule.AllowedAccess == 0:
		return enomsg
	case rule.AllowedAccess&^r.net != 0, rule.Port > 65535:
		return einval
	}
	r.ports[uint16(rule.Port)] |= rule.AllowedAccess
	return 0
}

// LandlockRestrictSelf implements [posix.Hardening].
func (p *Process) LandlockRestrictSelf(fd posix.FD, flags uint32) error {
	c, errno := p.enter(posix.OpLandlockRestrictSelf, uint64(fd), uint64(flags))
	if errno == 0 {
		errno = p.restrictSelf(fd, flags)
	}
	return c.leave(errno)
}

func (p *Process) restrictSelf(fd posix.FD, flags uint32) posix.Errno {
	switch {
	case !p.box.noNewPrivs && !p.capableIn(p.cred.user, capSysAdmin):
		return eperm
	case flags&^landlockFlags != 0:
		return einval
	case fd == -1 && flags == landlockSilence:
		return 0
	}
	r, errno := p.ruleset(fd)
	if errno != 0 {
		return errno
	}
	d := &landlockDomain{
		older: p.box.domain, layers: 1, fs: r.fs, net: r.net, scoped: r.scoped,
		paths: maps.Clone(r.paths), ports: maps.Clone(r.ports), mountsForbidden: r.fs != 0,
	}
	if d.fs != 0 { // before there was a right to it, no ruleset could allow it
		d.fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if older := d.older; older != nil {
		d.layers += older.layers
		d.mountsForbidden = d.mountsForbidden || older.mountsForbidden
	}
	if d.layers > landlockLayers {
		return e2big
	}
	p.box.domain = d
	p.takeCredentials(p.cred)
	return 0
}
