package execute

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// slack is that of the runtime's monitor in nanoseconds, as its file takes it.
const slack = "2000000"

// calm lets the runtime's monitor sleep. In a process as young as this one it sleeps 20 microseconds at a time, which with the kernel's usual slack of
// 50 is a wake-up each 90, on the processor that does the work as often as not; and all it has to do here is to hand on a processor whose thread is in
// a system call. Only its own timers are made less exact: the scheduler sleeps 3 microseconds before a thread takes over what another one would run next
// (runqgrab in the runtime's proc.go), and that is waited for.
//
// It is the first thread that the runtime makes, and threads are listed in the order in which they were made. Where it must not be changed, which takes
// CAP_SYS_NICE, it stays as it is. Source: proc_pid_timerslack_ns(5), sysmon in proc.go.
func calm(k posix.Files) {
	tid := second(k, "/proc/self/task")
	if tid == "" {
		return
	}
	fd, err := k.Openat2(posix.AtFDCWD, fmt.Sprintf("/proc/%s/timerslack_ns", tid), posix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC})
	if err != nil {
		return
	}
	_, _ = k.Write(fd, []byte(slack))
	_ = k.Close(fd)
}

// second returns the second name in a directory of numbers, or nothing.
func second(k posix.Files, dir string) string {
	fd, err := k.Openat2(posix.AtFDCWD, dir, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
	if err != nil {
		return ""
	}
	defer func() { _ = k.Close(fd) }()
	buf := make([]byte, 512)
	n, err := k.Getdents(fd, buf)
	if err != nil {
		return ""
	}
	first := true
	for name := range posix.Dirents(buf[:n]) {
		if !first {
			return name
		}
		first = false
	}
	return ""
}
