package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// childInfo is siginfo_t with the fields of SIGCHLD, which unix.Siginfo does not have. Its size is that of siginfo_t, so
// that the kernel writes nothing beyond it. Source: sigaction(2).
type childInfo struct {
	signo, errno, code, _ int32
	pid                   int32
	uid                   uint32
	status                int32
	_                     [100]byte
}

var _ [unsafe.Sizeof(unix.Siginfo{})]byte = [unsafe.Sizeof(childInfo{})]byte{}

// Waitid implements [posix.Processes].
func (k *Kernel) Waitid(idtype posix.IDType, id int, info *posix.WaitInfo, options int) error {
	var raw childInfo // stays alive and in place until the call returns: unsafe.Pointer, rule 4
	_, _, errno := unix.Syscall6(unix.SYS_WAITID, uintptr(idtype), uintptr(id), uintptr(unsafe.Pointer(&raw)), uintptr(options), 0, 0)
	if errno != 0 {
		return errno
	}
	*info = posix.WaitInfo{PID: posix.PID(raw.pid), UID: posix.UID(raw.uid), Code: int(raw.code), Status: int(raw.status)}
	return nil
}
