package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// sigsetSize is the size of the kernel's signal set, which is not libc's: posix.Sigset has its layout.
const sigsetSize = 8

var _ [sigsetSize]byte = [unsafe.Sizeof(posix.Sigset(0))]byte{}

// The sets given to the calls below stay alive and in place until the call returns: unsafe.Pointer, rule 4.

// RtSigprocmask implements [posix.Signals].
func (k *Kernel) RtSigprocmask(how int, set, old *posix.Sigset) error {
	_, _, errno := unix.Syscall6(unix.SYS_RT_SIGPROCMASK, uintptr(how),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), sigsetSize, 0, 0)
	return result(errno)
}

// Signalfd4 implements [posix.Signals].
func (k *Kernel) Signalfd4(fd posix.FD, mask posix.Sigset, flags int) (posix.FD, error) {
	r, _, errno := unix.Syscall6(unix.SYS_SIGNALFD4, uintptr(fd), uintptr(unsafe.Pointer(&mask)), sigsetSize, uintptr(flags), 0, 0)
	if errno != 0 {
		return noFD, errno
	}
	return posix.FD(r), nil
}
