package kernel

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func le32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }

// putWords stores words at an address.
func (l *launch) putWords(at uint64, values ...uint64) posix.Errno {
	b, errno := l.bytes(at, 8*uint64(len(values)))
	if errno != 0 {
		return errno
	}
	for i, v := range values {
		binary.NativeEndian.PutUint64(b[8*i:], v)
	}
	return 0
}

// makeCredentials makes the calls about who the process is. It is not ok for other calls.
func (l *launch) makeCredentials(number uint32, a [6]uint64) (result uint64, errno posix.Errno, ok bool) {
	p := l.child
	switch number {
	case unix.SYS_GETUID:
		return uint64(p.Getuid()), 0, true
	case unix.SYS_GETEUID:
		return uint64(p.Geteuid()), 0, true
	case unix.SYS_GETGID:
		return uint64(p.Getgid()), 0, true
	case unix.SYS_GETEGID:
		return uint64(p.Getegid()), 0, true
	case unix.SYS_SETRESUID:
		errno = errnoOf(p.Setresuid(posix.Uids{Real: posix.UID(a[0]), Effective: posix.UID(a[1]), Saved: posix.UID(a[2])}))
	case unix.SYS_SETRESGID:
		errno = errnoOf(p.Setresgid(posix.Gids{Real: posix.GID(a[0]), Effective: posix.GID(a[1]), Saved: posix.GID(a[2])}))
	case unix.SYS_GETRESUID:
		var ids posix.Uids
		if errno = errnoOf(p.Getresuid(&ids)); errno == 0 {
			errno = l.put32(a[:3], uint32(ids.Real), uint32(ids.Effective), uint32(ids.Saved))
		}
	case unix.SYS_GETRESGID:
		var ids posix.Gids
		if errno = errnoOf(p.Getresgid(&ids)); errno == 0 {
			errno = l.put32(a[:3], uint32(ids.Real), uint32(ids.Effective), uint32(ids.Saved))
		}
	case unix.SYS_SETGROUPS:
		errno = l.setgroups(a)
	case unix.SYS_GETGROUPS:
		result, errno = l.getgroups(a)
	case unix.SYS_CAPSET:
		errno = l.capset(a)
	case unix.SYS_CAPGET:
		errno = l.capget(a)
	default:
		return 0, 0, false
	}
	return result, errno, true
}

func (l *launch) setgroups(a [6]uint64) posix.Errno {
	n := uint32(a[0])
	if n > maxGroups {
		return errnoOf(l.child.Setgroups(make([]posix.GID, maxGroups+1)))
	}
	b, errno := l.bytes(a[1], 4*uint64(n))
	if n > 0 && errno != 0 {
		return errno
	}
	groups := make([]posix.GID, n)
	for i := range groups {
		groups[i] = posix.GID(le32(b[4*i:]))
	}
	return errnoOf(l.child.Setgroups(groups))
}

func (l *launch) getgroups(a [6]uint64) (uint64, posix.Errno) {
	n := int32(a[0])
	if n < 0 {
		return 0, einval
	}
	groups := make([]posix.GID, min(n, maxGroups))
	got, err := l.child.Getgroups(groups)
	if err != nil {
		return 0, errnoOf(err)
	}
	if n > 0 {
		for i, g := range groups[:got] {
			if errno := l.put32([]uint64{a[1] + 4*uint64(i)}, uint32(g)); errno != 0 {
				return 0, errno
			}
		}
	}
	return uint64(got), 0
}

// capHeader checks the header of capget and capset, which names the version and the process. Source: capget(2).
func (l *launch) capHeader(at uint64) posix.Errno {
	header, errno := l.word(at)
	switch {
	case errno != 0:
		return errno
	case uint32(header) != unix.LINUX_CAPABILITY_VERSION_3:
		b, _ := l.bytes(at, 4)
		binary.NativeEndian.PutUint32(b, unix.LINUX_CAPABILITY_VERSION_3)
		return einval
	case int32(header>>32) != 0:
		return eperm // another process: launch programs have no use for it
	}
	return 0
}

func (l *launch) capset(a [6]uint64) posix.Errno {
	if errno := l.capHeader(a[0]); errno != 0 {
		return errno
	}
	b, errno := l.bytes(a[1], 24)
	if errno != 0 {
		return errno
	}
	half := func(i int) uint64 { return uint64(le32(b[4*i:])) | uint64(le32(b[12+4*i:]))<<32 }
	return errnoOf(l.child.Capset(&posix.CapSets{Effective: half(0), Permitted: half(1), Inheritable: half(2)}))
}

func (l *launch) capget(a [6]uint64) posix.Errno {
	if errno := l.capHeader(a[0]); errno != 0 {
		return errno
	}
	b, errno := l.bytes(a[1], 24)
	if errno != 0 {
		return errno
	}
	var sets posix.CapSets
	if errno := errnoOf(l.child.Capget(&sets)); errno != 0 {
		return errno
	}
	for i, set := range [...]uint64{sets.Effective, sets.Permitted, sets.Inheritable} {
		binary.NativeEndian.PutUint32(b[4*i:], uint32(set))
		binary.NativeEndian.PutUint32(b[12+4*i:], uint32(set>>32))
	}
	return 0
}
