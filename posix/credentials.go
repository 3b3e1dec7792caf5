package posix

// CapSets are the capability sets of a thread, a bit a capability (bit n is capability n). Source: capget(2).
type CapSets struct {
	Effective, Permitted, Inheritable uint64
}

// Uids are the users of a process: real, effective, saved. ^UID(0) leaves one as it is when they are set. Source: credentials(7).
type Uids struct{ Real, Effective, Saved UID }

// Gids are the groups of a process: real, effective, saved. ^GID(0) leaves one as it is when they are set. Source: credentials(7).
type Gids struct{ Real, Effective, Saved GID }

// Credentials tells and changes who the calling process is.
type Credentials interface {
	// Getuid returns the real user. It cannot fail. Source: getuid(2).
	//posix:calls getuid
	//posix:retry never it cannot fail
	Getuid() UID

	// Geteuid returns the effective user. It cannot fail. Source: geteuid(2).
	//posix:calls geteuid
	//posix:retry never it cannot fail
	Geteuid() UID

	// Getgid returns the real group. It cannot fail. Source: getgid(2).
	//posix:calls getgid
	//posix:retry never it cannot fail
	Getgid() GID

	// Getegid returns the effective group. It cannot fail. Source: getegid(2).
	//posix:calls getegid
	//posix:retry never it cannot fail
	Getegid() GID

	// Getgroups fills groups with the supplementary groups and returns how many; with an empty slice it
	// only counts them. Errors: EINVAL (groups is too small). Source: getgroups(2).
	//posix:calls getgroups
	//posix:retry retry it only reads
	//posix:fills groups
	Getgroups(groups []GID) (int, error)

	// Capget fills sets with the capabilities of the calling thread. Source: capget(2).
	//posix:calls capget
	//posix:retry retry it only reads
	//posix:fills sets
	Capget(sets *CapSets) error

	// Getresuid fills uids. Source: getresuid(2).
	//posix:calls getresuid
	//posix:retry retry it only reads
	//posix:fills uids
	Getresuid(uids *Uids) error

	// Getresgid fills gids. Source: getresgid(2).
	//posix:calls getresgid
	//posix:retry retry it only reads
	//posix:fills gids
	Getresgid(gids *Gids) error

	// Setresuid sets the users of all threads of the process. Leaving user 0 with all three drops the capabilities. Afterwards ask with Getresuid; never
	// go on after an error. Errors: EAGAIN (RLIMIT_NPROC of the new user), EINVAL (not mapped), EPERM. Source: setresuid(2).
	//posix:calls setresuid
	//posix:retry never who the process is must be asked afterwards, not assumed
	Setresuid(uids Uids) error

	// Setresgid sets the groups of all threads of the process. Errors: EINVAL (not mapped), EPERM. Source: setresgid(2).
	//posix:calls setresgid
	//posix:retry never who the process is must be asked afterwards, not assumed
	Setresgid(gids Gids) error

	// Setgroups sets the supplementary groups of all threads of the process. Errors: EINVAL (more than 65536, or not mapped), EPERM.
	// Source: setgroups(2).
	//posix:calls setgroups
	//posix:retry never who the process is must be asked afterwards, not assumed
	//posix:reads groups
	Setgroups(groups []GID) error

	// Capset sets the capabilities of the calling thread; the calling goroutine must be locked to it. Permitted can only lose, Effective is a part
	// of Permitted. Errors: EPERM. Source: capset(2).
	//posix:calls capset
	//posix:retry never what the thread may do must be asked afterwards, not assumed
	//posix:reads sets
	Capset(sets *CapSets) error
}
