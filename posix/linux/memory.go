package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// MemfdCreate implements [posix.Memory].
func (k *Kernel) MemfdCreate(name string, flags int) (posix.FD, error) {
	return descriptor(unix.MemfdCreate(name, flags))
}

// ClockGettime implements [posix.Clock].
func (k *Kernel) ClockGettime(clock int) (posix.Timespec, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(clock), &t); err != nil {
		return posix.Timespec{}, err
	}
	return posix.Timespec{Sec: t.Sec, Nsec: t.Nsec}, nil
}
