package call

import (
	"strconv"
	"strings"
	"sync"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// meaning is what the values of a parameter are called.
type meaning struct {
	mask  string // a constant: the part of the value that is one of choices; "" for all
	of    []string
	flags []string // the other bits; those of several bits come before their parts
	mode  bool     // a file's permission bits, in octal
}

// text prints a value, or returns "" when no name is known for it.
func (m *meaning) text(value uint64, p policy.Param, arch Arch) string {
	if m.mode {
		return "0" + strconv.FormatUint(value, 8)
	}
	constant := func(name string) (uint64, bool) {
		c, known := arch.Constant(name)
		if p.Width == 32 {
			c = uint64(uint32(c))
		}
		return c, known
	}
	mask := ^uint64(0)
	if c, known := constant(m.mask); known {
		mask = c
	} else if len(m.flags) > 0 {
		mask = 0
	}
	var parts []string
	for _, name := range m.of {
		if c, known := constant(name); known && c == value&mask {
			parts, value = append(parts, name), value&^mask
			break
		}
	}
	for _, name := range m.flags {
		if c, known := constant(name); known && c != 0 && value&c == c {
			parts, value = append(parts, name), value&^c
		}
	}
	if len(parts) == 0 {
		return ""
	}
	if value != 0 {
		parts = append(parts, "0x"+strconv.FormatUint(value, 16))
	}
	return strings.Join(parts, "|")
}

func list(names string) []string { return strings.Fields(names) }

func prefixed(prefix, names string) []string {
	out := strings.Fields(names)
	for i := range out {
		out[i] = prefix + out[i]
	}
	return out
}

const families = "UNIX INET AX25 IPX APPLETALK NETROM BRIDGE X25 INET6 ROSE NETBEUI SECURITY KEY NETLINK PACKET ASH ECONET ATMSVC RDS SNA " +
	"IRDA PPPOX WANPIPE " +
	"LLC IB MPLS CAN TIPC BLUETOOTH IUCV RXRPC ISDN PHONET IEEE802154 CAIF ALG NFC VSOCK KCM QIPCRTR SMC XDP UNSPEC"

// meanings are the arguments of calls, by their place. They are made when they are first asked for: no other command of the program waits for that.
// Nothing writes to them. Sources: the calls' pages in section 2 of the manual.
var meanings = sync.OnceValue(func() map[string][]*meaning {
	var (
		openFlags = prefixed("O_",
			"CREAT EXCL NOCTTY TRUNC APPEND NONBLOCK SYNC DSYNC DIRECT LARGEFILE TMPFILE DIRECTORY NOFOLLOW NOATIME CLOEXEC PATH ASYNC")
		clones = prefixed("CLONE_", "VM FS FILES SIGHAND PIDFD PTRACE VFORK PARENT THREAD NEWNS SYSVSEM SETTLS PARENT_SETTID CHILD_CLEARTID UNTRACED "+
			"CHILD_SETTID NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET IO")
		signals = prefixed("SIG",
			"HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM "+
				"PROF WINCH IO PWR SYS")
	)
	var (
		dirfd    = &meaning{of: list("AT_FDCWD")}
		mode     = &meaning{mode: true}
		atFlags  = &meaning{flags: list("AT_SYMLINK_NOFOLLOW AT_REMOVEDIR AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH AT_RECURSIVE")}
		openHow  = &meaning{mask: "O_ACCMODE", of: list("O_RDONLY O_WRONLY O_RDWR"), flags: openFlags}
		fdFlags  = &meaning{flags: openFlags}
		family   = &meaning{of: prefixed("AF_", families)}
		sockType = &meaning{mask: "SOCK_TYPE_MASK", of: prefixed("SOCK_", "STREAM DGRAM RAW RDM SEQPACKET DCCP PACKET"),
			flags: prefixed("SOCK_", "NONBLOCK CLOEXEC")}
		acceptFl = &meaning{flags: prefixed("SOCK_", "NONBLOCK CLOEXEC")}
		msgFlags = &meaning{flags: prefixed("MSG_",
			"OOB PEEK DONTROUTE CTRUNC TRUNC DONTWAIT EOR WAITALL NOSIGNAL MORE ERRQUEUE CMSG_CLOEXEC ZEROCOPY FASTOPEN")}
		prot     = &meaning{flags: prefixed("PROT_", "READ WRITE EXEC SEM GROWSDOWN GROWSUP")}
		mapFlags = &meaning{mask: "MAP_TYPE", of: prefixed("MAP_", "SHARED PRIVATE SHARED_VALIDATE"), flags: prefixed("MAP_",
			"FIXED ANONYMOUS 32BIT GROWSDOWN DENYWRITE EXECUTABLE LOCKED NORESERVE POPULATE NONBLOCK STACK HUGETLB SYNC FIXED_NOREPLACE")}
		cloneFlags = &meaning{flags: clones}
		cloneCall  = &meaning{mask: "CSIGNAL", of: signals, flags: clones}
		signal     = &meaning{of: signals}
		prctls     = &meaning{of: prefixed("PR_",
			"SET_PDEATHSIG GET_PDEATHSIG GET_DUMPABLE SET_DUMPABLE SET_KEEPCAPS SET_NAME GET_NAME GET_SECCOMP SET_SECCOMP "+
				"CAPBSET_READ CAPBSET_DROP SET_SECUREBITS GET_SECUREBITS SET_NO_NEW_PRIVS GET_NO_NEW_PRIVS CAP_AMBIENT SET_MM SET_CHILD_SUBREAPER "+
				"SET_PTRACER SET_VMA SET_MDWE")}
		ptraces = &meaning{of: prefixed("PTRACE_",
			"TRACEME PEEKTEXT PEEKDATA PEEKUSR POKETEXT POKEDATA POKEUSR CONT KILL ATTACH DETACH SEIZE SYSCALL SETOPTIONS GETREGSET SETREGSET")}
		fcntls = &meaning{of: prefixed("F_",
			"DUPFD GETFD SETFD GETFL SETFL GETLK SETLK SETLKW SETOWN GETOWN DUPFD_CLOEXEC ADD_SEALS GET_SEALS SETPIPE_SZ GETPIPE_SZ")}
		ioctls = &meaning{of: list("TCGETS TCSETS TIOCSTI TIOCLINUX TIOCGWINSZ TIOCSWINSZ TIOCSCTTY TIOCGPGRP TIOCSPGRP FIONREAD FIONBIO FIOCLEX " +
			"FIONCLEX FIOASYNC SIOCGIFCONF SIOCGIFADDR")}
		bpfs = &meaning{of: prefixed("BPF_",
			"MAP_CREATE MAP_LOOKUP_ELEM MAP_UPDATE_ELEM MAP_DELETE_ELEM MAP_GET_NEXT_KEY PROG_LOAD OBJ_PIN OBJ_GET PROG_ATTACH BTF_LOAD")}
		whence = &meaning{of: prefixed("SEEK_", "SET CUR END DATA HOLE")}
		epolls = &meaning{of: prefixed("EPOLL_CTL_", "ADD DEL MOD")}
		mounts = &meaning{flags: prefixed("MS_",
			"RDONLY NOSUID NODEV NOEXEC SYNCHRONOUS REMOUNT MANDLOCK DIRSYNC NOSYMFOLLOW NOATIME NODIRATIME BIND MOVE REC SILENT UNBINDABLE PRIVATE "+
				"SLAVE SHARED RELATIME")}
		umounts  = &meaning{flags: list("MNT_FORCE MNT_DETACH MNT_EXPIRE UMOUNT_NOFOLLOW")}
		limits   = &meaning{of: prefixed("RLIMIT_", "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME")}
		memfds   = &meaning{flags: prefixed("MFD_", "CLOEXEC ALLOW_SEALING HUGETLB NOEXEC_SEAL EXEC")}
		levels   = &meaning{of: list("SOL_SOCKET")}
		masks    = &meaning{of: prefixed("SIG_", "BLOCK UNBLOCK SETMASK")}
		seccomps = &meaning{of: prefixed("SECCOMP_", "SET_MODE_STRICT SET_MODE_FILTER GET_ACTION_AVAIL GET_NOTIF_SIZES")}
		advice   = &meaning{of: prefixed("MADV_",
			"NORMAL RANDOM SEQUENTIAL WILLNEED DONTNEED FREE REMOVE DONTFORK DOFORK HUGEPAGE NOHUGEPAGE MERGEABLE COLD PAGEOUT")}
	)
	return map[string][]*meaning{
		"accept4":           {3: acceptFl},
		"bpf":               {bpfs},
		"chmod":             {1: mode},
		"clone":             {cloneCall},
		"creat":             {1: mode},
		"dup3":              {2: fdFlags},
		"epoll_ctl":         {1: epolls},
		"eventfd2":          {1: fdFlags},
		"execveat":          {0: dirfd, 4: atFlags},
		"faccessat":         {0: dirfd},
		"faccessat2":        {0: dirfd, 3: atFlags},
		"fchmod":            {1: mode},
		"fchmodat":          {0: dirfd, 2: mode},
		"fchmodat2":         {0: dirfd, 2: mode, 3: atFlags},
		"fchownat":          {0: dirfd, 4: atFlags},
		"fcntl":             {1: fcntls},
		"ioctl":             {1: ioctls},
		"kill":              {1: signal},
		"linkat":            {0: dirfd, 2: dirfd, 4: atFlags},
		"lseek":             {2: whence},
		"madvise":           {2: advice},
		"memfd_create":      {1: memfds},
		"mkdir":             {1: mode},
		"mkdirat":           {0: dirfd, 2: mode},
		"mknod":             {1: mode},
		"mknodat":           {0: dirfd, 2: mode},
		"mmap":              {2: prot, 3: mapFlags},
		"mount":             {3: mounts},
		"mprotect":          {2: prot},
		"newfstatat":        {0: dirfd, 3: atFlags},
		"open":              {1: openHow, 2: mode},
		"openat":            {0: dirfd, 2: openHow, 3: mode},
		"openat2":           {0: dirfd},
		"open_tree":         {0: dirfd},
		"pidfd_send_signal": {1: signal},
		"pipe2":             {1: fdFlags},
		"pkey_mprotect":     {2: prot},
		"prctl":             {prctls},
		"prlimit64":         {1: limits},
		"ptrace":            {ptraces},
		"readlinkat":        {0: dirfd},
		"recvfrom":          {3: msgFlags},
		"recvmmsg":          {3: msgFlags},
		"recvmsg":           {2: msgFlags},
		"renameat":          {0: dirfd, 2: dirfd},
		"renameat2":         {0: dirfd, 2: dirfd},
		"rt_sigaction":      {signal},
		"rt_sigprocmask":    {masks},
		"seccomp":           {seccomps},
		"sendmmsg":          {3: msgFlags},
		"sendmsg":           {2: msgFlags},
		"sendto":            {3: msgFlags},
		"setns":             {1: cloneFlags},
		"setrlimit":         {limits},
		"getrlimit":         {limits},
		"getsockopt":        {1: levels},
		"setsockopt":        {1: levels},
		"socket":            {family, sockType},
		"socketpair":        {family, sockType},
		"statx":             {0: dirfd, 2: atFlags},
		"symlinkat":         {1: dirfd},
		"tgkill":            {2: signal},
		"tkill":             {1: signal},
		"umount2":           {1: umounts},
		"unlinkat":          {0: dirfd, 2: atFlags},
		"unshare":           {cloneFlags},
		"utimensat":         {0: dirfd, 3: atFlags},
	}
})
