package linux

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// stopPatience is how long a process may take to stop; see [posix.Hardening].
const stopPatience = 2 * time.Second

// SeccompGetFilter implements [posix.Hardening].
//
// Tracing belongs to a thread. It is done by one that ends with it: then the kernel lets the process go, even where that could not be asked for.
// Source: ptrace(2), kernel/ptrace.c exit_ptrace().
func (k *Kernel) SeccompGetFilter(pid posix.PID, index int, filter []posix.SockFilter) (int, error) {
	if index < 0 {
		return 0, unix.ENOENT
	}
	var n int
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		n, err = traced(int(pid), func() (int, unix.Errno) { return getFilter(int(pid), index, filter) })
	}()
	<-done
	return n, err
}

// traced calls get while a process is stopped.
func traced(pid int, get func() (int, unix.Errno)) (n int, err error) {
	if _, errno := ptrace(unix.PTRACE_SEIZE, pid, 0, nil); errno != 0 {
		return 0, errno
	}
	if _, errno := ptrace(unix.PTRACE_INTERRUPT, pid, 0, nil); errno != 0 {
		return 0, errno
	}
	status, err := stopped(pid)
	if err != nil {
		return 0, err
	}
	// A signal that had stopped it before the interrupt did is still to be delivered.
	signal := 0
	if status.TrapCause() == -1 && int(status)>>16 == 0 {
		signal = int(status.StopSignal())
	}
	n, errno := get()
	if _, e := ptraceNumber(unix.PTRACE_DETACH, pid, 0, uintptr(signal)); errno == 0 && e != 0 {
		errno = e
	}
	return n, result(errno)
}

// stopped waits until a process that is traced has stopped.
func stopped(pid int) (unix.WaitStatus, error) {
	for end, pause := time.Now().Add(stopPatience), 50*time.Microsecond; ; {
		var status unix.WaitStatus
		got, err := unix.Wait4(pid, &status, unix.WALL|unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECHILD, got == pid && !status.Stopped():
			return 0, unix.ESRCH
		case err != nil:
			return 0, err
		case got == pid:
			return status, nil
		case time.Now().After(end):
			return 0, unix.ETIMEDOUT
		}
		time.Sleep(pause)
		pause = min(2*pause, 10*time.Millisecond)
	}
}

// getFilter asks for the length of a filter first: the kernel copies all of it, whatever room there is.
func getFilter(pid, index int, filter []posix.SockFilter) (int, unix.Errno) {
	n, errno := ptrace(unix.PTRACE_SECCOMP_GET_FILTER, pid, uintptr(index), nil)
	if errno != 0 || n > len(filter) {
		return n, errno
	}
	return ptrace(unix.PTRACE_SECCOMP_GET_FILTER, pid, uintptr(index), unsafe.Pointer(unsafe.SliceData(filter)))
}

// ptrace makes a request whose data the kernel writes to. The caller's slice stays alive and in place until the call returns (unsafe.Pointer, rule 4).
func ptrace(request, pid int, addr uintptr, data unsafe.Pointer) (int, unix.Errno) {
	r, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), addr, uintptr(data), 0, 0)
	return int(r), errno
}

// ptraceNumber makes a request whose data is a number.
func ptraceNumber(request, pid int, addr, data uintptr) (int, unix.Errno) {
	r, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), addr, data, 0, 0)
	return int(r), errno
}
