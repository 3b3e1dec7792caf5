package linux

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Getuid implements [posix.Credentials].
func (k *Kernel) Getuid() posix.UID { return posix.UID(unix.Getuid()) }

// Geteuid implements [posix.Credentials].
func (k *Kernel) Geteuid() posix.UID { return posix.UID(unix.Geteuid()) }

// Getgid implements [posix.Credentials].
func (k *Kernel) Getgid() posix.GID { return posix.GID(unix.Getgid()) }

// Getegid implements [posix.Credentials].
func (k *Kernel) Getegid() posix.GID { return posix.GID(unix.Getegid()) }

// Capget implements [posix.Credentials].
func (k *Kernel) Capget(sets *posix.CapSets) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // version 3 has two words of each set
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	*sets = posix.CapSets{
		Effective:   uint64(data[1].Effective)<<32 | uint64(data[0].Effective),
		Permitted:   uint64(data[1].Permitted)<<32 | uint64(data[0].Permitted),
		Inheritable: uint64(data[1].Inheritable)<<32 | uint64(data[0].Inheritable),
	}
	return nil
}

// Capset implements [posix.Credentials].
func (k *Kernel) Capset(sets *posix.CapSets) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	for i := range data {
		data[i] = unix.CapUserData{
			Effective:   uint32(sets.Effective >> (32 * i)),
			Permitted:   uint32(sets.Permitted >> (32 * i)),
			Inheritable: uint32(sets.Inheritable >> (32 * i)),
		}
	}
	return unix.Capset(&header, &data[0])
}

// Getresuid implements [posix.Credentials].
func (k *Kernel) Getresuid(uids *posix.Uids) error {
	r, e, s := unix.Getresuid()
	*uids = posix.Uids{Real: posix.UID(r), Effective: posix.UID(e), Saved: posix.UID(s)}
	return nil
}

// Getresgid implements [posix.Credentials].
func (k *Kernel) Getresgid(gids *posix.Gids) error {
	r, e, s := unix.Getresgid()
	*gids = posix.Gids{Real: posix.GID(r), Effective: posix.GID(e), Saved: posix.GID(s)}
	return nil
}

// The standard library makes the three calls below on every thread, those of cgo included.

// Setresuid implements [posix.Credentials].
func (k *Kernel) Setresuid(uids posix.Uids) error {
	return syscall.Setresuid(int(int32(uids.Real)), int(int32(uids.Effective)), int(int32(uids.Saved)))
}

// Setresgid implements [posix.Credentials].
func (k *Kernel) Setresgid(gids posix.Gids) error {
	return syscall.Setresgid(int(int32(gids.Real)), int(int32(gids.Effective)), int(int32(gids.Saved)))
}

// Setgroups implements [posix.Credentials].
func (k *Kernel) Setgroups(groups []posix.GID) error {
	gids := make([]int, len(groups))
	for i, g := range groups {
		gids[i] = int(g)
	}
	return syscall.Setgroups(gids)
}
