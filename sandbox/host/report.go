package host

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Report returns the table of every protection, in the order in which a launch applies them. It expects the facts of
// [ProbeAll]; with those of [Probe] it goes by the switches that the kernel shows.
func Report(f Facts) []Protection {
	return slices.Concat(
		[]Protection{processReport(f)},
		namespaceReport(f),
		[]Protection{mountReport(f), procReport(f), initReport(f)},
		cgroupReport(f),
		[]Protection{rlimitReport(f), userReport(f), capabilityReport(f), securebitReport(f)},
		[]Protection{
			{Name: "parent-death signal", Available: Yes, Detail: "PR_SET_PDEATHSIG: a module ends with its supervisor"},
			available("pidfd", f.Pidfd, "processes are named by descriptors, not by numbers", "pidfd_open is not there",
				"Linux 5.3 or newer"),
			keyringReport(f),
			{Name: "no_new_privs", Available: Yes, Detail: "set-user-ID programs gain nothing"},
		},
		landlockReport(f),
		[]Protection{seccompReport(f)},
	)
}

const (
	capSetgid   policy.Capability = unix.CAP_SETGID
	capSetuid   policy.Capability = unix.CAP_SETUID
	capSetpcap  policy.Capability = unix.CAP_SETPCAP
	capAdmin    policy.Capability = unix.CAP_SYS_ADMIN
	capResource policy.Capability = unix.CAP_SYS_RESOURCE
)

