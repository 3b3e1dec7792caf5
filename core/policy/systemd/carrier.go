package systemd

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// denial is what a directive denies: calls of a name for which a condition holds, all of them when it is "".
type denial struct {
	call, when string
	errno      uint16
}

// carrier is a directive for which systemd loads a filter besides the one of SystemCallFilter.
type carrier struct {
	directive string
	denials   []denial
}

// namespaceBits are the kinds that RestrictNamespaces knows, by its names. It knows nothing of time namespaces.
var namespaceBits = [...]struct {
	name, constant string
	flag           policy.Namespace
}{
	{"cgroup", "CLONE_NEWCGROUP", unix.CLONE_NEWCGROUP}, {"ipc", "CLONE_NEWIPC", unix.CLONE_NEWIPC}, {"net", "CLONE_NEWNET", unix.CLONE_NEWNET},
	{"mnt", "CLONE_NEWNS", unix.CLONE_NEWNS}, {"pid", "CLONE_NEWPID", unix.CLONE_NEWPID}, {"user", "CLONE_NEWUSER", unix.CLONE_NEWUSER},
	{"uts", "CLONE_NEWUTS", unix.CLONE_NEWUTS},
}

const (
	eperm        = uint16(unix.EPERM)
	enosys       = uint16(unix.ENOSYS)
	eafnosupport = uint16(unix.EAFNOSUPPORT)
)

// carriers are the directives that are yes or no. Measured against systemd 252, src/shared/seccomp-util.c and src/core/execute.c; the same in
// systemd.exec(5). Calls come from the groups that systemd has for them.
func carriers() []carrier {
	groups := seccomp.Catalog().Groups
	whole := func(directive string, calls ...string) carrier {
		c := carrier{directive: directive}
		for _, call := range calls {
			c.denials = append(c.denials, denial{call, "", eperm})
		}
		return c
	}
	return []carrier{
		{"MemoryDenyWriteExecute", []denial{
			{"mmap", "prot & PROT_EXEC && prot & PROT_WRITE", eperm}, {"mprotect", "prot & PROT_EXEC", eperm},
			{"pkey_mprotect", "prot & PROT_EXEC", eperm}, {"shmat", "shmflg & SHM_EXEC", eperm}}},
		{"LockPersonality", []denial{{"personality", "personality != 0", eperm}}},
		{"RestrictRealtime", []denial{{"sched_setscheduler", "!(policy in [SCHED_NORMAL, SCHED_BATCH, SCHED_IDLE])", eperm}}},
		{"RestrictSUIDSGID", setID()},
		whole("ProtectHostname", "sethostname", "setdomainname"),
		whole("ProtectKernelLogs", "syslog"),
		whole("ProtectKernelModules", groups["@module"]...),
		whole("ProtectClock", groups["@clock"]...),
		whole("PrivateDevices", groups["@raw-io"]...),
	}
}

// setID is what RestrictSUIDSGID denies: modes with a set-user-id or set-group-id bit.
func setID() []denial {
	const bits = "(mode & S_ISUID || mode & S_ISGID)"
	var out []denial
	for _, call := range []string{"chmod", "fchmod", "fchmodat", "fchmodat2", "mkdir", "mkdirat", "mknod", "mknodat", "creat"} {
		out = append(out, denial{call, strings.Trim(bits, "()"), eperm})
	}
	for _, call := range []string{"open", "openat"} {
		out = append(out, denial{call, "flags & O_CREAT && " + bits, eperm})
	}
	return append(out, denial{"openat2", "", enosys})
}

// namespaces is what RestrictNamespaces denies when it leaves some kinds.
func namespaces(left policy.Namespace) []denial {
	var clone, unshare, setns []string
	for _, k := range namespaceBits {
		if left&k.flag == 0 {
			clone = append(clone, "clone_flags & "+k.constant)
			unshare = append(unshare, "unshare_flags & "+k.constant)
			setns = append(setns, "nstype & "+k.constant)
		}
	}
	out := []denial{{"clone3", "", enosys}, {"clone", strings.Join(clone, " || "), eperm}, {"unshare", strings.Join(unshare, " || "), eperm}}
	if len(setns) == len(namespaceBits) {
		return append(out, denial{"setns", "", eperm})
	}
	return append(out, denial{"setns", "nstype == 0 || " + strings.Join(setns, " || "), eperm})
}

// families is what RestrictAddressFamilies denies: the families of a list, or all others.
func families(names []string, listed bool) []denial {
	switch {
	case len(names) == 0 && listed:
		return nil
	case len(names) == 0:
		return []denial{{"socket", "", eafnosupport}}
	case listed:
		return []denial{{"socket", "family in [" + strings.Join(names, ", ") + "]", eafnosupport}}
	}
	return []denial{{"socket", "!(family in [" + strings.Join(names, ", ") + "])", eafnosupport}}
}

// familyNames returns the address families that there are, each under the name that systemd prints.
func familyNames() map[uint64]string {
	names := map[uint64]string{}
	for _, name := range seccomp.Native().Constants() {
		switch name {
		case "AF_UNSPEC", "AF_MAX", "AF_LOCAL", "AF_FILE", "AF_ROUTE":
			continue
		}
		if value, ok := seccomp.Native().Constant(name); ok && strings.HasPrefix(name, "AF_") && names[value] == "" && value < 64 {
			names[value] = name
		}
	}
	return names
}

// rule makes a denial a rule of a policy. It is false for a call that this architecture does not have.
func (d denial) rule() (policy.Call, bool) {
	answer := policy.Action{Kind: policy.ActionErrno, Errno: d.errno}
	call := policy.Call{Name: d.call, Answer: &answer}
	if _, has := seccomp.Number(d.call); !has {
		return call, false
	}
	if d.when != "" {
		e, err := policy.ParseExpr(d.when)
		if err != nil {
			panic(err) // our own text, made of names of a table
		}
		call.When = e
	}
	return call, true
}

// of returns the denials of a call.
func of(denials []denial, call string) []denial {
	return slices.DeleteFunc(slices.Clone(denials), func(d denial) bool { return d.call != call })
}
