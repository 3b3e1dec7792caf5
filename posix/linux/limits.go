package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Prlimit implements [posix.Limits]. After it has set RLIMIT_NOFILE of the caller, the Go runtime no longer gives the limit
// that it found at its start to programs started with os/exec.
func (k *Kernel) Prlimit(pid posix.PID, resource int, new, old *posix.Rlimit) error {
	var set, got unix.Rlimit
	var setp *unix.Rlimit
	if new != nil {
		set = unix.Rlimit{Cur: new.Soft, Max: new.Hard}
		setp = &set
	}
	if err := unix.Prlimit(int(pid), resource, setp, &got); err != nil {
		return err
	}
	if old != nil {
		*old = posix.Rlimit{Soft: got.Cur, Hard: got.Max}
	}
	return nil
}

// Uname implements [posix.Limits].
func (k *Kernel) Uname() (posix.Utsname, error) {
	var raw unix.Utsname
	if err := unix.Uname(&raw); err != nil {
		return posix.Utsname{}, err
	}
	return posix.Utsname{
		Sysname:  unix.ByteSliceToString(raw.Sysname[:]),
		Nodename: unix.ByteSliceToString(raw.Nodename[:]),
		Release:  unix.ByteSliceToString(raw.Release[:]),
		Version:  unix.ByteSliceToString(raw.Version[:]),
		Machine:  unix.ByteSliceToString(raw.Machine[:]),
	}, nil
}
