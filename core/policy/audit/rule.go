package audit

// Kind tells what a rule depends on.
type Kind uint8

const (
	KindPermission  Kind = iota // what a module may do: more permissions never take a finding away
	KindConsistency             // two parts of a policy that do not fit together
	KindText                    // how the policy is written
)

// String returns "permission", "consistency" or "text".
func (k Kind) String() string {
	return [...]string{"permission", "consistency", "text"}[min(k, KindText)]
}

// Rule is a kind of weakness. IDs keep their meaning; one that is given up is not used again.
type Rule struct {
	ID       string
	Title    string
	Severity Severity // the highest that its findings have
	Kind     Kind
	Gives    string // what a finding gives an attacker, unless the finding says it more exactly
	Source   string
	Fix      string
}

var rules = []Rule{
	{"C01", "another architecture or x32 is open", High, KindPermission,
		"other tables of system calls have other numbers, other arguments and calls that were never meant to be open; conditions on arguments " +
			"are easily wrong for them, and the kernel's compat code is little used", "seccomp(2), NOTES; CVE-2014-0038 (x32)", "architectures: [native]"},
	{"C02", "an int is compared in 64 bits", High, KindConsistency,
		"the kernel casts the register to the 32-bit type and ignores the upper half, which the filter compares: the same call gets another answer",
		"CVE-2019-10063", "compare the parameter by its name, without raw64()"},
	{"C03", "the value of a pointer is compared", Medium, KindConsistency,
		"a filter sees the pointer and not what it points to; the memory can be changed, and any address can be chosen", "seccomp(2), NOTES",
		"compare a pointer only with NULL, or put the path under filesystem"},
	{"C04", "a rule without effect", Low, KindText,
		"nothing; but its author believed that it does something", "", "remove it, or write what it was meant to do"},
	{"C05", "a call is closed and its equivalent is open", High, KindConsistency,
		"does the same by another name", "", "treat the calls as one: allow all of them, or none"},
	{"C06", "io_uring does the work of other calls", High, KindPermission,
		"opens, reads, connects and sends by way of a ring in memory, where no seccomp filter looks", "io_uring(7)",
		"deny io_uring_setup, io_uring_enter and io_uring_register"},
	{"C07", "libc would fall back, and is not told to", Medium, KindConsistency,
		"nothing; programs fail where the C library looks for ENOSYS only", "", "deny it with another answer: {call: …, action: errno ENOSYS}"},
	{"C08", "sockets beyond what the network mode needs", High, KindPermission,
		"reaches code of the kernel that is loaded for whoever asks, and what is beyond the network namespace", "socket(2)",
		`{call: socket, when: "family in [AF_INET, AF_INET6, AF_UNIX]"}`},
	{"C09", "other processes can be read or steered", High, KindPermission,
		"reads and writes the memory of other processes of its user, and takes their descriptors", "ptrace(2)", "deny it"},
	{"C10", "programs can be executed from memory", High, KindPermission,
		"runs a program that was never a file: no file system, no Landlock rule and no scanner of files sees it",
		"memfd_create(2), execveat(2)", "deny execveat and memfd_create, or require MFD_NOEXEC_SEAL"},
	{"C11", "memory can be writable and executable", Medium, KindPermission,
		"writes code into memory and runs it, which makes every overflow easier to use", "mmap(2), mprotect(2)",
		`{call: mmap, when: "!(prot & PROT_WRITE && prot & PROT_EXEC)"}`},
	{"C12", "a capability is kept, and the calls that it serves are closed", Low, KindConsistency,
		"nothing now; the capability is there for the next call that is opened", "capabilities(7)", "remove the capability"},
	{"C13", "calls are open that need a capability which the module lacks", Info, KindConsistency,
		"reaches the code in front of the kernel's check, and the call itself where a capability can be had", "capabilities(7)", "deny them"},
	{"C14", "user namespaces can be made or entered", High, KindPermission,
		"has every capability in a namespace of its own, and with them reaches file systems, netfilter and other code that was written for root",
		"user_namespaces(7); CVE-2022-0185, CVE-2024-1086",
		`{call: clone, when: "!(clone_flags & CLONE_NEWUSER)"}, and clone3 with action: errno ENOSYS`},
	{"C15", "input can be put into a terminal", High, KindPermission,
		"has commands run by the shell that it shares a terminal with", "TIOCSTI(2const)",
		`{call: ioctl, when: "cmd != TIOCSTI && cmd != TIOCLINUX"}`},
	{"C16", "calls that exploits need and programs do not", High, KindPermission,
		"reaches parts of the kernel with a history of local privilege escalations", "the page of each call", "deny it"},
	{"C17", "files that should not be writable, executable or visible", High, KindPermission,
		"writes what others trust, executes what it wrote, or asks a service that is root", "hier(7); landlock(7)",
		"list what the program needs, with the access that it needs"},
	{"C18", "no limit on memory or processes", Medium, KindPermission,
		"uses up the host's memory or process table", "cgroups(7)", "resources: {memory.max: 256M, pids.max: 64}"},
	{"C19", "root's user, a group as good as root, or a user that is shared", High, KindPermission,
		"owns the files of root, does what its group may do, or reaches the processes and files of the other module", "credentials(7)",
		"give every module a user of its own, or user: {dynamic: true}"},
	{"C20", "the host's network", Medium, KindPermission,
		"connects to what listens on the host's loopback and to abstract unix sockets, where services take every local caller for a friend",
		"network_namespaces(7); CVE-2020-15257", "network: {mode: none}, and inherited listeners"},
	{"C21", "namespaces shared with the host", High, KindPermission,
		"sees, and partly changes, what is the host's", "namespaces(7)", "namespaces: [mount, pid, ipc, uts, cgroup, network]"},
	{"C22", "calls are open unless they are closed", High, KindPermission,
		"has every call that the table does not know: what the next kernel brings is open from its first day", "seccomp(2), NOTES",
		"default: errno ENOSYS"},
	{"C23", "a capability that is as good as root", High, KindPermission,
		"does what root does, or takes a step towards it", "capabilities(7)", "remove it from capabilities"},
	{"C30", "an acceptance that no finding needs", Low, KindText, "nothing; but the next finding of the rule would be accepted unseen", "",
		"remove it"},
	{"C31", "an acceptance that has expired", Medium, KindText,
		"what the findings of the rule say", "", "fix what was accepted, or accept it again with a later date"},
}

// Rules returns the rules by ID. The slice is new.
func Rules() []Rule { return append([]Rule(nil), rules...) }

// RuleByID returns a rule.
func RuleByID(id string) (Rule, bool) {
	for _, r := range rules {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}
