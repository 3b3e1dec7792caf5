// Package footprint gives memory back in processes that are idle nearly always.
//
// Starting up, a Go program of this size touches nearly all of its file: the
// runtime verifies its tables, packages register their types, and the kernel
// maps at least sixteen pages for each that is asked for. None of it is needed any more
// when the process has come to rest, but all of it is counted as its resident
// memory, once for each of our processes. [Shrink] has the kernel take it away
// again; what is needed after all is there again within a microsecond.
//
// # Limits
//
// Those pages are the page cache's, which the processes share. What becomes
// free at once is the garbage of the heap; the pages of the program become
// what the kernel can take when it is short of memory, without asking. Each
// process has some seventy mappings more afterwards.
//
// A debugger's breakpoints and uprobes are changes to pages of the program, and
// are lost with them.
//
//posixvet:leak runtime/debug.FreeOSMemory: the heap is the runtime's, and only the runtime knows what of it is free
//posixvet:leak github.com/bulkhead/bulkhead/posix/linux: where the program lies in memory is known to the implementation, and has no interface
package footprint
