package oci

import (
	"github.com/bulkhead/bulkhead/posix/bpf"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/seccomp"
)

// Words of the runtime specification's config-linux.md, section Seccomp.

// action returns what a filter answers for an action, and whether errnoRet belongs to it.
func action(word string) (answer uint32, carries, known bool) {
	switch word {
	case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD":
		return bpf.RetKillThread, false, true
	case "SCMP_ACT_KILL_PROCESS":
		return bpf.RetKillProcess, false, true
	case "SCMP_ACT_TRAP":
		return bpf.RetTrap, false, true
	case "SCMP_ACT_ERRNO":
		return bpf.RetErrno, true, true
	case "SCMP_ACT_TRACE":
		return bpf.RetTrace, true, true
	case "SCMP_ACT_LOG":
		return bpf.RetLog, false, true
	case "SCMP_ACT_ALLOW":
		return bpf.RetAllow, false, true
	case "SCMP_ACT_NOTIFY":
		return bpf.RetUserNotif, false, true
	}
	return 0, false, false
}

// actionWord is the reverse of action.
func actionWord(answer uint32) string {
	switch bpf.Action(answer) {
	case bpf.RetKillThread:
		return "SCMP_ACT_KILL_THREAD"
	case bpf.RetTrap:
		return "SCMP_ACT_TRAP"
	case bpf.RetErrno:
		return "SCMP_ACT_ERRNO"
	case bpf.RetTrace:
		return "SCMP_ACT_TRACE"
	case bpf.RetLog:
		return "SCMP_ACT_LOG"
	case bpf.RetAllow:
		return "SCMP_ACT_ALLOW"
	case bpf.RetUserNotif:
		return "SCMP_ACT_NOTIFY"
	}
	return "SCMP_ACT_KILL_PROCESS"
}

// policyAction returns the action of the policy language, false where it has none.
func policyAction(answer uint32) (policy.Action, bool) {
	switch bpf.Action(answer) {
	case bpf.RetKillProcess:
		return policy.Action{Kind: policy.ActionKillProcess}, true
	case bpf.RetKillThread:
		return policy.Action{Kind: policy.ActionKillThread}, true
	case bpf.RetTrap:
		return policy.Action{Kind: policy.ActionTrap}, true
	case bpf.RetErrno:
		return policy.Action{Kind: policy.ActionErrno, Errno: bpf.Value(answer)}, bpf.Value(answer) != 0
	case bpf.RetLog:
		return policy.Action{Kind: policy.ActionLog}, true
	case bpf.RetAllow:
		return policy.Action{Kind: policy.ActionAllow}, true
	}
	return policy.Action{}, false
}

const archPrefix = "SCMP_ARCH_"

// archOf returns the architecture of SCMP_ARCH_…; known is false for a word that is none, the architecture 0 for one without a table.
func archOf(word string) (arch seccomp.Arch, known bool) {
	switch word {
	case "SCMP_ARCH_X86_64":
		return seccomp.X8664, true
	case "SCMP_ARCH_X86":
		return seccomp.X86, true
	case "SCMP_ARCH_X32":
		return seccomp.X32, true
	case "SCMP_ARCH_AARCH64":
		return seccomp.AArch64, true
	case "SCMP_ARCH_ARM":
		return seccomp.ARM, true
	case "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32",
		"SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_PARISC",
		"SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB":
		return 0, true
	}
	return 0, false
}

// archWord is the reverse of archOf.
func archWord(a seccomp.Arch) string {
	return map[seccomp.Arch]string{seccomp.X8664: "SCMP_ARCH_X86_64", seccomp.X86: "SCMP_ARCH_X86", seccomp.X32: "SCMP_ARCH_X32",
		seccomp.AArch64: "SCMP_ARCH_AARCH64", seccomp.ARM: "SCMP_ARCH_ARM"}[a]
}

// dockerArch is the name that Docker's includes and excludes have for an architecture.
func dockerArch(a seccomp.Arch) string {
	return map[seccomp.Arch]string{seccomp.X8664: "amd64", seccomp.X86: "x86", seccomp.X32: "x32",
		seccomp.AArch64: "arm64", seccomp.ARM: "arm"}[a]
}

// narrow tells whether libseccomp compares only the low halves of an architecture's registers: its ARCH_SIZE_32.
func narrow(a seccomp.Arch) bool { return a == seccomp.X86 || a == seccomp.X32 || a == seccomp.ARM }

// relation returns the operator of SCMP_CMP_…; masked is SCMP_CMP_MASKED_EQ.
func relation(word string) (op policy.Relation, masked, known bool) {
	switch word {
	case "SCMP_CMP_NE":
		return policy.RelNe, false, true
	case "SCMP_CMP_LT":
		return policy.RelLt, false, true
	case "SCMP_CMP_LE":
		return policy.RelLe, false, true
	case "SCMP_CMP_EQ":
		return policy.RelEq, false, true
	case "SCMP_CMP_GE":
		return policy.RelGe, false, true
	case "SCMP_CMP_GT":
		return policy.RelGt, false, true
	case "SCMP_CMP_MASKED_EQ":
		return policy.RelEq, true, true
	}
	return 0, false, false
}

// relationWord is the reverse of relation, for a comparison of a whole register.
func relationWord(op policy.Relation) string {
	return [...]string{policy.RelEq: "SCMP_CMP_EQ", policy.RelNe: "SCMP_CMP_NE", policy.RelLt: "SCMP_CMP_LT", policy.RelLe: "SCMP_CMP_LE",
		policy.RelGt: "SCMP_CMP_GT", policy.RelGe: "SCMP_CMP_GE"}[op]
}

// DockerCapabilities returns what Docker gives a container that asks for nothing. Source: oci/caps/defaults.go of moby/moby.
func DockerCapabilities() []string {
	return []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
		"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"}
}

// multiplexed returns the call through which i386 also makes a call of sockets or System V IPC, and which of its services it is.
// libseccomp 2.5.4 opens it with each rule for the call, except for those that have no number of their own on i386. Source of the
// services: linux/net.h and linux/ipc.h.
func multiplexed(call string) (through string, service uint64) {
	switch call {
	case "socket":
		return "socketcall", 1
	case "bind":
		return "socketcall", 2
	case "connect":
		return "socketcall", 3
	case "listen":
		return "socketcall", 4
	case "getsockname":
		return "socketcall", 6
	case "getpeername":
		return "socketcall", 7
	case "socketpair":
		return "socketcall", 8
	case "sendto":
		return "socketcall", 11
	case "recvfrom":
		return "socketcall", 12
	case "shutdown":
		return "socketcall", 13
	case "setsockopt":
		return "socketcall", 14
	case "getsockopt":
		return "socketcall", 15
	case "sendmsg":
		return "socketcall", 16
	case "recvmsg":
		return "socketcall", 17
	case "accept4":
		return "socketcall", 18
	case "recvmmsg":
		return "socketcall", 19
	case "sendmmsg":
		return "socketcall", 20
	case "semget":
		return "ipc", 2
	case "semctl":
		return "ipc", 3
	case "msgsnd":
		return "ipc", 11
	case "msgrcv":
		return "ipc", 12
	case "msgget":
		return "ipc", 13
	case "msgctl":
		return "ipc", 14
	case "shmat":
		return "ipc", 21
	case "shmdt":
		return "ipc", 22
	case "shmget":
		return "ipc", 23
	case "shmctl":
		return "ipc", 24
	}
	return "", 0
}
