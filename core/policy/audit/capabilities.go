package audit

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/call"
	"github.com/bulkhead/bulkhead/core/policy/capability"
	"github.com/bulkhead/bulkhead/core/policy/example"
	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// alike are capabilities that are as good as root, or take a step towards it (C23). Source: capabilities(7).
var alike = [...]struct {
	capability policy.Capability
	severity   Severity
	gives      string
}{
	{unix.CAP_DAC_OVERRIDE, Medium, "reads and writes every file that it sees, whatever the permissions"},
	{unix.CAP_DAC_READ_SEARCH, High, "reads every file that it sees, and with open_by_handle_at every file of the disk"},
	{unix.CAP_SETGID, Medium, "becomes any group: docker, disk, shadow"},
	{unix.CAP_SETUID, High, "becomes root"},
	{unix.CAP_SETPCAP, Low, "passes capabilities on to what it executes"},
	{unix.CAP_NET_ADMIN, High, "configures its network and reaches netfilter"},
	{unix.CAP_NET_RAW, Medium, "forges packets"},
	{unix.CAP_SYS_MODULE, High, "loads code into the kernel"},
	{unix.CAP_SYS_RAWIO, High, "talks to devices and to physical memory"},
	{unix.CAP_SYS_CHROOT, Medium, "takes another root directory"},
	{unix.CAP_SYS_PTRACE, High, "reads and writes the memory of every process that it sees"},
	{unix.CAP_SYS_ADMIN, High, "is root for most of what the kernel asks about"},
	{unix.CAP_SYS_BOOT, High, "starts another kernel"},
	{unix.CAP_SYS_RESOURCE, Low, "raises its own limits"},
	{unix.CAP_SYS_TIME, Medium, "changes the host's time"},
	{unix.CAP_MKNOD, High, "makes device files: the disks of the host, where no device control group forbids it"},
	{unix.CAP_AUDIT_CONTROL, Medium, "switches the host's audit off"},
	{unix.CAP_MAC_ADMIN, High, "changes the mandatory access control of the host"},
	{unix.CAP_MAC_OVERRIDE, High, "passes the mandatory access control of the host"},
	{unix.CAP_SYSLOG, Low, "reads addresses of the kernel"},
	{unix.CAP_PERFMON, High, "measures and traces the kernel"},
	{unix.CAP_BPF, High, "loads programs into the kernel"},
	{unix.CAP_CHECKPOINT_RESTORE, Low, "chooses process numbers and reads what others map"},
	{unix.CAP_SETFCAP, Medium, "gives capabilities to files, for others to execute"},
}

// capabilities reports capabilities whose calls are closed (C12), calls whose capability is missing (C13), and capabilities that are
// as good as root (C23).
func (c *check) capabilities() {
	for _, a := range alike {
		if v, has := c.capability(a.capability); has {
			c.addAt(v.Pos, Finding{Rule: "C23", Severity: a.severity, Subject: a.capability.String(), Message: "has " + a.capability.String(),
				Shows: c.shows(example.Capability(a.capability)), Gives: a.gives})
		}
	}
	for _, s := range capability.Services() {
		v, has := c.capability(s.Capability)
		if !has {
			if list := c.allOf(s.Only); len(list) > 0 {
				c.add(list[0], Finding{Rule: "C13", Severity: Info, Subject: s.Capability.String(),
					Message: fmt.Sprintf("may call %s, which the kernel refuses without %s", names(list), s.Capability)})
			}
			continue
		}
		calls := slices.Concat(s.Only, s.Also)
		if len(calls) > 0 && !c.can(calls...) {
			c.addAt(v.Pos, Finding{Rule: "C12", Severity: Low, Subject: s.Capability.String(), Witness: c.closed(calls),
				Message: fmt.Sprintf("has %s, and all of what it serves is closed: %s", s.Capability, strings.Join(calls, ", "))})
		}
	}
}

// capability returns where the module has a capability, if it has it.
func (c *check) capability(v policy.Capability) (policy.Value[policy.Capability], bool) {
	i := slices.IndexFunc(c.module.Capabilities, func(has policy.Value[policy.Capability]) bool { return has.V == v })
	if i < 0 {
		return policy.Value[policy.Capability]{}, false
	}
	return c.module.Capabilities[i], true
}

// closed returns a witness that one of the calls is closed, or nil when no architecture that is open has one of them.
func (c *check) closed(calls []string) *Witness {
	for _, name := range calls {
		if o, found := c.find(name, nil, reach.Closed); found {
			return &Witness{Call: o.data, Arch: o.arch.Name(), Text: call.Describe(o.data, call.On(o.arch)), Answer: c.set.Want(o.data)}
		}
	}
	return nil
}
