package policy

import (
	"strings"

	"golang.org/x/sys/unix"
)

// capabilityNames are the capabilities by number: capabilities(7).
var capabilityNames = [...]string{
	unix.CAP_CHOWN: "chown", unix.CAP_DAC_OVERRIDE: "dac_override", unix.CAP_DAC_READ_SEARCH: "dac_read_search",
	unix.CAP_FOWNER: "fowner", unix.CAP_FSETID: "fsetid", unix.CAP_KILL: "kill", unix.CAP_SETGID: "setgid",
	unix.CAP_SETUID: "setuid", unix.CAP_SETPCAP: "setpcap", unix.CAP_LINUX_IMMUTABLE: "linux_immutable",
	unix.CAP_NET_BIND_SERVICE: "net_bind_service", unix.CAP_NET_BROADCAST: "net_broadcast",
	unix.CAP_NET_ADMIN: "net_admin", unix.CAP_NET_RAW: "net_raw", unix.CAP_IPC_LOCK: "ipc_lock",
	unix.CAP_IPC_OWNER: "ipc_owner", unix.CAP_SYS_MODULE: "sys_module", unix.CAP_SYS_RAWIO: "sys_rawio",
	unix.CAP_SYS_CHROOT: "sys_chroot", unix.CAP_SYS_PTRACE: "sys_ptrace", unix.CAP_SYS_PACCT: "sys_pacct",
	unix.CAP_SYS_ADMIN: "sys_admin", unix.CAP_SYS_BOOT: "sys_boot", unix.CAP_SYS_NICE: "sys_nice",
	unix.CAP_SYS_RESOURCE: "sys_resource", unix.CAP_SYS_TIME: "sys_time", unix.CAP_SYS_TTY_CONFIG: "sys_tty_config",
	unix.CAP_MKNOD: "mknod", unix.CAP_LEASE: "lease", unix.CAP_AUDIT_WRITE: "audit_write",
	unix.CAP_AUDIT_CONTROL: "audit_control", unix.CAP_SETFCAP: "setfcap", unix.CAP_MAC_OVERRIDE: "mac_override",
	unix.CAP_MAC_ADMIN: "mac_admin", unix.CAP_SYSLOG: "syslog", unix.CAP_WAKE_ALARM: "wake_alarm",
	unix.CAP_BLOCK_SUSPEND: "block_suspend", unix.CAP_AUDIT_READ: "audit_read", unix.CAP_PERFMON: "perfmon",
	unix.CAP_BPF: "bpf", unix.CAP_CHECKPOINT_RESTORE: "checkpoint_restore",
}

// String returns the name as capabilities(7) writes it, such as "CAP_NET_ADMIN".
func (c Capability) String() string {
	if int(c) < len(capabilityNames) {
		return "CAP_" + strings.ToUpper(capabilityNames[c])
	}
	return "CAP_?"
}

// capabilities reads the exact set of capabilities. CAP_NET_ADMIN and net_admin are the two ways to write one.
func (d *decoder) capabilities(n *node) []Value[Capability] {
	var set []Value[Capability]
	first := map[int]Pos{}
	for _, item := range d.list(n, "a list of capabilities, [] for none") {
		word, ok := d.word(item, "the name of a capability")
		if !ok {
			continue
		}
		number := -1
		lower := strings.ToLower(strings.TrimPrefix(strings.ToUpper(word), "CAP_"))
		for i, name := range capabilityNames {
			if name == lower {
				number = i
			}
		}
		canonical := "CAP_" + strings.ToUpper(lower)
		switch {
		case number >= 0 && (word == lower || word == canonical):
		case number >= 0:
			d.report(codeUnknownCapability, item.span, "unknown capability %q", word).hint(didYouMean(canonical))
			continue
		default:
			d.unknownCapability(item, word, lower)
			continue
		}
		if earlier, twice := first[number]; twice {
			d.twice(item.span, "capability "+canonical, earlier)
			continue
		}
		first[number] = item.pos
		set = append(set, Value[Capability]{Capability(number), item.pos})
	}
	return set
}

func (d *decoder) unknownCapability(item *node, word, lower string) {
	g := d.report(codeUnknownCapability, item.span, "unknown capability %q", word)
	if lower == "all" {
		g.help("a module has the capabilities that are listed by name and no others")
		return
	}
	meant := nearest(lower, func(yield func(string) bool) {
		for _, name := range capabilityNames {
			if !yield(name) {
				return
			}
		}
	})
	if meant != "" && word != lower {
		meant = "CAP_" + strings.ToUpper(meant)
	}
	g.hint(didYouMean(meant))
}
