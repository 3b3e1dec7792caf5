package linux

import (
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
