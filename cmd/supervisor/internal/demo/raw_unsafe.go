package demo

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Calls that package unix has no function for, or whose function does more than the call. The conversions to uintptr stand in the
// argument lists of the calls, where the compiler keeps what they point to alive: package unsafe, rule 4.

// rawExecve asks for another program. Its argument list is no address, so a kernel that would allow it opens the file, checks that
// it may be executed, and stops with EFAULT before anything of this process is lost: execve(2), fs/exec.c.
func rawExecve(path string) unix.Errno {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return unix.EINVAL
	}
	_, _, e := unix.Syscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(p)), none, 0)
	return e
}

// rawExecveat is rawExecve for a descriptor, with a sixth argument, which the kernel does not look at.
func rawExecveat(fd int, sixth uint64) unix.Errno {
	var empty byte
	_, _, e := unix.Syscall6(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(&empty)), none, 0, unix.AT_EMPTY_PATH, uintptr(sixth))
	return e
}

// rawBPFMapCreate makes a map of one element. On success it returns its descriptor.
func rawBPFMapCreate() (int, unix.Errno) {
	attr := struct{ mapType, keySize, valueSize, maxEntries, flags uint32 }{unix.BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0}
	fd, _, e := unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	return int(fd), e
}

// rawIOUringSetup makes a ring of one entry. On success it returns its descriptor.
func rawIOUringSetup() (int, unix.Errno) {
	var params [120]byte // struct io_uring_params
	fd, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	return int(fd), e
}

// rawReadOf asks for a word of another process's memory.
func rawReadOf(pid int) unix.Errno {
	var word uint64
	local := unix.Iovec{Base: (*byte)(unsafe.Pointer(&word)), Len: 8}
	remote := unix.RemoteIovec{Base: 0x1000, Len: 8}
	_, _, e := unix.Syscall6(unix.SYS_PROCESS_VM_READV, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	runtime.KeepAlive(&word)
	return e
}

// rawConnect asks for a connection from a socket that listens to 127.0.0.1:9. A listening socket answers EISCONN at once.
func rawConnect(fd int) unix.Errno {
	to := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: 9 << 8, Addr: [4]byte{127, 0, 0, 1}}
	_, _, e := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&to)), unix.SizeofSockaddrInet4)
	return e
}
