package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// MemfdCreate implements [posix.Memory].
func (k *Kernel) MemfdCreate(name string, flags int) (posix.FD, error) {
	return descriptor(unix.MemfdCreate(name, flags))
}

// Madvise implements [posix.Memory].
func (k *Kernel) Madvise(addr, length uintptr, advice int) error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, addr, length, uintptr(advice))
	return result(errno)
}

// ClockGettime implements [posix.Clock].
func (k *Kernel) ClockGettime(clock int) (posix.Timespec, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(clock), &t); err != nil {
		return posix.Timespec{}, err
	}
	return posix.Timespec{Sec: t.Sec, Nsec: t.Nsec}, nil
}

// ClockNanosleep implements [posix.Clock].
func (k *Kernel) ClockNanosleep(clock int, flags int, request posix.Timespec, remain *posix.Timespec) error {
	raw := rawTime(request)
	var left unix.Timespec
	err := unix.ClockNanosleep(int32(clock), flags, &raw, &left)
	if err == unix.EINTR && remain != nil && flags&unix.TIMER_ABSTIME == 0 {
		*remain = timeOf(left)
	}
	return err
}
