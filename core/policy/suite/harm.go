package suite

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Calls that reach beyond the process that makes them, by what would have to be the sandbox's own. Sources: the calls' pages in section 2 of
// the manual, pid_namespaces(7), ipc_namespaces(7), uts_namespaces(7), capabilities(7), keyrings(7).
var (
	ofProcesses = strings.Fields(`ioprio_set kill migrate_pages move_pages pidfd_getfd pidfd_send_signal prlimit64 process_madvise process_mrelease
		process_vm_writev ptrace rt_sigqueueinfo rt_tgsigqueueinfo sched_setaffinity sched_setattr sched_setparam sched_setscheduler setpgid
		setpriority tgkill tkill`)
	ofIPC    = strings.Fields(`mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmget`)
	ofNames  = strings.Fields(`setdomainname sethostname`)
	ofMounts = strings.Fields(`chroot fsconfig fsmount mount mount_setattr move_mount open_tree pivot_root umount umount2`)
	ofKeys   = strings.Fields(`add_key keyctl request_key`)
	ofHost   = strings.Fields(`acct adjtimex bpf clock_adjtime clock_settime delete_module fanotify_init finit_module init_module ioperm iopl
		kexec_file_load kexec_load lookup_dcookie modify_ldt nfsservctl open_by_handle_at quotactl quotactl_fd reboot setns settimeofday
		swapoff swapon syslog uselib vhangup`)
)

// Harm returns why a call is not made by a live test of a module, "" when it can do nothing outside of the sandbox even when the filter and
// the kernel let it.
func Harm(m *policy.Module, call string) string {
	own := func(ns policy.Namespace) bool {
		return slices.ContainsFunc(m.Namespaces, func(v policy.Value[policy.Namespace]) bool { return v.V == ns })
	}
	switch {
	case slices.Contains(ofProcesses, call) && !own(unix.CLONE_NEWPID):
		return "it could reach processes of the host, because the module has no pid namespace"
	case slices.Contains(ofIPC, call) && !own(unix.CLONE_NEWIPC):
		return "it could change what processes of the host share, because the module has no ipc namespace"
	case slices.Contains(ofNames, call) && !own(unix.CLONE_NEWUTS):
		return "it could rename the host, because the module has no uts namespace"
	case slices.Contains(ofMounts, call) && !own(unix.CLONE_NEWNS):
		return "it could change mounts of the host, because the module has no mount namespace"
	case slices.Contains(ofKeys, call) && !own(unix.CLONE_NEWUSER):
		return "it could change keys of the user, which no namespace of the module hides"
	case slices.Contains(ofHost, call) && len(m.Capabilities) > 0 && !own(unix.CLONE_NEWUSER):
		return "it could change the host, because the module keeps capabilities"
	}
	return ""
}
