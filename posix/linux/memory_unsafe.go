package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Mmap implements [posix.Memory].
//
// The memory is not the garbage collector's: it never moves and never holds Go pointers that anybody follows, so a slice of it is sound until
// Munmap. x/sys/unix keeps a table of all mappings, with a lock and an allocation for each; that is left out.
func (k *Kernel) Mmap(m posix.Mapping) ([]byte, error) {
	if m.Length <= 0 || m.Flags&(unix.MAP_FIXED|unix.MAP_FIXED_NOREPLACE) != 0 {
		return nil, posix.Errno(unix.EINVAL)
	}
	p, err := unix.MmapPtr(int(m.FD), m.Offset, nil, uintptr(m.Length), m.Prot, m.Flags)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), m.Length), nil
}

// Munmap implements [posix.Memory].
func (k *Kernel) Munmap(b []byte) error {
	if cap(b) == 0 {
		return posix.Errno(unix.EINVAL)
	}
	return unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(cap(b)))
}

// Mprotect implements [posix.Memory].
func (k *Kernel) Mprotect(b []byte, prot int) error {
	_, _, errno := unix.Syscall(unix.SYS_MPROTECT, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(prot))
	return result(errno)
}
