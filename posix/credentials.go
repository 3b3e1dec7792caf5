package posix

// CapSets are the capability sets of a thread, a bit a capability (bit n is capability n). Source: capget(2).
type CapSets struct {
	Effective, Permitted, Inheritable uint64
}

// Credentials tells who the calling process is.
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
	Getgroups(groups []GID) (int, error)

	// Capget fills sets with the capabilities of the calling thread. Source: capget(2).
	//posix:calls capget
	//posix:retry retry it only reads
	Capget(sets *CapSets) error
}
