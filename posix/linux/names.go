package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Mkdirat implements [posix.Files].
func (k *Kernel) Mkdirat(dir posix.FD, path string, mode uint32) error {
	_, errno := atCall(unix.SYS_MKDIRAT, dir, path, uintptr(mode), 0, 0)
	return result(errno)
}

// Symlinkat implements [posix.Files].
func (k *Kernel) Symlinkat(target string, dir posix.FD, path string) error {
	return unix.Symlinkat(target, int(dir), path)
}

// Unlinkat implements [posix.Files].
func (k *Kernel) Unlinkat(dir posix.FD, path string, flags int) error {
	_, errno := atCall(unix.SYS_UNLINKAT, dir, path, uintptr(flags), 0, 0)
	return result(errno)
}

// Renameat2 implements [posix.Files].
func (k *Kernel) Renameat2(r posix.Rename) error {
	return unix.Renameat2(int(r.OldDir), r.OldPath, int(r.NewDir), r.NewPath, uint(r.Flags))
}

// Fchmodat implements [posix.Files].
func (k *Kernel) Fchmodat(dir posix.FD, path string, mode uint32) error {
	_, errno := atCall(unix.SYS_FCHMODAT, dir, path, uintptr(mode), 0, 0)
	return result(errno)
}

// Fchownat implements [posix.Files].
func (k *Kernel) Fchownat(c posix.Chown) error {
	_, errno := atCall(unix.SYS_FCHOWNAT, c.Dir, c.Path, uintptr(c.UID), uintptr(c.GID), uintptr(c.Flags))
	return result(errno)
}

// Linkat implements [posix.Files].
func (k *Kernel) Linkat(l posix.Link) error {
	return unix.Linkat(int(l.OldDir), l.OldPath, int(l.NewDir), l.NewPath, l.Flags)
}

// Faccessat2 implements [posix.Files].
func (k *Kernel) Faccessat2(dir posix.FD, path string, mode int, flags int) error {
	_, errno := atCall(unix.SYS_FACCESSAT2, dir, path, uintptr(mode), uintptr(flags), 0)
	return result(errno)
}
