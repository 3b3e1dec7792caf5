package posix

// Rlimit is a soft and a hard limit; ^uint64(0) is unlimited. Source: getrlimit(2).
type Rlimit struct{ Soft, Hard uint64 }

// Utsname is what the kernel says of itself. Source: uname(2).
type Utsname struct {
	Sysname, Nodename, Release, Version, Machine string
}

// Limits reads and sets what a process may use, and tells what the host is.
type Limits interface {
	// Prlimit sets (new, unless nil) and reads (old, unless nil) a limit of a process; pid 0 is the caller.
	// Errors: EINVAL, EPERM (raising a hard limit), ESRCH. Source: prlimit(2).
	//posix:calls prlimit64
	//posix:retry retry nothing was set or read
	//posix:reads new
	//posix:fills old
	Prlimit(pid PID, resource int, new, old *Rlimit) error

	// Uname returns what the kernel says of itself. Source: uname(2).
	//posix:calls uname
	//posix:retry retry it only reads
	Uname() (Utsname, error)
}
