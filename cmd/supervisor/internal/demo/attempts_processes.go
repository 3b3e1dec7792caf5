package demo

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// privileges are attempts to become more than it is.
func privileges() []attempt {
	return []attempt{
		{
			name: "become root", gain: "everything that root may do",
			try: func() answer {
				_, _, e := unix.Syscall(unix.SYS_SETUID, 0, 0, 0) // of this thread only
				return answer{call: "setuid(0)", nr: unix.SYS_SETUID, errno: e, layers: map[unix.Errno]Layer{unix.EPERM: LayerCapability}}
			},
		},
		{
			name: "raise its own limit of open files", gain: "the host's files used up",
			try: raiseLimit,
		},
	}
}

func raiseLimit() answer {
	var old unix.Rlimit
	err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &old)
	more := unix.Rlimit{Cur: old.Cur, Max: old.Max + 1}
	if err == nil {
		if err = unix.Prlimit(0, unix.RLIMIT_NOFILE, &more, nil); err == nil {
			_ = unix.Prlimit(0, unix.RLIMIT_NOFILE, &old, nil)
		}
	}
	return answer{call: fmt.Sprintf("prlimit64(0, RLIMIT_NOFILE, {rlim_cur=%d, rlim_max=%d}, NULL)", more.Cur, more.Max), nr: unix.SYS_PRLIMIT64,
		errno: errno(err), layers: map[unix.Errno]Layer{unix.EPERM: LayerCapability}}
}

// processes are attempts on other processes.
func processes() []attempt {
	trace := map[unix.Errno]Layer{unix.EPERM: LayerPtrace, unix.EACCES: LayerPtrace, unix.ESRCH: LayerPids}
	return []attempt{
		{
			name: "find a process of the host to send a signal to", gain: "anything can be ended",
			try: findProcess,
		},
		{
			name: "take control of process 1", gain: "its memory, its descriptors, its rights",
			try: func() answer { // the tracer lets go when this thread ends
				return answer{call: "ptrace(PTRACE_SEIZE, 1, NULL, 0)", nr: unix.SYS_PTRACE, errno: errno(unix.PtraceSeize(1)), layers: trace}
			},
		},
		{
			name: "read the memory of process 1", gain: "its secrets",
			try: func() answer {
				return answer{call: `process_vm_readv(1, [{iov_len=8}], 1, [{iov_base=0x1000, iov_len=8}], 1, 0)`, nr: unix.SYS_PROCESS_VM_READV,
					errno: rawReadOf(1), reached: []unix.Errno{unix.EFAULT}, layers: trace}
			},
		},
	}
}

// findProcess looks for a process that is neither this one nor the init of its namespace. Signal 0 only asks.
func findProcess() answer {
	const last = 512 // where the threads of every kernel are
	for pid := 2; pid <= last; pid++ {
		err := unix.Kill(pid, syscall.Signal(0))
		if err == unix.ESRCH || ownThread(pid) {
			continue
		}
		return answer{call: "kill(" + strconv.Itoa(pid) + ", 0)", nr: unix.SYS_KILL, errno: errno(err),
			layers: map[unix.Errno]Layer{unix.EPERM: LayerUser}}
	}
	return answer{call: fmt.Sprintf("kill(2, 0) … kill(%d, 0), its own threads left out", last), nr: unix.SYS_KILL, errno: unix.ESRCH,
		layers: map[unix.Errno]Layer{unix.ESRCH: LayerPids}}
}

func ownThread(pid int) bool {
	_, err := os.Lstat(ownProc + "/task/" + strconv.Itoa(pid))
	return err == nil
}
