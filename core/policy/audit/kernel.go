package audit

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/policy/reach"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// hazard is a system call, or a region of one, that is worth a finding wherever it is open.
type hazard struct {
	rule     string
	call     string
	region   *policy.Condition // nil: the whole call
	what     string            // behind "may …" in the message; empty: "call CALL"
	least    Severity
	most     Severity // with the capability, or with user namespaces, where every capability can be had
	needs    policy.Capability
	needy    bool // without needs the kernel refuses it
	gives    string
	source   string
	keep     string // the condition under which the call may stay open; "" for none
	subjects string // default: the call
}

// Widths of arguments: the kernel casts them to int or to unsigned long.
const (
	asInt  = 32
	asLong = 64
)

// other processes
const givesPtrace = "reads and writes the memory of every process of the same user that it can name, and runs code there: secrets of its neighbours, " +
	"and their permissions"

// hazards are the calls of C06, C09, C15 and C16.
var hazards = []hazard{
	{rule: "C06", call: "io_uring_setup", what: "use io_uring", least: High, most: High,
		gives: "opens, reads, connects and sends by way of a ring in memory, where no seccomp filter looks: whatever else is denied; and a " +
			"part of the kernel with many local privilege escalations",
		source: "io_uring(7); CVE-2022-29582, CVE-2023-2598"},

	{rule: "C09", call: "ptrace", least: Medium, most: High, needs: unix.CAP_SYS_PTRACE, gives: givesPtrace, source: "ptrace(2); CVE-2019-13272"},
	{rule: "C09", call: "process_vm_readv", least: Medium, most: High, needs: unix.CAP_SYS_PTRACE, gives: givesPtrace,
		source: "process_vm_readv(2)"},
	{rule: "C09", call: "process_vm_writev", least: Medium, most: High, needs: unix.CAP_SYS_PTRACE, gives: givesPtrace,
		source: "process_vm_readv(2)"},
	{rule: "C09", call: "pidfd_getfd", least: Medium, most: High, needs: unix.CAP_SYS_PTRACE,
		gives: "takes descriptors out of other processes of the same user: sockets and files that it could not open", source: "pidfd_getfd(2)"},
	{rule: "C09", call: "kcmp", least: Low, most: Low, needs: unix.CAP_SYS_PTRACE,
		gives: "learns in which order the kernel's objects of other processes lie in memory", source: "kcmp(2)"},
	{rule: "C09", call: "process_madvise", least: Low, most: Low, needs: unix.CAP_SYS_PTRACE,
		gives: "changes how the memory of other processes is kept, and learns from the time that takes", source: "process_madvise(2)"},

	{rule: "C15", call: "ioctl", region: reach.Equal(1, asInt, unix.TIOCSTI), what: "type into its terminal (TIOCSTI)", subjects: "TIOCSTI",
		least: Medium, most: High,
		needs:  unix.CAP_SYS_ADMIN,
		gives:  "puts characters into the input of a terminal that it shares with a shell, which runs them outside of the sandbox",
		source: "TIOCSTI(2const); CVE-2017-5226, CVE-2019-10063",
		keep:   keepNoTyping},
	{rule: "C15", call: "ioctl", region: reach.Equal(1, asInt, 0x541C), what: "paste into a console (TIOCLINUX)", subjects: "TIOCLINUX",
		least: Medium, most: High,
		needs: unix.CAP_SYS_ADMIN, gives: "selects text on a virtual console and pastes it into the input of whoever reads there",
		source: "TIOCLINUX(2const); CVE-2023-28100",
		keep:   keepNoTyping},
}

