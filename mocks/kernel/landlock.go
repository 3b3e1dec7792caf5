package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// landlockDomain is what a process is restricted to: the newest of its rulesets, and below it the older ones. It never changes.
// Source: landlock(7), security/landlock/fs.c.
type landlockDomain struct {
	older           *landlockDomain
	layers          int // with the older ones
	fs, net, scoped uint64
	paths           map[*inode]uint64
	ports           map[uint16]uint64
	mountsForbidden bool // this or an older one handles files
}

// landlock says whether the Landlock domain of the process allows access (LANDLOCK_ACCESS_FS_…) to an entry: EACCES, or 0. For what makes or
// removes a
// name, at is the directory. Source: landlock(7).
func (p *Process) landlock(m *mount, at *entry, access uint64) posix.Errno {
	if p.box.domain == nil || p.box.domain.denied(m, at, access) == 0 {
		return 0
	}
	return eacces
}

// landlockPort says whether the domain allows access (LANDLOCK_ACCESS_NET_…) to a TCP port: EACCES, or 0.
func (p *Process) landlockPort(port uint16, access uint64) posix.Errno {
	for d := p.box.domain; d != nil; d = d.older {
		if want := access & d.net; want&^d.ports[port] != 0 {
			return eacces
		}
	}
	return 0
}

// landlockOpen says whether a spot may be opened, not with O_PATH: EACCES, or 0; and what the domain denies later to the description that is made:
// LANDLOCK_ACCESS_FS_TRUNCATE, LANDLOCK_ACCESS_FS_IOCTL_DEV. Source: hook_file_open in security/landlock/fs.c.
func (p *Process) landlockOpen(at spot, flags uint32) (later uint64, errno posix.Errno) {
	if p.box.domain == nil || at.mount == p.k.tree.hidden { // what can never be mounted is free: is_nouser_or_private
		return 0, 0
	}
	var want uint64
	if mode := flags & oAccmode; mode == oRdonly || mode == oRdwr {
		want = unix.LANDLOCK_ACCESS_FS_READ_FILE
		if at.entry.inode.isDir() {
			want = unix.LANDLOCK_ACCESS_FS_READ_DIR
		}
	}
	if mode := flags & oAccmode; mode == oWronly || mode == oRdwr {
		want |= unix.LANDLOCK_ACCESS_FS_WRITE_FILE
	}
	later = unix.LANDLOCK_ACCESS_FS_TRUNCATE
	if t := at.entry.inode.format(); t == unix.S_IFCHR || t == unix.S_IFBLK {
		later |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	denied := p.box.domain.denied(at.mount, at.entry, want|later)
	if denied&want != 0 {
		return 0, eacces
	}
	return denied & later, 0
}

// landlockMounts says whether mounts may be changed: EPERM under a domain that handles files, or 0.
func (p *Process) landlockMounts() posix.Errno {
	if d := p.box.domain; d != nil && d.mountsForbidden {
		return eperm
	}
	return 0
}

// landlockScope tells whether the domain keeps the process from q: LANDLOCK_SCOPE_SIGNAL, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET.
func (p *Process) landlockScope(q *Process, scope uint64) bool {
	for d := p.box.domain; d != nil; d = d.older {
		if d.scoped&scope != 0 && !q.box.domain.within(d) {
			return true
		}
	}
	return false
}

// within tells whether a domain is other or has been added to it.
func (d *landlockDomain) within(other *landlockDomain) bool {
	for ; d != nil; d = d.older {
		if d == other {
			return true
		}
	}
	return false
}

// denied returns which of the wanted rights some layer handles and does not allow.
func (d *landlockDomain) denied(m *mount, at *entry, want uint64) uint64 {
	var denied uint64
	for ; d != nil; d = d.older {
		if handled := want & d.fs; handled != 0 {
			denied |= handled &^ d.granted(m, at, handled)
		}
	}
	return denied
}

// granted returns which rights one layer's rules give to an entry: those on it and on all directories above, also on what the mounts hide.
func (d *landlockDomain) granted(m *mount, at *entry, want uint64) uint64 {
	var granted uint64
	for at != nil && granted&want != want {
		granted |= d.paths[at.inode]
		for m != nil && at == m.root {
			if m.parent == nil {
				return granted
			}
			m, at = m.parent, m.on
			granted |= d.paths[at.inode]
		}
		at = at.parent
	}
	return granted
}
