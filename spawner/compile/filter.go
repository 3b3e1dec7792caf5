package compile

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// toolCalls are the system calls of the Go runtime, the C library under it, and of a process that computes and talks over
// descriptors that it has. Nothing in it opens, connects, executes or signals anybody else.
var toolCalls = []string{
	"read", "write", "pread64", "close", "fstat", "fcntl", "memfd_create", "lseek", "ftruncate",
	"mmap", "munmap", "mprotect", "madvise", "mremap", "brk", "mincore",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "tgkill", "gettid", "getpid",
	"clone", "clone3", "set_robust_list", "set_tid_address", "rseq", "arch_prctl", "exit", "exit_group",
	"futex", "sched_yield", "sched_getaffinity", "nanosleep", "clock_nanosleep", "clock_gettime", "restart_syscall",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "eventfd2", "getrandom", "prlimit64", "uname",
}

// OwnFilter makes the filter of a process of ours: the calls named, and one execveat by the exec-once value.
func OwnFilter(calls []string) (sandbox.Filter, error) {
	list, err := seccomp.AllowList(calls, bpf.RetErrno|uint32(unix.EPERM))
	if err != nil {
		return sandbox.Filter{}, err
	}
	return execOnce(list)
}

func execOnce(f *seccomp.Filter) (sandbox.Filter, error) {
	prog, patch, err := seccomp.WithExecOnce(f)
	if err != nil {
		return sandbox.Filter{}, fmt.Errorf("allow exec once: %w", err)
	}
	return sandbox.Filter{Program: prog, Cookie: []int{patch.LowAt, patch.HighAt}}, nil
}
