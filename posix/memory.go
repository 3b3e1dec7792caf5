package posix

// Memory makes memory that has a descriptor.
type Memory interface {
	// MemfdCreate makes a file in memory; the caller owns the descriptor. flags: MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_EXEC.
	// Errors: EINVAL (an unknown flag, a long name), EMFILE, ENFILE, ENOMEM. Source: memfd_create(2).
	//posix:calls memfd_create
	//posix:retry retry
	MemfdCreate(name string, flags int) (FD, error)
}