// userNamespaces tells whether this process can make user namespaces, and why or why not.
func userNamespaces(f Facts) Protection {
	const name = "user namespace"
	no := func(detail, enable string) Protection {
		return Protection{Name: name, Available: No, Detail: detail, Enable: enable}
	}
	u := f.UserNS
	admin := f.Capabilities.Has(capAdmin)
	switch {
	case f.Namespaces&unix.CLONE_NEWUSER == 0:
		return no("the kernel has none", "a kernel with CONFIG_USER_NS=y")
	case f.Tried && u.Errno == 0:
		return Protection{Name: name, Available: Yes, Detail: "tried: a child made one and has its capabilities there"}
	case u.Max == 0:
		return no("user.max_user_namespaces is 0", "sysctl -w user.max_user_namespaces=10000")
	case u.UnprivilegedClone == 0 && !admin:
		return no("kernel.unprivileged_userns_clone is 0", "sysctl -w kernel.unprivileged_userns_clone=1")
	case u.AppArmorRestricts == 1 && !admin:
		return no("AppArmor takes the capabilities in it away (kernel.apparmor_restrict_unprivileged_userns is 1)",
			"an AppArmor profile for the supervisor with the rule userns, or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
	case f.Tried && u.InsideFailed:
		return no("it can be made, but brings no capabilities: "+u.Errno.Error(), "a security module takes them away; see its log")
	case f.Tried && u.Errno == unix.ENOSPC:
		return no("the limit on their number or depth is reached", "sysctl -w user.max_user_namespaces=10000")
	case f.Tried && f.SeccompMode != 0:
		return no("refused ("+u.Errno.Error()+") while this process is under a seccomp filter", filterEnable(f))
	case f.Tried && u.Errno == unix.EPERM && !u.Initial && strings.TrimSpace(u.UIDMap) == "":
		return no("this process is in one that has no maps, and a user without a number cannot make another, user_namespaces(7)",
			"have whoever made it write /proc/PID/uid_map and gid_map, as in unshare --user --map-root-user supervisor …")
	case f.Tried:
		return no("refused: "+u.Errno.Error(), "run the supervisor outside of a chroot, as root, or ask the security module's log")
	}
	return Protection{Name: name, Available: Yes, Detail: "not tried; no switch forbids it"}
}

// namespaceReport says of each kind whether a module can have one, and by what right.
func namespaceReport(f Facts) []Protection {
	user := userNamespaces(f)
	rows := []Protection{user}
	for i, ns := range namespaceFiles {
		if ns.kind == unix.CLONE_NEWUSER {
			continue
		}
		name := map[string]string{"mnt": "mount", "net": "network"}[ns.name]
		if name == "" {
			name = ns.name
		}
		p := Protection{Name: name + " namespace", Available: Yes, Detail: "with CAP_SYS_ADMIN"}
		switch {
		case f.Namespaces&ns.kind == 0:
			p.Available, p.Detail, p.Enable = No, "the kernel has none", "a kernel with "+namespaceConfig(ns.kind)
		case ns.kind == unix.CLONE_NEWTIME && !atLeast(f.Kernel, 6, 1):
			p.Available, p.Detail, p.Enable = No, "this kernel does not put a process into one at its exec", "Linux 6.1 or newer"
		case f.Clone3 != 0:
			p.Available, p.Detail, p.Enable = No, "no process can be made: "+f.Clone3.Error(), "see launch"
		case f.Refused[i] != 0:
			p.Available = No
			p.Detail, p.Enable = whyRefused(f, f.Refused[i], ns.name)
		case f.Capabilities.Has(capAdmin):
		case user.Available == Yes:
			p.Detail = "through a user namespace"
		default:
			p.Available, p.Detail, p.Enable = No, "needs CAP_SYS_ADMIN or a user namespace", "run the supervisor as root, or enable user namespaces"
		}
		rows = append(rows, p)
	}
	return rows
}

// enableFilter is about a filter that somebody put this process under.
const enableFilter = "run the supervisor outside of the container, or under a seccomp profile that allows what its launches do: clone3, unshare, setns, " +
	"open_tree, move_mount, mount_setattr, fsopen, fsconfig, fsmount, pivot_root and umount2 (docker run --security-opt seccomp=PROFILE)"

// filterEnable is enableFilter where no line before has said it.
func filterEnable(f Facts) string {
	if f.Clone3 != 0 {
		return "see launch"
	}
	return enableFilter
}

// whyRefused says why a namespace could not be made which the kernel has. name is that of its file.
func whyRefused(f Facts, errno posix.Errno, name string) (detail, enable string) {
	switch {
	case errno == unix.ENOSPC:
		return "the limit on their number is reached", "sysctl -w user.max_" + name + "_namespaces=10000"
	case f.SeccompMode != 0:
		return "refused (" + errno.Error() + ") while this process is under a seccomp filter", enableFilter
	}
	return "refused: " + errno.Error(), "ask the log of the host's security module: dmesg, or ausearch -m avc"
}

// processReport is about making processes at all.
func processReport(f Facts) Protection {
	const name = "launch"
	switch {
	case f.Clone3 == 0:
		return Protection{Name: name, Available: Yes, Detail: "clone3 makes a process together with its namespaces, its group and its pidfd"}
	case !atLeast(f.Kernel, 5, 3):
		return Protection{Name: name, Available: No, Detail: "this kernel has no clone3: nothing can be started", Enable: "Linux 5.12 or newer"}
	case f.SeccompMode != 0:
		return Protection{Name: name, Available: No, Detail: "a seccomp filter that this process is under refuses clone3 (" + f.Clone3.Error() + "): nothing can be started",
			Enable: enableFilter}
	}
	return Protection{Name: name, Available: No, Detail: "clone3: " + f.Clone3.Error() + ": nothing can be started",
		Enable: "raise the limits on processes: ulimit -u, TasksMax= or pids.max"}
}

// keyringReport is about the session keyring that a module gets where its filter allows the calls for keys.
func keyringReport(f Facts) Protection {
	const name = "session keyring"
	switch {
	case f.Clone3 != 0:
		return Protection{Name: name, Available: No, Detail: "no process can be made: " + f.Clone3.Error(), Enable: "see launch"}
	case f.Keyring == 0:
		return Protection{Name: name, Available: Yes, Detail: "a new one for every module, so that it does not have the keys of the session"}
	case f.SeccompMode != 0:
		return Protection{Name: name, Available: No, Detail: "a seccomp filter that this process is under refuses keyctl (" + f.Keyring.Error() + ")",
			Enable: "run the supervisor outside of the container, or allow keyctl in its profile"}
	case f.Keyring == unix.ENOSYS:
		return Protection{Name: name, Available: No, Detail: "the kernel has no keys, which nobody can use then", Enable: "a kernel with CONFIG_KEYS=y"}
	}
	return Protection{Name: name, Available: No, Detail: "refused: " + f.Keyring.Error(), Enable: "sysctl -w kernel.keys.maxkeys=2000"}
}

func namespaceConfig(kind policy.Namespace) string {
	switch kind {
	case unix.CLONE_NEWPID:
		return "CONFIG_PID_NS=y"
	case unix.CLONE_NEWIPC:
		return "CONFIG_IPC_NS=y"
	case unix.CLONE_NEWUTS:
		return "CONFIG_UTS_NS=y"
	case unix.CLONE_NEWNET:
		return "CONFIG_NET_NS=y"
	case unix.CLONE_NEWCGROUP:
		return "CONFIG_CGROUPS=y"
	case unix.CLONE_NEWTIME:
		return "CONFIG_TIME_NS=y"
	}
	return "CONFIG_NAMESPACES=y"
}

// privileged tells whether mounts and namespaces can be made at all.
func privileged(f Facts) bool {
	return f.Clone3 == 0 && (f.Capabilities.Has(capAdmin) && !f.ForeignMounts || userNamespaces(f).Available == Yes)
}

func mountReport(f Facts) Protection {
	const name = "own root"
	switch {
	case !f.MountAPI && f.SeccompMode != 0 && atLeast(f.Kernel, 5, 12):
		return Protection{Name: name, Available: No, Detail: "a seccomp filter that this process is under refuses open_tree", Enable: filterEnable(f)}
	case !f.MountAPI:
		return Protection{Name: name, Available: No, Detail: "the mount interface by descriptors is not there",
			Enable: "Linux 5.12 or newer, outside of a container that refuses open_tree, fsopen and mount_setattr"}
	case f.ForeignMounts && !privileged(f):
		return Protection{Name: name, Available: No, Detail: "the mount namespace of this process belongs to another user namespace, so that nothing can be mounted",
			Enable: "unshare --mount supervisor …"}
	case !privileged(f):
		return Protection{Name: name, Available: No, Detail: "pivot_root needs CAP_SYS_ADMIN or a user namespace",
			Enable: "run the supervisor as root, or enable user namespaces"}
	}
	return Protection{Name: name, Available: Yes, Detail: "pivot_root, and mounts made and restricted by descriptor (open_tree, fsopen, mount_setattr)"}
}

// procReport is about a new proc of a module's own pid namespace. In the initial user namespace, with CAP_SYS_ADMIN, the kernel
// does not mind what the host's proc hides.
func procReport(f Facts) Protection {
	const name = "own /proc"
	direct := f.UserNS.Initial && f.Capabilities.Has(capAdmin)
	switch {
	case !privileged(f) || f.Namespaces&unix.CLONE_NEWPID == 0:
		return Protection{Name: name, Available: No, Detail: "needs mount and pid namespaces", Enable: "see those"}
	case direct || f.Proc.Mounted && f.Proc.Masked == "" && !f.Proc.ReadOnly:
		return Protection{Name: name, Available: Yes, Detail: "a new proc that shows the module's pid namespace only"}
	case !f.Proc.Mounted:
		return Protection{Name: name, Available: No, Detail: "no whole proc is mounted here", Enable: "mount -t proc proc /proc"}
	case f.Proc.Masked != "":
		return Protection{Name: name, Available: No,
			Detail: "a user namespace may not mount what this host hides: " + f.Proc.Masked + " is mounted over",
			Enable: "umount " + f.Proc.Masked + ", or run the supervisor outside of the container"}
	}
	return Protection{Name: name, Available: Partly, Detail: "a new proc can only be read, because the host's is mounted read-only",
		Enable: "mount -o remount,rw /proc"}
}

func initReport(f Facts) Protection {
	const name = "init of a pid namespace"
	switch {
	case f.Namespaces&unix.CLONE_NEWPID == 0 || !privileged(f):
		return Protection{Name: name, Available: No, Detail: "needs a pid namespace", Enable: "see that"}
	case f.MemfdNoexec >= 2:
		return Protection{Name: name, Available: No, Detail: "programs in memory cannot be executed (vm.memfd_noexec is 2)",
			Enable: "sysctl -w vm.memfd_noexec=1"}
	}
	return Protection{Name: name, Available: Yes, Detail: "executed from a sealed memfd"}
}

func rlimitReport(f Facts) Protection {
	p := Protection{Name: "rlimits", Available: Yes, Detail: "limits can be lowered and raised"}
	if !f.Capabilities.Has(capResource) || !f.UserNS.Initial {
		p.Detail = "limits can be lowered, and raised up to the supervisor's own hard limits (no CAP_SYS_RESOURCE here)"
	}
	return p
}

func userReport(f Facts) Protection {
	const name = "separate users"
	switch {
	case !f.UserNS.Initial && strings.TrimSpace(f.UserNS.UIDMap) == "":
		return Protection{Name: name, Available: No, Detail: "inside a user namespace without maps", Enable: "run the supervisor as root"}
	case !f.UserNS.Initial:
		return Protection{Name: name, Available: No, Detail: fmt.Sprintf("inside a user namespace that maps user %d", f.UID), Enable: "run the supervisor as root"}
	case f.EUID != 0 && f.SubIDs.Asked() && userNamespaces(f).Available == Yes:
		return subIDReport(f)
	case !f.Capabilities.Has(capSetuid) || !f.Capabilities.Has(capSetgid):
		return Protection{Name: name, Available: No,
			Detail: fmt.Sprintf("all modules run as user %d; needs CAP_SETUID and CAP_SETGID", f.UID), Enable: "run the supervisor as root"}
	case f.SetgroupsDenied:
		return Protection{Name: name, Available: Partly, Detail: "users can be changed, supplementary groups cannot (/proc/self/setgroups)",
			Enable: "a user namespace that allows setgroups"}
	}
	return Protection{Name: name, Available: Yes, Detail: "every module can have a user, a group and supplementary groups of its own"}
}

// subIDReport is about the modules of an ordinary user.
func subIDReport(f Facts) Protection {
	const name = "separate users"
	s := f.SubIDs
	if _, _, why, enable := f.SubIDMaps(); why != "" {
		return Protection{Name: name, Available: No, Detail: fmt.Sprintf("all modules run as user %d: %s", f.UID, why), Enable: enable + "; or run the supervisor as root"}
	}
	return Protection{Name: name, Available: Yes, Detail: fmt.Sprintf("by sub-ids of user %s: users from %d on (%d) and groups from %d on (%d), by %s",
		s.User, s.UIDs.First, s.UIDs.Count, s.GIDs.First, s.GIDs.Count, s.UIDMapper)}
}

func capabilityReport(f Facts) Protection {
	const name = "capabilities"
	if f.Capabilities.Has(capSetpcap) || userNamespaces(f).Available == Yes {
		return Protection{Name: name, Available: Yes,
			Detail: fmt.Sprintf("exact sets, the bounding set too; the kernel knows %d", f.Capabilities.Last+1)}
	}
	return Protection{Name: name, Available: Partly, Detail: "they can be given up, but the bounding set cannot be reduced (no CAP_SETPCAP)",
		Enable: "run the supervisor as root, or enable user namespaces"}
}

func securebitReport(f Facts) Protection {
	ok := f.Capabilities.Has(capSetpcap) || userNamespaces(f).Available == Yes
	return available("securebits", ok, "being user 0 gives no capabilities, and that is locked", "needs CAP_SETPCAP",
		"run the supervisor as root, or enable user namespaces")
}

func seccompReport(f Facts) Protection {
	const name = "seccomp"
	const needed = Errno | KillProcess | KillThread | Trap | Log | Allow
	missing := needed &^ f.Seccomp
	switch {
	case f.Seccomp == 0:
		return Protection{Name: name, Available: No, Detail: "the kernel has no filters", Enable: "a kernel with CONFIG_SECCOMP_FILTER=y"}
	case missing != 0:
		return Protection{Name: name, Available: Partly, Detail: "filters, but without the actions " + missing.String(), Enable: "Linux 4.14 or newer"}
	}
	detail := "filters with the actions " + strings.Trim(f.Seccomp.String(), "{}")
	if f.SeccompMode != 0 {
		detail += "; this process is under a filter already, which stays in force"
	}
	return Protection{Name: name, Available: Yes, Detail: detail}
}
