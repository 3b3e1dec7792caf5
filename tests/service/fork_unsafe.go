package main

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A child that is cloned without exec has one thread and a copy of this process's memory in the middle of whatever the other threads
// were doing. It must not allocate, lock, grow its stack or be scheduled: so all it does is raw system calls with arguments that
// were made before, in functions that do not split the stack. unsafe is used for the addresses of those arguments, which are kept
// alive by the caller; the child has a copy of its own.

// aDay is what the grandchild sleeps at a time.
var aDay = unix.Timespec{Sec: 86400}

// fork returns 0 in the child.
//
//go:nosplit
//go:norace
func fork() (uintptr, syscall.Errno) {
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	return pid, errno
}

//go:nosplit
//go:norace
func leave(status uintptr) {
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, status, 0, 0)
	}
}

// daemonize makes a grandchild the way daemon(3) does, without closing anything. It sleeps until it is killed.
func daemonize() error {
	pid, errno := forkDaemon()
	return reap("make a daemon", pid, errno)
}

//go:nosplit
//go:norace
//go:noinline
func forkDaemon() (uintptr, syscall.Errno) {
	pid, errno := fork()
	if pid != 0 || errno != 0 {
		return pid, errno
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETSID, 0, 0, 0); errno != 0 {
		leave(uintptr(errno))
	}
	pid, errno = fork()
	if pid != 0 || errno != 0 {
		leave(uintptr(errno))
	}
	for {
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&aDay)), 0, 0)
	}
}

// writeFromChild writes to a descriptor from a process of its own.
func writeFromChild(fd int, text []byte) error {
	if len(text) == 0 {
		return fmt.Errorf("write from a child: there is no text")
	}
	pid, errno := forkWriter(uintptr(fd), unsafe.Pointer(&text[0]), uintptr(len(text)))
	runtime.KeepAlive(text)
	return reap("write from a child", pid, errno)
}

//go:nosplit
//go:norace
//go:noinline
func forkWriter(fd uintptr, text unsafe.Pointer, size uintptr) (uintptr, syscall.Errno) {
	pid, errno := fork()
	if pid != 0 || errno != 0 {
		return pid, errno
	}
	_, _, errno = syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(text), size)
	leave(uintptr(errno))
	return 0, 0
}

// reap waits for a child, whose exit status is an errno.
func reap(what string, pid uintptr, errno syscall.Errno) error {
	if errno != 0 {
		return fmt.Errorf("%s: clone: %w", what, errno)
	}
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(int(pid), &status, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: wait4: %w", what, err)
		}
		break
	}
	switch {
	case status.Exited() && status.ExitStatus() == 0:
		return nil
	case status.Exited():
		return fmt.Errorf("%s: %w", what, syscall.Errno(status.ExitStatus()))
	default:
		return fmt.Errorf("%s: it was ended by signal %d", what, status.Signal())
	}
}

// disconnect connects a socket to the address family AF_UNSPEC: connect(2).
func disconnect(fd int) error {
	addr := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, errno := syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&addr)), unsafe.Sizeof(addr))
	if errno != 0 {
		return errno
	}
	return nil
}
