package posix

// PrctlArgs holds the arguments of [Hardening.Prctl]. Source: prctl(2).
type PrctlArgs struct {
	Op                     int
	Arg2, Arg3, Arg4, Arg5 uint64
}

// LandlockRulesetAttr says what a Landlock ruleset handles; what it handles and no rule allows is denied.
// Source: landlock_create_ruleset(2).
type LandlockRulesetAttr struct {
	HandledAccessFS  uint64
	HandledAccessNet uint64 // since ABI 4
	Scoped           uint64 // since ABI 6
}

// LandlockPathBeneath allows access to a file or to everything below a directory. Source: landlock_add_rule(2).
type LandlockPathBeneath struct {
	AllowedAccess uint64
	Parent        FD // O_PATH is enough
}

// LandlockNetPort allows access to a TCP port. Source: landlock_add_rule(2), since ABI 4.
type LandlockNetPort struct {
	AllowedAccess uint64
	Port          uint64
}

// SockFilter is an instruction of a seccomp program, in the layout of struct sock_filter. Source: seccomp(2).
type SockFilter struct {
	Code   uint16
	Jt, Jf uint8
	K      uint32
}

// Hardening restricts processes, and tells what the kernel can restrict.
type Hardening interface {
	// Prctl carries out an operation on the calling thread or process, as prctl(2) says of each.
	// Errors: EINVAL, EPERM, EACCES. Source: prctl(2).
	//posix:calls prctl
	//posix:retry never what may be repeated differs from option to option
	Prctl(args PrctlArgs) (int, error)

	// LandlockABI returns the version of Landlock's interface, 1 or more. Errors: ENOSYS (not built in), EOPNOTSUPP (switched
	// off at boot). Source: landlock_create_ruleset(2).
	//posix:calls landlock_create_ruleset
	//posix:retry retry it only reads
	LandlockABI() (int, error)

	// LandlockCreateRuleset makes a ruleset; the caller owns the descriptor. Errors: E2BIG, EINVAL (an access right that this
	// kernel does not know), EMFILE, ENOMSG (nothing handled). Source: landlock_create_ruleset(2).
	//posix:calls landlock_create_ruleset
	//posix:retry retry nothing was made
	//posix:reads attr
	LandlockCreateRuleset(attr *LandlockRulesetAttr) (FD, error)

	// LandlockAddPathRule adds a rule about files. Errors: EBADFD, EINVAL (access that is not handled, or only makes sense on
	// a directory), ENOMSG. Source: landlock_add_rule(2).
	//posix:calls landlock_add_rule
	//posix:retry retry the same rule added again is the same
	//posix:reads rule
	LandlockAddPathRule(ruleset FD, rule *LandlockPathBeneath) error

	// LandlockAddNetRule adds a rule about a TCP port. Errors: EINVAL, EAFNOSUPPORT. Source: landlock_add_rule(2).
	//posix:calls landlock_add_rule
	//posix:retry retry the same rule added again is the same
	//posix:reads rule
	LandlockAddNetRule(ruleset FD, rule *LandlockNetPort) error

	// SeccompActionAvail tells whether the kernel knows a filter's return action (SECCOMP_RET_…): nil, or EOPNOTSUPP.
	// Source: seccomp(2), SECCOMP_GET_ACTION_AVAIL.
	//posix:calls seccomp
	//posix:retry retry it only reads
	SeccompActionAvail(action uint32) error

	// Getrandom fills p with random bytes. It blocks only before the kernel's generator is ready, early at boot; a
	// signal may cut a request above 256 bytes short. Errors: EINTR. Source: getrandom(2).
	//posix:calls getrandom
	//posix:retry retry EINTR is answered only before the first byte; after it, the number of bytes is
	//posix:fills p
	Getrandom(p []byte, flags int) (int, error)

	// LandlockRestrictSelf restricts the calling thread, and what it creates from now on, by a ruleset. It needs no_new_privs or
	// CAP_SYS_ADMIN, and there is no way back. The calling goroutine must be locked to its thread and never unlocked. flags: 0 before ABI 7.
	// Errors: E2BIG (16 rulesets), EBADF, EBADFD, EINVAL, EPERM. Source: landlock_restrict_self(2).
	//posix:calls landlock_restrict_self
	//posix:retry never it would be another of the sixteen layers
	LandlockRestrictSelf(ruleset FD, flags uint32) error

	// SeccompSetModeFilter adds a filter to the calling thread and what it creates from now on. It needs no_new_privs or CAP_SYS_ADMIN, and
	// there is no way back. The calling goroutine must be locked to its thread and never unlocked. The filter is copied. flags: SECCOMP_FILTER_FLAG_LOG,
	// SECCOMP_FILTER_FLAG_SPEC_ALLOW; with SECCOMP_FILTER_FLAG_NEW_LISTENER the result is a descriptor that the caller owns, else 0.
	// Errors: EACCES, EBUSY, EINVAL (not a valid program, or over 4096 instructions), ENOMEM. Source: seccomp(2).
	//posix:calls seccomp
	//posix:retry never it would be the same filter twice
	//posix:reads filter
	SeccompSetModeFilter(flags uint32, filter []SockFilter) (int, error)

	// SeccompGetFilter copies a filter of the main thread of another process: of the one with the index 0 what was loaded first. It returns how
	// many instructions the filter has, and copies none when filter has not room for all. The process is traced and stopped for
	// the moment, by a thread of its own, and goes on afterwards whatever happens; it is traced by nobody else meanwhile. One that sleeps and takes
	// no signal is given up after two seconds (ETIMEDOUT). The caller needs CAP_SYS_ADMIN in the initial user namespace, and none of its threads has a filter.
	//
	// Errors: EACCES (the capability, or the caller has a filter), EINVAL (the process has no filter, or the kernel is built without
	// CONFIG_CHECKPOINT_RESTORE), EMEDIUMTYPE (a filter that is no classic program), ENOENT (no filter of that index), EPERM (the process is
	// the caller or the kernel's, may not be traced, or is traced already), ESRCH, ETIMEDOUT. Source: ptrace(2), PTRACE_SECCOMP_GET_FILTER; whose
	// order of filters is the other way around: kernel/seccomp.c, get_nth_filter().
	//posix:calls ptrace wait4
	//posix:retry never it has a process stopped, and sees to its end by itself
	//posix:fills filter
	SeccompGetFilter(pid PID, index int, filter []SockFilter) (int, error)
}
