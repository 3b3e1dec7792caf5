package host

import (
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// Facts is what is known of the host and of the process that probed it. It is a plain value: two of them can be
// compared, and a test can write one down.
type Facts struct {
	Release string               // as the kernel says it, such as "6.1.0-28-cloud-amd64"
	Kernel  policy.KernelVersion // the first two numbers of Release
	Machine string               // "x86_64", "aarch64" …

	UID, EUID posix.UID
	GID, EGID posix.GID
	// SetgroupsDenied: this user namespace may not change its supplementary groups. Source: user_namespaces(7).
	SetgroupsDenied bool
	// OverflowUID and OverflowGID are what an id without a mapping looks like. Source: user_namespaces(7).
	OverflowUID posix.UID
	OverflowGID posix.GID

	Capabilities CapabilityFacts
	// SigIgn has bit n-1 set when signal n is ignored; a child would inherit that.
	SigIgn uint64
	// SeccompMode is 2 when this process runs under a filter, NoNewPrivs whether it gave up privileges by exec.
	SeccompMode int
	NoNewPrivs  bool

	Seccomp    ActionSet
	Landlock   LandlockFacts
	UserNS     UserNSFacts
	Namespaces policy.Namespace // CLONE_NEW… flags of the kinds that this kernel has
	Cgroup     CgroupFacts
	Proc       ProcFacts
	// Weighing is what [FindWeighing] says; neither Probe nor ProbeAll asks.
	Weighing Weighing

	// SubIDs are those of an ordinary user.
	SubIDs SubIDFacts

	// MemfdNoexec is vm.memfd_noexec: with 2 nothing in memory can be executed; -1 when there is no such switch (before Linux 6.3).
	MemfdNoexec int
	// MountAPI: open_tree, move_mount, fsopen and mount_setattr, all of them (Linux 5.12).
	MountAPI bool
	// IntoCgroup: clone3 with CLONE_INTO_CGROUP (Linux 5.7).
	IntoCgroup bool
	// Pidfd: pidfd_open, and pidfds from clone3 (Linux 5.3).
	Pidfd bool

	// ForeignMounts: this process has CAP_SYS_ADMIN, but its mount namespace belongs to another user namespace, so that it may not mount. Source:
	// mount_namespaces(7).
	ForeignMounts bool

	// Refused is the kernel's answer when ProbeAll made a namespace of each kind, in the order of the table of kinds; 0 where that worked.
	Refused [8]posix.Errno
	// Clone3 is the answer when it made a process, and Keyring when that process joined a new session keyring; 0 when that worked.
	Clone3, Keyring posix.Errno

	// Tried says that ProbeAll gathered these facts: UserNS.Errno and the Place fields of Cgroup mean something.
	Tried bool
}

// RefusedKind returns the kernel's answer when ProbeAll made a namespace of one kind; 0 when that worked or was not tried.
func (f *Facts) RefusedKind(kind policy.Namespace) posix.Errno {
	for i, ns := range namespaceFiles {
		if ns.kind == kind {
			return f.Refused[i]
		}
	}
	return 0
}

// CapabilityFacts are the capability sets of the process: bit n is capability n. Source: capabilities(7).
type CapabilityFacts struct {
	Effective, Permitted, Bounding uint64
	Last                           policy.Capability // the highest that the kernel knows
}

// Has tells whether capability c is effective.
func (c CapabilityFacts) Has(n policy.Capability) bool { return c.Effective>>n&1 == 1 }

// LandlockFacts says which version of Landlock there is. Source: landlock(7).
type LandlockFacts struct {
	ABI   int         // 0: none
	Errno posix.Errno // why there is none: ENOSYS (not built in), EOPNOTSUPP (switched off at boot)
}

// UserNSFacts says whether this process can make a user namespace and has capabilities in it.
type UserNSFacts struct {
	Initial bool // this process is in the initial user namespace
	// UIDMap and GIDMap are its maps, see [Outside]; empty in the initial one.
	UIDMap, GIDMap string
	Max            int // /proc/sys/user/max_user_namespaces; -1 when there is no such file
	// UnprivilegedClone is Debian's and Ubuntu's kernel.unprivileged_userns_clone: 0, 1, or -1 when there is no such switch.
	UnprivilegedClone int
	// AppArmorRestricts is Ubuntu's kernel.apparmor_restrict_unprivileged_userns: 0, 1, or -1 when there is no such switch.
	AppArmorRestricts int

	// Errno is the kernel's answer when ProbeAll really made one and, in it, a mount namespace; 0 when that worked.
	// InsideFailed says that the user namespace itself could be made, but brought no capabilities.
	Errno        posix.Errno
	InsideFailed bool
}

// ProcFacts says what of /proc is seen. A user namespace may mount a fresh proc only where an existing one is
// seen whole (the kernel's mount_too_revealing).
type ProcFacts struct {
	Mounted  bool
	ReadOnly bool
	Masked   string // the first path in /proc with something mounted over it; empty when there is none
}

// ControllerSet is a set of control group controllers.
type ControllerSet uint8

// The controllers that matter here.
const (
	Memory ControllerSet = 1 << iota
	Pids
	CPU
	Freezer // version 1 only; version 2 freezes without a controller
	CPUSet
	IO // on version 1 its name is blkio
)

// Hierarchy is a mounted control group hierarchy. The zero value is one that does not exist.
type Hierarchy struct {
	Version int    // 1 or 2
	Mount   string // where it is mounted; empty when it is not
	Group   string // the group of this process, as /proc/self/cgroup has it
	// Dir is the directory of that group. It is empty when Mount does not show it.
	Dir         string
	Controllers ControllerSet
	ReadOnly    bool // the mount is

	// Place is the nearest directory, Dir or on version 2 one above it, in which ProbeAll found that groups may be made; empty
	// when there is none, and then Errno is the kernel's answer about Dir. Offers are the controllers that groups get there.
	Place  string
	Offers ControllerSet
	Errno  posix.Errno
}

// CgroupFacts are the hierarchies that can limit something. A version 1 hierarchy that carries several controllers
// stands in several fields.
type CgroupFacts struct {
	V2 Hierarchy
	// These are the version 1 hierarchies of the controllers.
	Memory, Pids, CPU, Freezer, CPUSet, IO Hierarchy
}

// For returns the hierarchy that controls c, one controller: version 2 when the controller is there, otherwise version 1.
func (f CgroupFacts) For(c ControllerSet) (Hierarchy, bool) {
	if f.V2.Mount != "" && f.V2.Controllers&c == c {
		return f.V2, true
	}
	h := map[ControllerSet]Hierarchy{Memory: f.Memory, Pids: f.Pids, CPU: f.CPU, Freezer: f.Freezer, CPUSet: f.CPUSet, IO: f.IO}[c]
	return h, h.Mount != ""
}
