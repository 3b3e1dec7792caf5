package policy

import (
	"strings"
	"time"
)

// What people write first, who know other tools: the words of those tools for what the language has under another name.

// meantAccess returns the access that a word of another tool stands for, "" when there is none.
func meantAccess(word string) string {
	switch strings.ToLower(word) {
	case "ro", "read", "readonly", "read-only":
		return "r"
	case "w", "wr", "write", "readwrite", "read-write":
		return "rw"
	case "x", "xr", "exec", "execute":
		return "rx"
	case "rxw", "xrw":
		return "rwx"
	}
	return ""
}

// meantAction returns the action that a word stands for: the name of an error, or a word of another tool.
func meantAction(word string) string {
	if errnoNumber(word) != 0 {
		return "errno " + word
	}
	switch strings.ToLower(word) {
	case "kill":
		return "kill_process"
	case "deny", "denied", "block", "reject", "eperm", "scmp_act_errno":
		return "errno EPERM"
	case "enosys":
		return "errno ENOSYS"
	case "scmp_act_kill", "scmp_act_kill_process":
		return "kill_process"
	case "scmp_act_kill_thread":
		return "kill_thread"
	}
	return ""
}

// meantResource returns the control group file that a name stands for: that of a controller alone, or the one of Compose.
func meantResource(key string) string {
	switch key {
	case "memory", "mem", "mem_limit", "MemoryMax":
		return "memory.max"
	case "cpu", "cpus", "cpu_quota", "CPUQuota":
		return "cpu.max"
	case "cpu_shares", "CPUWeight":
		return "cpu.weight"
	case "io", "blkio", "blkio_config", "device_read_bps", "device_write_bps", "IOReadBandwidthMax", "IOWriteBandwidthMax":
		return "io.max"
	case "blkio_weight", "blkio.weight", "io.bfq.weight", "IOWeight":
		return "io.weight"
	case "cpuset":
		return "cpuset.cpus"
	case "pids", "pids_limit", "TasksMax":
		return "pids.max"
	}
	return ""
}

// meantDuration returns the duration that a text stands for which has a space in it or a unit in words, "" when it is none.
func meantDuration(s string) string {
	for _, unit := range [...][2]string{
		{"milliseconds", "ms"}, {"seconds", "s"}, {"second", "s"}, {"secs", "s"}, {"sec", "s"},
		{"minutes", "m"}, {"minute", "m"}, {"mins", "m"}, {"min", "m"}, {"hours", "h"}, {"hour", "h"},
	} {
		if number, is := strings.CutSuffix(s, unit[0]); is {
			s = number + unit[1]
			break
		}
	}
	s = strings.ReplaceAll(s, " ", "")
	if v, err := time.ParseDuration(s); err != nil || v < 0 || v > maxDuration {
		return ""
	}
	return s
}

// meantCalls returns the system calls that a function of the C library is made of, for functions that have another name than their
// call and are near to none: section 3 of the manual, and glibc's sources for x86-64. "" when it is no such function.
func meantCalls(name string) string {
	switch name {
	case "waitpid", "wait", "wait3":
		return "wait4"
	case "send":
		return "sendto"
	case "recv":
		return "recvfrom"
	case "posix_fadvise", "posix_fadvise64":
		return "fadvise64"
	case "posix_fallocate", "fallocate64":
		return "fallocate"
	case "pthread_create":
		return "clone3, clone"
	case "posix_spawn", "posix_spawnp", "system", "popen":
		return "clone3, vfork, execve, wait4"
	case "execv", "execvp", "execl", "execlp", "execvpe", "fexecve":
		return "execve"
	case "fopen", "opendir", "open64", "openat64":
		return "openat"
	case "readdir", "scandir":
		return "getdents64"
	case "malloc", "calloc", "realloc", "sbrk":
		return "brk, mmap"
	case "sigaction", "signal", "bsd_signal":
		return "rt_sigaction"
	case "sigprocmask", "pthread_sigmask":
		return "rt_sigprocmask"
	case "sigsuspend":
		return "rt_sigsuspend"
	case "sigwait", "sigwaitinfo", "sigtimedwait":
		return "rt_sigtimedwait"
	case "raise", "abort", "pthread_kill":
		return "tgkill"
	case "sleep", "usleep":
		return "clock_nanosleep"
	case "fstatat", "fstatat64":
		return "newfstatat"
	case "lockf":
		return "fcntl"
	case "aio_read", "aio_write":
		return "pread64, pwrite64"
	case "pread":
		return "pread64"
	case "pwrite":
		return "pwrite64"
	case "umount":
		return "umount2"
	case "shm_open", "sem_open":
		return "openat"
	case "sem_wait", "sem_post", "pthread_mutex_lock", "pthread_cond_wait":
		return "futex"
	case "exit", "_exit":
		return "exit_group"
	case "getaddrinfo", "gethostbyname":
		return "socket, connect, sendto, recvfrom, openat"
	case "printf", "puts", "fwrite":
		return "write"
	case "tcgetattr", "tcsetattr", "isatty":
		return "ioctl"
	}
	return ""
}
