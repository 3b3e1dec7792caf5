package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Prctl implements [posix.Hardening].
func (k *Kernel) Prctl(args posix.PrctlArgs) (int, error) {
	r, _, errno := unix.Syscall6(unix.SYS_PRCTL, uintptr(args.Op), uintptr(args.Arg2), uintptr(args.Arg3), uintptr(args.Arg4), uintptr(args.Arg5), 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// LandlockABI implements [posix.Hardening].
func (k *Kernel) LandlockABI() (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// Getrandom implements [posix.Hardening].
func (k *Kernel) Getrandom(p []byte, flags int) (int, error) {
	return count(unix.Getrandom(p, flags))
}

// LandlockRestrictSelf implements [posix.Hardening].
func (k *Kernel) LandlockRestrictSelf(ruleset posix.FD, flags uint32) error {
	_, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), uintptr(flags), 0)
	return result(errno)
}
