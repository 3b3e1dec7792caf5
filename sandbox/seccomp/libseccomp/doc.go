// Package libseccomp compiles seccomp filters with the C library of that name.
//
// It stands apart so that its parent, which describes and proves filters, needs
// no C. Whatever the library returns is proved to answer every call there can
// be as the policy says before anybody gets it, so a mistake of the library
// is an error and never a hole.
//
// # System calls
//
// A process that compiles may be confined before it does. [Compile] makes
// memfd_create, fstat, pread64 and close through the interfaces it is given,
// and fcntl(F_GETFL) and write through Go's os package and the library.
// Memory for the library takes brk, mmap, munmap and mprotect.
//
// The library probes the kernel when a program that contains it starts, whether
// or not it is used: with seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL) and
// (SECCOMP_GET_ACTION_AVAIL), and seccomp(SECCOMP_SET_MODE_FILTER) without a
// program. A filter of the process must answer seccomp with an error
// number or let it through; an answer that kills would kill at the start.
// What the probes find is overruled (see [Compile]), so the same policy
// gives the same bytes in a confined process as outside, and on every kernel.
//
// # Limits
//
// Version 2.5 of the library does not know the newest system calls by name.
// They are given to it by number, from the table of package seccomp.
//
// On other architectures than the native one it takes calls by name only, writes
// socket calls of x86 as socketcall as well, and compares 32 bits of x32's arguments. Such calls are not given to it: filters for
// these architectures are compared with the library's for all other calls ([Choose] says how many were left out).
//
// Conditions are given to the library as cases that do not overlap, each a comparison under a
// mask for each argument. Version 2.5 merges some rules that do overlap wrongly. Its programs
// are larger for it, and a call with a condition of more than 256 cases is left out.
//
// The library has state of its own that is not safe for concurrent use: calls of
// Compile wait for each other.
//
//posixvet:leak github.com/seccomp/libseccomp-golang.*: C code that asks the kernel what it knows, and writes the filter into a memfd
//posixvet:leak os.NewFile, os.File.Close: the library wants the memfd as an os.File
package libseccomp
