package posix

// Memory makes memory that has a descriptor, and says how the process's own is used.
type Memory interface {
	// MemfdCreate makes a file in memory; the caller owns the descriptor. flags: MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_EXEC.
	// Errors: EINVAL (an unknown flag, a long name), EMFILE, ENFILE, ENOMEM. Source: memfd_create(2).
	//posix:calls memfd_create
	//posix:retry retry nothing was made
	MemfdCreate(name string, flags int) (FD, error)

	// Madvise tells the kernel how length bytes of the process's memory are going to be used. addr is the first byte of a page; length is rounded
	// up to whole pages, and 0 does nothing. MADV_DONTNEED takes the pages away from the process: those of a file that were not written to are
	// read again when they are needed, and the contents of all others are lost. So nobody gives it a range with memory in it that is not
	// theirs alone, and least of all Go's. It does not block, except for a page that is being read, and concerns the process.
	// Errors: EINVAL (addr is within a page, an unknown advice, locked pages), ENOMEM (nothing is mapped in a part of the range; the rest was
	// done), EAGAIN. Source: madvise(2).
	//posix:calls madvise
	//posix:retry retry the same advice given again is the same
	Madvise(addr, length uintptr, advice int) error
}
