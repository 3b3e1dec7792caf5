package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Umount2 implements [posix.Namespaces].
func (p *Process) Umount2(path string, flags int) error {
	if hasNUL(path) {
		return einval
	}
	c, errno := p.enter(posix.OpUmount2, somewhere, uint64(flags))
	if errno == 0 {
		errno = p.umount2(path, flags)
	}
	return c.leave(errno)
}

// umount2 keeps the order of ksys_umount, can_umount and do_umount in fs/namespace.c.
func (p *Process) umount2(path string, flags int) posix.Errno {
	if flags&^(unix.MNT_FORCE|unix.MNT_DETACH|unix.MNT_EXPIRE|unix.UMOUNT_NOFOLLOW) != 0 {
		return einval
	}
	how := follow
	if flags&unix.UMOUNT_NOFOLLOW != 0 {
		how = 0
	}
	at, errno := p.lookup(posix.AtFDCWD, path, how)
	if errno != 0 {
		return errno
	}
	at = top(at)
	m := at.mount
	if errno := p.mayMount(); errno != 0 {
		return errno
	}
	switch {
	case !at.isRoot(), m.ns != p.ns.mnt, m.locked:
		return einval
	case flags&unix.MNT_FORCE != 0 && !p.cred.has(capSysAdmin):
		return eperm
	}
	if errno := p.landlockMounts(); errno != 0 {
		return errno
	}
	if flags&unix.MNT_EXPIRE != 0 {
		return p.expire(m, flags)
	}
	if m == p.root.mount && flags&unix.MNT_DETACH == 0 {
		// The root cannot go: it becomes read-only, if nobody writes.
		if m.hasWriters(p.k) {
			return ebusy
		}
		m.super.readonly = true
		return 0
	}
	switch {
	case m.parent == nil:
		return einval
	case flags&unix.MNT_DETACH == 0 && m.busy():
		return ebusy
	}
	m.dissolve()
	return 0
}

// busy tells whether a mount is used, or has others in it.
func (m *mount) busy() bool { return m.refs > 0 || len(m.over) > 0 }

// expire takes a mount away the second time that nobody has used it in between. This kernel does not see who used it, so the first time never comes
// to an end.
func (p *Process) expire(m *mount, flags int) posix.Errno {
	switch {
	case m == p.root.mount, flags&(unix.MNT_FORCE|unix.MNT_DETACH) != 0:
		return einval
	case m.busy():
		return ebusy
	}
	return eagain
}

// hasWriters tells whether something on a mount is open for writing.
func (m *mount) hasWriters(k *Kernel) bool {
	for _, p := range k.procs.byPID {
		if p.fds == nil {
			continue
		}
		for _, s := range p.fds.slots {
			if f := s.file; f != nil && f.place != nil && f.place.mount == m && f.writable() {
				return true
			}
		}
	}
	return false
}

// setPropagation is mount(2) with MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE. Mounts of this kernel are never propagated: that one is shared is
// only noted. Source: path_mount and do_change_type in fs/namespace.c.
func (p *Process) setPropagation(path string, flags uint64) posix.Errno {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	at, errno := p.lookup(posix.AtFDCWD, path, follow)
	if errno != 0 {
		return errno
	}
	if errno := p.landlockMounts(); errno != 0 {
		return errno
	}
	if errno := p.mayMount(); errno != 0 {
		return errno
	}
	kind := flags &^ (unix.MS_REC | unix.MS_SILENT)
	switch {
	case kind != unix.MS_PRIVATE && kind != unix.MS_SLAVE && kind != unix.MS_SHARED && kind != unix.MS_UNBINDABLE, !at.isRoot(), at.mount.ns != p.ns.mnt:
		return einval
	case flags&unix.MS_REC != 0:
		at.mount.each(func(m *mount) { m.shared = kind == unix.MS_SHARED })
	default:
		at.mount.shared = kind == unix.MS_SHARED
	}
	return 0
}

// pivotRoot makes newRoot the root, and puts the old one on putOld. Source: pivot_root in fs/namespace.c, pivot_root(2).
func (p *Process) pivotRoot(newRoot, putOld string) posix.Errno {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	if errno := p.mayMount(); errno != 0 {
		return errno
	}
	to, errno := p.lookup(posix.AtFDCWD, newRoot, follow|directory)
	if errno != 0 {
		return errno
	}
	old, errno := p.lookup(posix.AtFDCWD, putOld, follow|directory)
	if errno != 0 {
		return errno
	}
	if errno := p.landlockMounts(); errno != 0 {
		return errno
	}
	old = top(old)
	root := p.root.spot()
	switch {
	case old.mount.shared, to.mount.parent != nil && to.mount.parent.shared, root.mount.parent != nil && root.mount.parent.shared,
		root.mount.ns != p.ns.mnt, to.mount.ns != p.ns.mnt, to.mount.locked:
		return einval
	case to.entry.removed:
		return enoent
	case to.mount == root.mount, old.mount == root.mount:
		return ebusy
	case !root.isRoot(), !to.isRoot(), to.mount.parent == nil, !old.reachable(to), !to.reachable(root):
		return einval
	}
	m, parent, on := root.mount, root.mount.parent, root.mount.on
	to.mount.detach()
	m.detach()
	if parent == nil {
		p.ns.mnt.root = to.mount
		to.mount.each(func(m *mount) { m.ns = p.ns.mnt })
	} else {
		to.mount.attach(spot{parent, on})
	}
	m.attach(old)
	p.k.replaceRoots(root, to)
	return 0
}

// replaceRoots moves all processes that have a spot as root or working directory to another one.
func (k *Kernel) replaceRoots(from, to spot) {
	for _, q := range k.procs.byPID {
		for _, at := range []**place{&q.root, &q.cwd} {
			if *at != nil && q.state == alive && (*at).spot() == from {
				q.moveTo(at, to)
			}
		}
	}
}
