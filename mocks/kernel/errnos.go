package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// The errnos and flags that are used in many places, typed as they are used.
const (
	eagain posix.Errno = unix.EAGAIN
	ebadf  posix.Errno = unix.EBADF
	eintr  posix.Errno = unix.EINTR
	einval posix.Errno = unix.EINVAL
	emfile posix.Errno = unix.EMFILE
	enfile posix.Errno = unix.ENFILE
	eperm  posix.Errno = unix.EPERM

	oAccmode  uint32 = unix.O_ACCMODE
	oRdonly   uint32 = unix.O_RDONLY
	oWronly   uint32 = unix.O_WRONLY
	oNonblock uint32 = unix.O_NONBLOCK
	oPath     uint32 = unix.O_PATH

	rlimitNofile = unix.RLIMIT_NOFILE
	rlimits      = 16 // RLIM_NLIMITS

	capSysAdmin = unix.CAP_SYS_ADMIN
)
