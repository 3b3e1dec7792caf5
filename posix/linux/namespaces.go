package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Setns implements [posix.Namespaces].
func (k *Kernel) Setns(fd posix.FD, nstype int) error { return unix.Setns(int(fd), nstype) }

// OpenTree implements [posix.Namespaces].
func (k *Kernel) OpenTree(dir posix.FD, path string, flags uint32) (posix.FD, error) {
	fd, errno := atCall(unix.SYS_OPEN_TREE, dir, path, uintptr(flags), 0, 0)
	if errno != 0 {
		return noFD, errno
	}
	return posix.FD(fd), nil
}

// MoveMount implements [posix.Namespaces].
func (k *Kernel) MoveMount(m posix.Move) error {
	return unix.MoveMount(int(m.FromDir), m.FromPath, int(m.ToDir), m.ToPath, int(m.Flags))
}

// MountSetattr implements [posix.Namespaces].
func (k *Kernel) MountSetattr(dir posix.FD, path string, flags int, attr *posix.MountAttr) error {
	raw := unix.MountAttr{Attr_set: attr.Set, Attr_clr: attr.Clear, Propagation: attr.Propagation, Userns_fd: uint64(attr.UserNS)}
	return unix.MountSetattr(int(dir), path, uint(flags), &raw)
}

// Fsopen implements [posix.Namespaces].
func (k *Kernel) Fsopen(fsname string, flags uint32) (posix.FD, error) {
	return descriptor(unix.Fsopen(fsname, int(flags)))
}

// Fsconfig implements [posix.Namespaces]. Commands other than those that posix.FsConfig names are EINVAL.
func (k *Kernel) Fsconfig(c posix.FsConfig) error {
	switch c.Cmd {
	case unix.FSCONFIG_SET_FLAG:
		return unix.FsconfigSetFlag(int(c.FS), c.Key)
	case unix.FSCONFIG_SET_STRING:
		return unix.FsconfigSetString(int(c.FS), c.Key, c.Value)
	case unix.FSCONFIG_CMD_CREATE:
		return unix.FsconfigCreate(int(c.FS))
	}
	return unix.EINVAL
}

// Fsmount implements [posix.Namespaces].
func (k *Kernel) Fsmount(fs posix.FD, flags uint32, attrs uint32) (posix.FD, error) {
	return descriptor(unix.Fsmount(int(fs), int(flags), int(attrs)))
}

// Unshare implements [posix.Namespaces].
func (k *Kernel) Unshare(flags int) error { return unix.Unshare(flags) }

// Umount2 implements [posix.Namespaces].
func (k *Kernel) Umount2(path string, flags int) error { return unix.Unmount(path, flags) }
