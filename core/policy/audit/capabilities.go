package audit

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// service is what a capability is good for: without all of the calls, for nothing. Source: capabilities(7).
type service struct {
	capability policy.Capability
	only       []string // calls that the kernel refuses without it
	also       []string // calls that it makes do more
	alike      Severity // as good as root: C23; Info for not
	gives      string
}

var services = []service{
	{unix.CAP_CHOWN, nil, []string{"chown", "fchown", "lchown", "fchownat"}, Info, ""},
	{unix.CAP_DAC_OVERRIDE, nil, nil, Medium, "reads and writes every file that it sees, whatever the permissions"},
	{unix.CAP_DAC_READ_SEARCH, []string{"open_by_handle_at"}, []string{"open", "openat", "openat2"}, High,
		"reads every file that it sees, and with open_by_handle_at every file of the disk"},
	{unix.CAP_FOWNER, nil, []string{"chmod", "fchmod", "fchmodat", "fchmodat2", "utimensat", "unlink", "unlinkat", "rename", "renameat",
		"renameat2"}, Info, ""},
	{unix.CAP_KILL, nil, []string{"kill", "tkill", "tgkill", "rt_sigqueueinfo", "pidfd_send_signal"}, Info, ""},
	{unix.CAP_SETGID, []string{"setgroups"}, []string{"setgid", "setregid", "setresgid", "setfsgid"}, Medium,
		"becomes any group: docker, disk, shadow"},
	{unix.CAP_SETUID, nil, []string{"setuid", "setreuid", "setresuid", "setfsuid"}, High, "becomes root"},
	{unix.CAP_SETPCAP, nil, []string{"capset", "prctl"}, Low, "passes capabilities on to what it executes"},
	{unix.CAP_NET_BIND_SERVICE, nil, []string{"bind", "socketcall"}, Info, ""},
	{unix.CAP_NET_ADMIN, nil, []string{"socket", "setsockopt", "ioctl", "sendto", "sendmsg", "socketcall"}, High,
		"configures its network and reaches netfilter"},
	{unix.CAP_NET_RAW, nil, []string{"socket", "socketcall"}, Medium, "forges packets"},
	{unix.CAP_IPC_LOCK, nil, []string{"mlock", "mlock2", "mlockall", "mmap", "mmap2", "shmctl"}, Info, ""},
	{unix.CAP_SYS_MODULE, []string{"init_module", "finit_module", "delete_module"}, nil, High, "loads code into the kernel"},
	{unix.CAP_SYS_RAWIO, []string{"iopl", "ioperm"}, []string{"open", "openat", "openat2", "ioctl"}, High, "talks to devices and to physical memory"},
	{unix.CAP_SYS_CHROOT, []string{"chroot"}, []string{"setns"}, Medium, "takes another root directory"},
	{unix.CAP_SYS_PTRACE, nil, []string{"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "process_madvise"}, High,
		"reads and writes the memory of every process that it sees"},
	{unix.CAP_SYS_PACCT, []string{"acct"}, nil, Info, ""},
	{unix.CAP_SYS_ADMIN, []string{"mount", "umount2", "pivot_root", "swapon", "swapoff", "sethostname", "setdomainname", "quotactl", "fsopen",
		"fsmount",
		"move_mount", "mount_setattr", "fanotify_init"}, []string{"setns", "unshare", "clone", "clone3", "bpf", "perf_event_open", "ioctl"}, High,
		"is root for most of what the kernel asks about"},
	{unix.CAP_SYS_BOOT, []string{"reboot", "kexec_load", "kexec_file_load"}, nil, High, "starts another kernel"},
	{unix.CAP_SYS_NICE, nil, []string{"setpriority", "sched_setscheduler", "sched_setparam", "sched_setattr", "sched_setaffinity", "ioprio_set",
		"migrate_pages",
		"move_pages"}, Info, ""},
	{unix.CAP_SYS_RESOURCE, nil, []string{"setrlimit", "prlimit64"}, Low, "raises its own limits"},
	{unix.CAP_SYS_TIME, []string{"settimeofday", "clock_settime"}, []string{"adjtimex", "clock_adjtime"}, Medium, "changes the host's time"},
	{unix.CAP_SYS_TTY_CONFIG, []string{"vhangup"}, []string{"ioctl"}, Info, ""},
	{unix.CAP_MKNOD, nil, []string{"mknod", "mknodat"}, High, "makes device files: the disks of the host, where no device control group forbids it"},
	{unix.CAP_AUDIT_CONTROL, nil, []string{"socket", "sendto", "sendmsg"}, Medium, "switches the host's audit off"},
	{unix.CAP_MAC_ADMIN, nil, nil, High, "changes the mandatory access control of the host"},
	{unix.CAP_MAC_OVERRIDE, nil, nil, High, "passes the mandatory access control of the host"},
	{unix.CAP_SYSLOG, []string{"syslog"}, nil, Low, "reads addresses of the kernel"},
	{unix.CAP_PERFMON, nil, []string{"perf_event_open", "bpf"}, High, "measures and traces the kernel"},
	{unix.CAP_BPF, nil, []string{"bpf"}, High, "loads programs into the kernel"},
	{unix.CAP_CHECKPOINT_RESTORE, nil, []string{"clone3", "prctl", "kcmp"}, Low, "chooses process numbers and reads what others map"},
	{unix.CAP_SETFCAP, nil, []string{"setxattr", "lsetxattr", "fsetxattr", "setxattrat"}, Medium,
		"gives capabilities to files, for others to execute"},
}

// capabilities reports capabilities whose calls are closed (C12), calls whose capability is missing (C13), and capabilities that are
// as good as root (C23).
func (c *check) capabilities() {
	for _, s := range services {
		i := slices.IndexFunc(c.module.Capabilities, func(v policy.Value[policy.Capability]) bool { return v.V == s.capability })
		if i < 0 {
			if list := c.allOf(s.only); len(list) > 0 {
				c.add(list[0], Finding{Rule: "C13", Severity: Info, Subject: s.capability.String(),
					Message: fmt.Sprintf("may call %s, which the kernel refuses without %s", names(list), s.capability)})
			}
			continue
		}
		pos := c.module.Capabilities[i].Pos
		if s.alike > Info {
			c.addAt(pos, Finding{Rule: "C23", Severity: s.alike, Subject: s.capability.String(), Message: "has " + s.capability.String(), Gives: s.gives})
		}
		calls := slices.Concat(s.only, s.also)
		if len(calls) > 0 && !c.can(calls...) {
			c.addAt(pos, Finding{Rule: "C12", Severity: Low, Subject: s.capability.String(), Witness: c.closed(calls),
				Message: fmt.Sprintf("has %s, and all of what it serves is closed: %s", s.capability, strings.Join(calls, ", "))})
		}
	}
}

// closed returns a witness that one of the calls is closed, or nil when no architecture that is open has one of them.
func (c *check) closed(calls []string) *Witness {
	for _, call := range calls {
		if o, found := c.find(call, nil, reach.Closed); found {
			return &Witness{Call: o.data, Arch: o.arch.Name(), Text: reach.Describe(o.data, o.arch), Answer: c.set.Want(o.data)}
		}
	}
	return nil
}
