package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Layer is another part of a policy that decides about a call which the filter allows.
type Layer struct {
	Name string     `json:"layer"` // the key of the policy
	Pos  policy.Pos `json:"-"`
	Says string     `json:"says"`
}

// Calls by what they are about. Sources: path_resolution(7), network_namespaces(7), pid_namespaces(7), capabilities(7).
var (
	byPath = strings.Fields(`access chdir chmod chown chroot creat execve execveat faccessat faccessat2 fchmodat fchmodat2 fchownat futimesat
		getxattr inotify_add_watch lchown lgetxattr link linkat listxattr llistxattr lremovexattr lsetxattr lstat mkdir mkdirat mknod mknodat
		name_to_handle_at newfstatat open openat openat2 readlink readlinkat removexattr rename renameat renameat2 rmdir setxattr stat statfs statx
		symlink symlinkat truncate unlink unlinkat uselib utime utimensat utimes`)
	byNetwork = strings.Fields(`accept accept4 bind connect getpeername listen recvmmsg recvmsg sendmmsg sendmsg sendto socket socketpair`)
	byProcess = strings.Fields(`get_robust_list getpgid getpriority getsid kcmp kill migrate_pages move_pages perf_event_open pidfd_getfd pidfd_open
		pidfd_send_signal prlimit64 process_madvise process_mrelease process_vm_readv process_vm_writev ptrace rt_sigqueueinfo rt_tgsigqueueinfo
		sched_setaffinity sched_setattr sched_setparam sched_setscheduler setpriority tgkill tkill`)
	byMemory = strings.Fields(`brk clone clone3 fork memfd_create mmap mremap vfork`)
)

// capabilities are those without which a call does nothing, or less: capabilities(7) and the call's own page.
var capabilities = map[string]string{
	"acct": "CAP_SYS_PACCT", "adjtimex": "CAP_SYS_TIME", "bpf": "CAP_BPF", "chroot": "CAP_SYS_CHROOT", "clock_adjtime": "CAP_SYS_TIME",
	"clock_settime": "CAP_SYS_TIME", "delete_module": "CAP_SYS_MODULE", "fanotify_init": "CAP_SYS_ADMIN", "finit_module": "CAP_SYS_MODULE",
	"fsconfig": "CAP_SYS_ADMIN", "fsmount": "CAP_SYS_ADMIN", "fsopen": "CAP_SYS_ADMIN", "fspick": "CAP_SYS_ADMIN", "init_module": "CAP_SYS_MODULE",
	"ioperm": "CAP_SYS_RAWIO", "iopl": "CAP_SYS_RAWIO", "kexec_file_load": "CAP_SYS_BOOT", "kexec_load": "CAP_SYS_BOOT",
	"lookup_dcookie": "CAP_SYS_ADMIN", "mknod": "CAP_MKNOD", "mknodat": "CAP_MKNOD", "mount": "CAP_SYS_ADMIN", "mount_setattr": "CAP_SYS_ADMIN",
	"move_mount": "CAP_SYS_ADMIN", "open_by_handle_at": "CAP_DAC_READ_SEARCH", "pivot_root": "CAP_SYS_ADMIN", "quotactl": "CAP_SYS_ADMIN",
	"quotactl_fd": "CAP_SYS_ADMIN", "reboot": "CAP_SYS_BOOT", "setdomainname": "CAP_SYS_ADMIN", "setgroups": "CAP_SETGID", "sethostname": "CAP_SYS_ADMIN",
	"setns": "CAP_SYS_ADMIN", "settimeofday": "CAP_SYS_TIME", "swapoff": "CAP_SYS_ADMIN", "swapon": "CAP_SYS_ADMIN", "syslog": "CAP_SYSLOG",
	"umount": "CAP_SYS_ADMIN", "umount2": "CAP_SYS_ADMIN", "vhangup": "CAP_SYS_TTY_CONFIG",
}

// layers returns what decides besides the filter.
func layers(m *policy.Module, call string) []Layer {
	var out []Layer
	at := func(pos policy.Pos) policy.Pos {
		if pos.Line == 0 {
			return m.Pos
		}
		return pos
	}
	if slices.Contains(byPath, call) {
		l := Layer{Name: "filesystem", Pos: m.Pos, Says: "a path that is not listed is not there (ENOENT), one that is has the access of its entry"}
		if len(m.Filesystem) > 0 {
			l.Pos = m.Filesystem[0].Pos
		}
		out = append(out, l)
	}
	if slices.Contains(byNetwork, call) {
		says := map[policy.NetworkMode]string{
			policy.NetworkNone:     "mode none: a network namespace with nothing in it but the listeners that are handed over",
			policy.NetworkLoopback: "mode loopback: a network namespace of its own with lo",
			policy.NetworkHost:     "mode host: the network of the host",
		}[m.Network.V]
		out = append(out, Layer{Name: "network", Pos: at(m.Network.Pos), Says: says})
	}
	if slices.Contains(byProcess, call) {
		out = append(out, processLayer(m))
	}
	if slices.Contains(byMemory, call) && len(m.Resources) > 0 {
		out = append(out, Layer{Name: "resources", Pos: m.Resources[0].Pos, Says: "the limits of the control group, such as pids.max and memory.max"})
	}
	if name := capabilities[call]; name != "" {
		out = append(out, capabilityLayer(m, call, name))
	}
	return out
}

func processLayer(m *policy.Module) Layer {
	for _, n := range m.Namespaces {
		if n.V.String() == "pid" {
			return Layer{Name: "namespaces", Pos: n.Pos, Says: "a pid namespace of its own: the processes of other modules and of the host cannot be named"}
		}
	}
	l := Layer{Name: "user", Pos: m.User.Pos, Says: "no pid namespace: processes of the same user can be reached"}
	if l.Pos.Line == 0 {
		l.Pos = m.Pos
	}
	return l
}

func capabilityLayer(m *policy.Module, call, name string) Layer {
	for _, c := range m.Capabilities {
		if c.V.String() == name {
			return Layer{Name: "capabilities", Pos: c.Pos, Says: fmt.Sprintf("%s needs %s, which the module has", call, name)}
		}
	}
	l := Layer{Name: "capabilities", Pos: m.Pos, Says: fmt.Sprintf("%s needs %s, which the module does not have: EPERM from the kernel", call, name)}
	if len(m.Capabilities) > 0 {
		l.Pos = m.Capabilities[0].Pos
	}
	return l
}
