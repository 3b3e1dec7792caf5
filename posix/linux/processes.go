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

// Getpgid implements [posix.Processes].
func (k *Kernel) Getpgid(pid posix.PID) (posix.PID, error) { return process(unix.Getpgid(int(pid))) }

// Setpgid implements [posix.Processes].
func (k *Kernel) Setpgid(pid, pgid posix.PID) error { return unix.Setpgid(int(pid), int(pgid)) }

// Getsid implements [posix.Processes].
func (k *Kernel) Getsid(pid posix.PID) (posix.PID, error) { return process(unix.Getsid(int(pid))) }

// Setsid implements [posix.Processes].
func (k *Kernel) Setsid() (posix.PID, error) { return process(unix.Setsid()) }

// process makes the number 0 when there is an error.
func process(pid int, err error) (posix.PID, error) {
	if err != nil {
		return 0, err
	}
	return posix.PID(pid), nil
}
