package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// The structures given to the calls below are on the stack; each stays alive and in place until its call returns
// (unsafe.Pointer, rule 4), and the kernel only reads them.

// rulesetAttr is struct landlock_ruleset_attr as of ABI 6. Source: landlock_create_ruleset(2).
type rulesetAttr struct{ fs, net, scoped uint64 }

// LandlockCreateRuleset implements [posix.Hardening].
//
// All fields that we know are always passed: an older kernel accepts a longer structure when what it does not know is zero,
// and answers E2BIG otherwise.
func (k *Kernel) LandlockCreateRuleset(attr *posix.LandlockRulesetAttr) (posix.FD, error) {
	raw := rulesetAttr{fs: attr.HandledAccessFS, net: attr.HandledAccessNet, scoped: attr.Scoped}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&raw)), unsafe.Sizeof(raw), 0)
	if errno != 0 {
		return noFD, errno
	}
	return posix.FD(fd), nil
}

// LandlockAddPathRule implements [posix.Hardening].
func (k *Kernel) LandlockAddPathRule(ruleset posix.FD, rule *posix.LandlockPathBeneath) error {
	raw := unix.LandlockPathBeneathAttr{Allowed_access: rule.AllowedAccess, Parent_fd: int32(rule.Parent)}
	return landlockAddRule(ruleset, unix.LANDLOCK_RULE_PATH_BENEATH, unsafe.Pointer(&raw))
}

// netPort is struct landlock_net_port_attr. Source: landlock_add_rule(2).
type netPort struct{ allowed, port uint64 }

// ruleNetPort is LANDLOCK_RULE_NET_PORT.
const ruleNetPort = 2

// LandlockAddNetRule implements [posix.Hardening].
func (k *Kernel) LandlockAddNetRule(ruleset posix.FD, rule *posix.LandlockNetPort) error {
	raw := netPort{allowed: rule.AllowedAccess, port: rule.Port}
	return landlockAddRule(ruleset, ruleNetPort, unsafe.Pointer(&raw))
}

func landlockAddRule(ruleset posix.FD, kind uintptr, rule unsafe.Pointer) error {
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), kind, uintptr(rule), 0, 0, 0)
	return result(errno)
}

// SeccompActionAvail implements [posix.Hardening].
func (k *Kernel) SeccompActionAvail(action uint32) error {
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return result(errno)
}

// posix.SockFilter has the layout of struct sock_filter, so the caller's slice is what the kernel reads.
var (
	_ [unsafe.Sizeof(unix.SockFilter{})]byte     = [unsafe.Sizeof(posix.SockFilter{})]byte{}
	_ [unsafe.Offsetof(unix.SockFilter{}.K)]byte = [unsafe.Offsetof(posix.SockFilter{}.K)]byte{}
)

// maxFilter is BPF_MAXINSNS; a longer one would not fit into the length's 16 bits as it is.
const maxFilter = 4096

// SeccompSetModeFilter implements [posix.Hardening].
func (k *Kernel) SeccompSetModeFilter(flags uint32, filter []posix.SockFilter) (int, error) {
	if len(filter) > maxFilter {
		return 0, posix.Errno(unix.EINVAL)
	}
	raw := unix.SockFprog{Len: uint16(len(filter)), Filter: (*unix.SockFilter)(unsafe.Pointer(unsafe.SliceData(filter)))}
	r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), uintptr(unsafe.Pointer(&raw)))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}
