package posix

// Mapping holds the arguments of [Memory.Mmap].
type Mapping struct {
	Length int   // bytes, more than 0
	Prot   int   // PROT_…
	Flags  int   // MAP_SHARED or MAP_PRIVATE, with MAP_ANONYMOUS, MAP_POPULATE …
	FD     FD    // -1 with MAP_ANONYMOUS; it may be closed afterwards
	Offset int64 // of the file: a multiple of the page size
}

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

	// Mmap maps a file or new memory at an address that the kernel chooses. The caller owns the memory until it gives all of it to Munmap;
	// the garbage collector does not know it. MAP_FIXED is EINVAL. Reading or writing what Prot does not allow, or a file's bytes beyond its
	// end, is a signal that ends a Go program. Errors: EACCES, EAGAIN (too much is locked), EBADF, EINVAL, ENFILE, ENODEV, ENOMEM, EOVERFLOW, EPERM (sealed). Source: mmap(2).
	//posix:calls mmap
	//posix:retry retry nothing was mapped
	Mmap(m Mapping) ([]byte, error)

	// Munmap gives back what Mmap returned: b is the same slice, from its first byte to its capacity. Nobody may use it any more.
	// Errors: EINVAL (nothing, or not where a mapping begins). Source: munmap(2).
	//posix:calls munmap
	//posix:retry never the range may be another mapping by now
	//posix:maps b
	Munmap(b []byte) error

	// Mprotect changes what may be done with mapped memory; b begins at a page. Errors: EACCES (a file that was not opened for it), EINVAL, ENOMEM.
	// Source: mprotect(2).
	//posix:calls mprotect
	//posix:retry retry the same protection set again is the same
	//posix:maps b
	Mprotect(b []byte, prot int) error
}
