package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// The errnos and flags that are used in many places, typed as they are used.
const (
	eacces          posix.Errno = unix.EACCES
	eaddrinuse      posix.Errno = unix.EADDRINUSE
	eaddrnotavail   posix.Errno = unix.EADDRNOTAVAIL
	eafnosupport    posix.Errno = unix.EAFNOSUPPORT
	eagain          posix.Errno = unix.EAGAIN
	ealready        posix.Errno = unix.EALREADY
	ebadf           posix.Errno = unix.EBADF
	ebadfd          posix.Errno = unix.EBADFD
	ebusy           posix.Errno = unix.EBUSY
	echild          posix.Errno = unix.ECHILD
	econnrefused    posix.Errno = unix.ECONNREFUSED
	econnreset      posix.Errno = unix.ECONNRESET
	edeadlk         posix.Errno = unix.EDEADLK
	edestaddrreq    posix.Errno = unix.EDESTADDRREQ
	edom            posix.Errno = unix.EDOM
	eexist          posix.Errno = unix.EEXIST
	efault          posix.Errno = unix.EFAULT
	efbig           posix.Errno = unix.EFBIG
	einprogress     posix.Errno = unix.EINPROGRESS
	eintr           posix.Errno = unix.EINTR
	einval          posix.Errno = unix.EINVAL
	eio             posix.Errno = unix.EIO
	eisconn         posix.Errno = unix.EISCONN
	eisdir          posix.Errno = unix.EISDIR
	eloop           posix.Errno = unix.ELOOP
	emfile          posix.Errno = unix.EMFILE
	emlink          posix.Errno = unix.EMLINK
	emsgsize        posix.Errno = unix.EMSGSIZE
	enametoolong    posix.Errno = unix.ENAMETOOLONG
	enfile          posix.Errno = unix.ENFILE
	enodata         posix.Errno = unix.ENODATA
	enodev          posix.Errno = unix.ENODEV
	enoent          posix.Errno = unix.ENOENT
	enoexec         posix.Errno = unix.ENOEXEC
	enomem          posix.Errno = unix.ENOMEM
	enomsg          posix.Errno = unix.ENOMSG
	enoprotoopt     posix.Errno = unix.ENOPROTOOPT
	enospc          posix.Errno = unix.ENOSPC
	enosys          posix.Errno = unix.ENOSYS
	enotconn        posix.Errno = unix.ENOTCONN
	enotdir         posix.Errno = unix.ENOTDIR
	enotempty       posix.Errno = unix.ENOTEMPTY
	enotsock        posix.Errno = unix.ENOTSOCK
	enotty          posix.Errno = unix.ENOTTY
	enxio           posix.Errno = unix.ENXIO
	eopnotsupp      posix.Errno = unix.EOPNOTSUPP
	eoverflow       posix.Errno = unix.EOVERFLOW
	eperm           posix.Errno = unix.EPERM
	epipe           posix.Errno = unix.EPIPE
	eproto          posix.Errno = unix.EPROTO
	eprotonosupport posix.Errno = unix.EPROTONOSUPPORT
	eprototype      posix.Errno = unix.EPROTOTYPE
	erange          posix.Errno = unix.ERANGE
	erofs           posix.Errno = unix.EROFS
	esocktnosupport posix.Errno = unix.ESOCKTNOSUPPORT
	espipe          posix.Errno = unix.ESPIPE
	esrch           posix.Errno = unix.ESRCH
	etimedout       posix.Errno = unix.ETIMEDOUT
	etxtbsy         posix.Errno = unix.ETXTBSY
	e2big           posix.Errno = unix.E2BIG
	exdev           posix.Errno = unix.EXDEV

	oAccmode  uint32 = unix.O_ACCMODE
	oRdonly   uint32 = unix.O_RDONLY
	oWronly   uint32 = unix.O_WRONLY
	oNonblock uint32 = unix.O_NONBLOCK
	oPath     uint32 = unix.O_PATH
	oRdwr     uint32 = unix.O_RDWR
	oCloexec  uint32 = unix.O_CLOEXEC

	rlimitNofile = unix.RLIMIT_NOFILE
	rlimits      = 16 // RLIM_NLIMITS

	capSysAdmin = unix.CAP_SYS_ADMIN
)
