package differential

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// envJob is how a worker is told what to do.
const envJob = "BULKHEAD_DIFFERENTIAL_JOB"

// envFirst says that the worker only starts the one that works. As root it is process 1 of a pid namespace.
const envFirst = "BULKHEAD_DIFFERENTIAL_FIRST"

// first is process 1, or stands for it: it leads a session and a group, as process 1 of the other side does, and its child works.
func first() error {
	if err := os.Unsetenv(envFirst); err != nil {
		return err
	}
	if _, err := unix.Setsid(); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(exe)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	runtime.LockOSThread() // the signal comes when the thread ends
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return cmd.Run()
}

// loopbackUp switches the loopback interface of a new network namespace on.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}
