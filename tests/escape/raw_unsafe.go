package main

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// arena is memory outside of the Go heap, shared with children: what is in it does not move and is not freed, so its addresses
// may be kept as numbers.
type arena struct {
	mem  []byte
	used int
}

func newArena(size int) (*arena, error) {
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	return &arena{mem: mem}, err
}

// take reserves zeroed bytes, aligned to 16.
func (a *arena) take(n int) []byte {
	b := a.mem[a.used : a.used+n]
	a.used += (n + 15) &^ 15
	return b
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// text is a string as the kernel reads it.
func (a *arena) text(s string) uintptr {
	b := a.take(len(s) + 1)
	copy(b, s)
	return address(b)
}

func (a *arena) bytes(b []byte) uintptr {
	to := a.take(len(b))
	copy(to, b)
	return address(to)
}

// words are 64-bit values one after the other.
func (a *arena) words(values ...uintptr) uintptr {
	b := a.take(8 * len(values))
	for i, v := range values {
		binary.NativeEndian.PutUint64(b[8*i:], uint64(v))
	}
	return address(b)
}

// call is a system call of a child; an argument made by result is what an earlier one returned.
type call struct {
	number uintptr
	args   [6]uintptr
}

func sys(number uintptr, args ...uintptr) call {
	c := call{number: number}
	copy(c.args[:], args)
	return c
}

// resultBit marks arguments that are results. No address of a process and no flag has it.
const resultBit = uintptr(1) << 62

func result(i int) uintptr { return resultBit | uintptr(i) }

// script is what a child does: calls in their order, until one fails.
type script struct {
	*arena
	calls []call
	found *[64]uintptr // results; what failed is in the last two
}

func newScript() (*script, error) {
	a, err := newArena(1 << 20)
	if err != nil {
		return nil, err
	}
	return &script{arena: a, found: (*[64]uintptr)(unsafe.Pointer(unsafe.SliceData(a.take(64 * 8))))}, nil
}

func (s *script) add(number uintptr, args ...uintptr) int {
	s.calls = append(s.calls, sys(number, args...))
	return len(s.calls) - 1
}

var errChild = errors.New("the child ended early")

// run makes a child by clone(2) with flags and waits for it. It returns the index of the call that failed, and its errno; -1 is the clone.
func (s *script) run(flags uintptr) (int, error) {
	const failed, errnoAt = 62, 63
	s.found[failed], s.found[errnoAt] = uintptr(len(s.calls)), 0
	pid, errno := rawScript(flags, &s.calls[0], len(s.calls), s.found)
	if errno != 0 {
		return -1, errno
	}
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &ws, unix.WALL, nil); err != unix.EINTR {
			if err != nil {
				return -1, err
			}
			break
		}
	}
	switch at := int(s.found[failed]); {
	case ws.Signaled():
		return at, killedBy(ws.Signal())
	case s.found[errnoAt] != 0:
		return at, unix.Errno(s.found[errnoAt])
	case ws.ExitStatus() != 0:
		return at, errChild
	}
	return len(s.calls), nil
}

// rawScript makes the child. It has only this thread of a process with several ones and must not enter the runtime, so it makes nothing but
// the calls: no allocation, no growth of the stack.
//
//go:nosplit
//go:norace
//go:noinline
func rawScript(flags uintptr, calls *call, n int, found *[64]uintptr) (int, unix.Errno) {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return int(pid), errno
	}
	for i := 0; i < n; i++ {
		c := (*call)(unsafe.Add(unsafe.Pointer(calls), uintptr(i)*unsafe.Sizeof(call{})))
		args := c.args
		for j := range args {
			if args[j]&^uintptr(63) == resultBit {
				args[j] = found[args[j]&63]
			}
		}
		r, _, errno := unix.RawSyscall6(c.number, args[0], args[1], args[2], args[3], args[4], args[5])
		if errno != 0 {
			found[62], found[63] = uintptr(i), uintptr(errno)
			break
		}
		found[i&31] = r
	}
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}

// direct makes a call whose arguments are numbers and addresses in an arena.
func direct(number uintptr, args ...uintptr) (uintptr, error) {
	c := sys(number, args...)
	r, _, errno := unix.Syscall6(c.number, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5])
	if errno != 0 {
		return r, errno
	}
	return r, nil
}

// at is memory that the kernel mapped where it said.
func at(addr, size uintptr) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&addr))), size)
}
