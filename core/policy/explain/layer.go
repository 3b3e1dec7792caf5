package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead/bulkhead/core/policy/capability"
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
	byDisk   = strings.Fields(`copy_file_range fdatasync fsync io_submit io_uring_enter msync pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv
		sendfile splice sync sync_file_range syncfs write writev`)
)

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
	resources := func(calls []string, says string, controllers ...string) {
		at := slices.IndexFunc(m.Resources, func(r policy.Resource) bool {
			controller, _, _ := strings.Cut(r.Key, ".")
			return slices.Contains(controllers, controller)
		})
		if at >= 0 && slices.Contains(calls, call) {
			out = append(out, Layer{Name: "resources", Pos: m.Resources[at].Pos, Says: says})
		}
	}
	resources(byMemory, "the limits of the control group, such as pids.max and memory.max", "memory", "pids")
	resources(byDisk, "the limits of the control group for disks: it waits where io.max is reached", "io")
	return append(out, capabilityLayers(m, call)...)
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

// capabilityLayers says which capabilities the call needs, and which of those that the module has make it do more.
func capabilityLayers(m *policy.Module, call string) (out []Layer) {
	for _, s := range capability.Services() {
		i := slices.IndexFunc(m.Capabilities, func(v policy.Value[policy.Capability]) bool { return v.V == s.Capability })
		l := Layer{Name: "capabilities", Pos: m.Pos}
		if len(m.Capabilities) > 0 {
			l.Pos = m.Capabilities[max(i, 0)].Pos
		}
		switch only := slices.Contains(s.Only, call); {
		case only && i >= 0:
			l.Says = fmt.Sprintf("%s needs %s, which the module has", call, s.Capability)
		case only:
			l.Says = fmt.Sprintf("%s needs %s, which the module does not have: EPERM from the kernel", call, s.Capability)
		case i >= 0 && slices.Contains(s.Also, call):
			l.Says = fmt.Sprintf("%s does more with %s, which the module has", call, s.Capability)
		default:
			continue
		}
		out = append(out, l)
	}
	return out
}