// surface are the calls of C16 that an ordinary program does not need and that exploits of the kernel do.
var surface = []hazard{
	{call: "bpf", least: High, most: High, gives: "loads programs into the kernel, whose verifier has been wrong",
		source: "bpf(2); CVE-2021-3490, CVE-2023-2163"},
	{call: "perf_event_open", least: High, most: High, gives: "reaches a large and often vulnerable part of the kernel, and measures what others do",
		source: "perf_event_open(2); CVE-2013-2094, CVE-2023-5717"},
	{call: "userfaultfd", least: High, most: High,
		gives:  "stops the kernel in the middle of a copy for as long as it likes, which makes races in the kernel easy to win",
		source: "userfaultfd(2); CVE-2021-22555"},
	{call: "keyctl", least: Medium, most: Medium, gives: "reaches keyrings, which have no namespace of their own, and their reference counts",
		source: "keyctl(2); CVE-2016-0728"},
	{call: "add_key", least: Medium, most: Medium, gives: "puts keys into keyrings, which have no namespace of their own",
		source: "add_key(2); CVE-2016-0728"},
	{call: "request_key", least: Medium, most: Medium, gives: "makes the kernel run /sbin/request-key outside of the sandbox",
		source: "request_key(2)"},
	{call: "modify_ldt", least: Medium, most: Medium, gives: "changes segments, where returns to user space have gone wrong",
		source: "modify_ldt(2); CVE-2015-5157"},
	{call: "vmsplice", least: Low, most: Low, gives: "lends its own pages to pipes, which later writers took for theirs",
		source: "vmsplice(2); CVE-2020-29374"},
	{call: "move_pages", least: Low, most: Low, gives: "learns where other processes' pages are, and moves them",
		source: "move_pages(2); CVE-2017-14140"},
	{call: "lookup_dcookie", least: Low, most: Low, gives: "reaches code that nothing uses any more", source: "lookup_dcookie(2)"},
	{call: "uselib", least: Medium, most: Medium, gives: "reaches the loader of a binary format that nothing uses any more",
		source: "uselib(2); CVE-2004-1235"},
	{call: "personality", region: reach.HasAll(0, asInt, 0x0040000), what: "switch off the randomisation of its addresses",
		subjects: "personality ADDR_NO_RANDOMIZE",
		least:    Low, most: Low, gives: "makes the addresses of programs that it starts predictable", source: "personality(2)",
		keep: keepRandomised},
	{call: "process_mrelease", least: Low, most: Low, gives: "frees the memory of dying processes early, in parallel with their end",
		source: "process_mrelease(2)"},

	needs("open_by_handle_at", unix.CAP_DAC_READ_SEARCH,
		"opens files by number, past all directories, mounts and Landlock of the path: the whole file system of the host",
		"open_by_handle_at(2); the container escape known as shocker.c (2014)"),
	needs("init_module", unix.CAP_SYS_MODULE, "becomes the kernel", "init_module(2)"),
	needs("finit_module", unix.CAP_SYS_MODULE, "becomes the kernel", "init_module(2)"),
	needs("delete_module", unix.CAP_SYS_MODULE, "takes parts of the kernel away under their users", "delete_module(2)"),
	needs("kexec_load", unix.CAP_SYS_BOOT, "starts another kernel", "kexec_load(2)"),
	needs("kexec_file_load", unix.CAP_SYS_BOOT, "starts another kernel", "kexec_load(2)"),
	needs("reboot", unix.CAP_SYS_BOOT, "ends the host", "reboot(2)"),
	needs("mount", unix.CAP_SYS_ADMIN, "changes what is behind the paths of the policy", "mount(2); CVE-2022-0185"),
	needs("umount2", unix.CAP_SYS_ADMIN, "uncovers what a mount hides", "umount2(2)"),
	needs("pivot_root", unix.CAP_SYS_ADMIN, "takes another root directory", "pivot_root(2)"),
	needs("fsopen", unix.CAP_SYS_ADMIN, "makes file systems, whose parsers of options have been wrong", "fsopen(2); CVE-2022-0185"),
	needs("fsconfig", unix.CAP_SYS_ADMIN, "makes file systems, whose parsers of options have been wrong", "fsconfig(2); CVE-2022-0185"),
	needs("fsmount", unix.CAP_SYS_ADMIN, "changes what is behind the paths of the policy", "fsmount(2)"),
	needs("move_mount", unix.CAP_SYS_ADMIN, "changes what is behind the paths of the policy", "move_mount(2)"),
	needs("open_tree", unix.CAP_SYS_ADMIN, "copies mounts", "open_tree(2)"),
	needs("mount_setattr", unix.CAP_SYS_ADMIN, "makes mounts writable that the policy has read-only", "mount_setattr(2)"),
	needs("chroot", unix.CAP_SYS_CHROOT, "takes another root directory, and gets out of one", "chroot(2)"),
	needs("quotactl", unix.CAP_SYS_ADMIN, "changes quotas of the host's file systems", "quotactl(2)"),
	needs("quotactl_fd", unix.CAP_SYS_ADMIN, "changes quotas of the host's file systems", "quotactl(2)"),
	needs("swapon", unix.CAP_SYS_ADMIN, "has the memory of the host written to a file", "swapon(2)"),
	needs("swapoff", unix.CAP_SYS_ADMIN, "takes memory from the host", "swapon(2)"),
	needs("acct", unix.CAP_SYS_PACCT, "has the kernel write to a file whenever a process ends", "acct(2)"),
	needs("iopl", unix.CAP_SYS_RAWIO, "talks to devices past the kernel", "iopl(2)"),
	needs("ioperm", unix.CAP_SYS_RAWIO, "talks to devices past the kernel", "ioperm(2)"),
	needs("syslog", unix.CAP_SYSLOG, "reads the kernel's messages, with addresses in them", "syslog(2)"),
	needs("settimeofday", unix.CAP_SYS_TIME, "changes the host's time, on which certificates and logs rest", "settimeofday(2)"),
	needs("clock_settime", unix.CAP_SYS_TIME, "changes the host's time, on which certificates and logs rest", "clock_settime(2)"),
	needs("fanotify_init", unix.CAP_SYS_ADMIN, "watches the files of whole mounts", "fanotify_init(2)"),
}

// needs is a call that the kernel refuses without a capability. Then what is left is the code before the check.
func needs(call string, capability policy.Capability, gives, source string) hazard {
	return hazard{call: call, least: Low, most: High, needs: capability, needy: true, gives: gives, source: source}
}

// hazards reports the calls of the tables.
func (c *check) hazards() {
	for _, h := range hazards {
		c.hazard(h)
	}
	for _, h := range surface {
		h.rule = "C16"
		c.hazard(h)
	}
}

func (c *check) hazard(h hazard) {
	o, found := c.allowed(h.call, h.region)
	if !found {
		return
	}
	f := Finding{Rule: h.rule, Severity: h.least, Subject: h.call, Gives: h.gives, Source: h.source, Fix: c.fix(o, h.keep),
		Message: "may call " + h.call}
	if h.subjects != "" {
		f.Subject = h.subjects
	}
	if h.what != "" {
		f.Message = "may " + h.what
	}
	switch {
	case h.needs != 0 && c.has(h.needs):
		f.Severity = h.most
		f.Message += ", with " + h.needs.String()
	case h.needs != 0 && h.rule == "C09" && !c.own(unix.CLONE_NEWPID):
		f.Severity = h.most
		f.Message += ", and sees the host's processes"
	case h.needy && c.userNamespaces():
		f.Severity = max(f.Severity, Medium)
		f.Message += "; the capability that it needs can be had in a user namespace of its own (C14)"
	}
	c.add(o, f)
}
