package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// makeMounts makes the calls about mounts. It is not ok for other calls.
func (l *launch) makeMounts(number uint32, a [6]uint64) (n uint64, errno posix.Errno, ok bool) {
	switch number {
	case unix.SYS_MOUNT:
		errno = l.mount(a)
	case unix.SYS_PIVOT_ROOT:
		errno = l.pivotRoot(a)
	case unix.SYS_UMOUNT2:
		path, no := l.text(a[0])
		if errno = no; errno == 0 {
			errno = errnoOf(l.child.Umount2(path, int(int32(a[1]))))
		}
	case unix.SYS_MOVE_MOUNT:
		errno = l.moveMount(a)
	case unix.SYS_OPEN_TREE:
		path, no := l.text(a[1])
		if errno = no; errno == 0 {
			n, errno = result(l.child.OpenTree(fdArg(a[0]), path, uint32(a[2])))
		}
	case unix.SYS_MOUNT_SETATTR:
		errno = l.mountSetattr(a)
	case unix.SYS_FSOPEN:
		name, no := l.text(a[0])
		if errno = no; errno == 0 {
			n, errno = result(l.child.Fsopen(name, uint32(a[1])))
		}
	case unix.SYS_FSCONFIG:
		errno = l.fsconfig(a)
	case unix.SYS_FSMOUNT:
		n, errno = result(l.child.Fsmount(fdArg(a[0]), uint32(a[1]), uint32(a[2])))
	default:
		return 0, 0, false
	}
	return n, errno, true
}

// mount has what a launch needs of mount(2): a change of how mounts are propagated.
func (l *launch) mount(a [6]uint64) posix.Errno {
	path, errno := l.text(a[1])
	if errno != 0 {
		return errno
	}
	return l.child.setPropagation(path, a[3])
}

func (l *launch) pivotRoot(a [6]uint64) posix.Errno {
	root, errno := l.text(a[0])
	if errno != 0 {
		return errno
	}
	old, errno := l.text(a[1])
	if errno != 0 {
		return errno
	}
	return l.child.pivotRoot(root, old)
}

func (l *launch) moveMount(a [6]uint64) posix.Errno {
	from, errno := l.text(a[1])
	if errno != 0 {
		return errno
	}
	to, errno := l.text(a[3])
	if errno != 0 {
		return errno
	}
	return errnoOf(l.child.MoveMount(posix.Move{FromDir: fdArg(a[0]), FromPath: from, ToDir: fdArg(a[2]), ToPath: to, Flags: uint32(a[4])}))
}

func (l *launch) mountSetattr(a [6]uint64) posix.Errno {
	switch size := a[4]; {
	case size > 4096:
		return e2big
	case size < 32:
		return einval
	case size > 32:
		return e2big
	}
	path, errno := l.text(a[1])
	if errno != 0 {
		return errno
	}
	attr, errno := l.words(a[3], 4)
	if errno != 0 {
		return errno
	}
	return errnoOf(l.child.MountSetattr(fdArg(a[0]), path, int(int32(a[2])),
		&posix.MountAttr{Set: attr[0], Clear: attr[1], Propagation: attr[2], UserNS: fdArg(attr[3])}))
}

func (l *launch) fsconfig(a [6]uint64) posix.Errno {
	c := posix.FsConfig{FS: fdArg(a[0]), Cmd: uint32(a[1])}
	for _, s := range [...]struct {
		at uint64
		to *string
	}{{a[2], &c.Key}, {a[3], &c.Value}} {
		if s.at == 0 {
			continue
		}
		text, errno := l.text(s.at)
		if errno != 0 {
			return errno
		}
		*s.to = text
	}
	return errnoOf(l.child.Fsconfig(c))
}
