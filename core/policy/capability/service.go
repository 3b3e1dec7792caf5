package capability

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Service is what a capability is good for: without all of the calls, for nothing.
type Service struct {
	Capability policy.Capability
	Only       []string // calls that the kernel refuses without it
	Also       []string // calls that it makes do more
	Example    string   // a call of one of them that the kernel refuses without it
}

// Of returns what a capability is good for; one that no system call asks for has neither calls nor an example.
func Of(c policy.Capability) Service {
	for _, s := range services {
		if s.Capability == c {
			return s
		}
	}
	return Service{Capability: c}
}

// Services returns what every capability is good for that a system call asks for, by number. The slice is new, its lists are not.
func Services() []Service { return slices.Clone(services) }

// services is from capabilities(7) and the page of each call.
var services = []Service{
	{unix.CAP_CHOWN, nil, []string{"chown", "fchown", "lchown", "fchownat"}, `fchownat(AT_FDCWD, "/tmp/own", 0, 0, 0)`},
	{unix.CAP_DAC_OVERRIDE, nil, nil, `openat(AT_FDCWD, "/of/another", O_WRONLY)`},
	{unix.CAP_DAC_READ_SEARCH, []string{"open_by_handle_at"}, []string{"open", "openat", "openat2"}, `open_by_handle_at(3, handle, O_RDONLY)`},
	{unix.CAP_FOWNER, nil, []string{"chmod", "fchmod", "fchmodat", "fchmodat2", "utimensat", "unlink", "unlinkat", "rename", "renameat", "renameat2"},
		`fchmodat(AT_FDCWD, "/of/another", 0777)`},
	{unix.CAP_KILL, nil, []string{"kill", "tkill", "tgkill", "rt_sigqueueinfo", "pidfd_send_signal"}, `kill(PID of another user, SIGTERM)`},
	{unix.CAP_SETGID, []string{"setgroups"}, []string{"setgid", "setregid", "setresgid", "setfsgid"}, `setgid(0)`},
	{unix.CAP_SETUID, nil, []string{"setuid", "setreuid", "setresuid", "setfsuid"}, `setuid(0)`},
	{unix.CAP_SETPCAP, nil, []string{"capset", "prctl"}, `prctl(PR_CAPBSET_DROP, CAP_CHOWN)`},
	{unix.CAP_NET_BIND_SERVICE, nil, []string{"bind", "socketcall"}, `bind(3, {sin_port=80})`},
	{unix.CAP_NET_ADMIN, nil, []string{"socket", "setsockopt", "ioctl", "sendto", "sendmsg", "socketcall"}, `ioctl(3, SIOCSIFFLAGS, …)`},
	{unix.CAP_NET_RAW, nil, []string{"socket", "socketcall"}, `socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)`},
	{unix.CAP_IPC_LOCK, nil, []string{"mlock", "mlock2", "mlockall", "mmap", "mmap2", "shmctl"}, `mlockall(MCL_CURRENT)`},
	{unix.CAP_SYS_MODULE, []string{"init_module", "finit_module", "delete_module"}, nil, `finit_module(3, "", 0)`},
	{unix.CAP_SYS_RAWIO, []string{"iopl", "ioperm"}, []string{"open", "openat", "openat2", "ioctl"}, `iopl(3)`},
	{unix.CAP_SYS_CHROOT, []string{"chroot"}, []string{"setns"}, `chroot("/tmp")`},
	{unix.CAP_SYS_PTRACE, nil, []string{"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "process_madvise"},
		`ptrace(PTRACE_ATTACH, PID of another user)`},
	{unix.CAP_SYS_PACCT, []string{"acct"}, nil, `acct("/tmp/acct")`},
	{unix.CAP_SYS_ADMIN, []string{"mount", "umount", "umount2", "pivot_root", "swapon", "swapoff", "sethostname", "setdomainname", "quotactl",
		"quotactl_fd", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "mount_setattr", "fanotify_init", "lookup_dcookie"},
		[]string{"setns", "unshare", "clone", "clone3", "bpf", "perf_event_open", "ioctl"}, `mount("tmpfs", "/tmp", "tmpfs", 0, NULL)`},
	{unix.CAP_SYS_BOOT, []string{"reboot", "kexec_load", "kexec_file_load"}, nil, `reboot(LINUX_REBOOT_CMD_RESTART)`},
	{unix.CAP_SYS_NICE, nil, []string{"setpriority", "sched_setscheduler", "sched_setparam", "sched_setattr", "sched_setaffinity", "ioprio_set",
		"migrate_pages", "move_pages"}, `setpriority(PRIO_PROCESS, 0, -20)`},
	{unix.CAP_SYS_RESOURCE, nil, []string{"setrlimit", "prlimit64"}, `prlimit64(0, RLIMIT_CORE, {rlim_max=RLIM64_INFINITY}, NULL)`},
	{unix.CAP_SYS_TIME, []string{"settimeofday", "clock_settime"}, []string{"adjtimex", "clock_adjtime"}, `clock_settime(CLOCK_REALTIME, {0, 0})`},
	{unix.CAP_SYS_TTY_CONFIG, []string{"vhangup"}, []string{"ioctl"}, `vhangup()`},
	{unix.CAP_MKNOD, nil, []string{"mknod", "mknodat"}, `mknodat(AT_FDCWD, "/tmp/disk", S_IFBLK|0600, makedev(8, 0))`},
	{unix.CAP_AUDIT_CONTROL, nil, []string{"socket", "sendto", "sendmsg"}, `sendto(3, {nlmsg_type=AUDIT_SET}, …)`},
	{unix.CAP_MAC_ADMIN, nil, nil, `setxattr("/tmp/own", "security.SMACK64", …)`},
	{unix.CAP_MAC_OVERRIDE, nil, nil, `openat(AT_FDCWD, "/of/another/label", O_RDONLY)`},
	{unix.CAP_SYSLOG, []string{"syslog"}, nil, `syslog(SYSLOG_ACTION_CLEAR, NULL, 0)`},
	{unix.CAP_PERFMON, nil, []string{"perf_event_open", "bpf"}, `perf_event_open({type=PERF_TYPE_TRACEPOINT}, -1, 0, -1, 0)`},
	{unix.CAP_BPF, nil, []string{"bpf"}, `bpf(BPF_PROG_LOAD, {prog_type=BPF_PROG_TYPE_SOCKET_FILTER}, …)`},
	{unix.CAP_CHECKPOINT_RESTORE, nil, []string{"clone3", "prctl", "kcmp"}, `clone3({set_tid=[4711]}, …)`},
	{unix.CAP_SETFCAP, nil, []string{"setxattr", "lsetxattr", "fsetxattr", "setxattrat"}, `setxattr("/tmp/own", "security.capability", …)`},
}
