package uses

import _ "unsafe"

/* want `go:linkname reaches for syscall.RawSyscall` */ //go:linkname rawSyscall syscall.RawSyscall
func rawSyscall(trap, a, b, c uintptr) (x, y, e uintptr)

/* want `go:linkname reaches for runtime.open` */ //go:linkname open runtime.open
func open(name *byte, mode, perm int32) int32

//go:linkname join path.Join
func join(parts ...string) string
