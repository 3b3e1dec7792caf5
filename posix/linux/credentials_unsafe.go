package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// posix.GID has the layout of gid_t, so the caller's slice is what the kernel fills in.
var _ [4]byte = [unsafe.Sizeof(posix.GID(0))]byte{}

// Getgroups implements [posix.Credentials].
func (k *Kernel) Getgroups(groups []posix.GID) (int, error) {
	// The slice stays alive and in place until the call returns: unsafe.Pointer, rule 4. unix.Getgroups allocates.
	n, _, errno := unix.Syscall(unix.SYS_GETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
