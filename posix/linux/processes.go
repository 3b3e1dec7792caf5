package linux

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// PidfdOpen implements [posix.Processes].
func (k *Kernel) PidfdOpen(pid posix.PID, flags int) (posix.FD, error) {
	return descriptor(unix.PidfdOpen(int(pid), flags))
}

// PidfdSendSignal implements [posix.Processes].
func (k *Kernel) PidfdSendSignal(pidfd posix.FD, sig posix.Signal) error {
	return unix.PidfdSendSignal(int(pidfd), sig, nil, 0)
}

// Getpid implements [posix.Processes].
func (k *Kernel) Getpid() posix.PID { return posix.PID(unix.Getpid()) }

// Getppid implements [posix.Processes].
func (k *Kernel) Getppid() posix.PID { return posix.PID(unix.Getppid()) }

// Kill implements [posix.Signals].
func (k *Kernel) Kill(pid posix.PID, sig posix.Signal) error { return unix.Kill(int(pid), sig) }
