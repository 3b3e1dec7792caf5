package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// epollBatch is how many events one EpollWait takes at most. It bounds the stack buffer that the kernel's layout of the
// events, packed on some architectures, is converted from.
const epollBatch = 64

// EpollWait implements [posix.Polling].
//
// It calls epoll_pwait without a signal mask, as the directive says: epoll_wait(2) does not exist on all architectures.
func (k *Kernel) EpollWait(epfd posix.FD, events []posix.EpollEvent, timeout int) (int, error) {
	var raw [epollBatch]unix.EpollEvent // stays alive and in place until the call returns: unsafe.Pointer, rule 4
	most := min(len(events), len(raw))
	r, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&raw)), uintptr(most), uintptr(timeout), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	n := int(r)
	for i := range n {
		events[i] = eventOf(raw[i])
	}
	return n, nil
}

// posix.PollFD has the layout of struct pollfd, so the caller's slice is what the kernel fills in. These do not compile
// when that is no longer so.
var (
	_ [unsafe.Sizeof(unix.PollFd{})]byte           = [unsafe.Sizeof(posix.PollFD{})]byte{}
	_ [unsafe.Offsetof(unix.PollFd{}.Fd)]byte      = [unsafe.Offsetof(posix.PollFD{}.FD)]byte{}
	_ [unsafe.Offsetof(unix.PollFd{}.Events)]byte  = [unsafe.Offsetof(posix.PollFD{}.Events)]byte{}
	_ [unsafe.Offsetof(unix.PollFd{}.Revents)]byte = [unsafe.Offsetof(posix.PollFD{}.Revents)]byte{}
)

// Ppoll implements [posix.Polling].
func (k *Kernel) Ppoll(fds []posix.PollFD, timeout *posix.Timespec) (int, error) {
	raw := unsafe.Slice((*unix.PollFd)(unsafe.Pointer(unsafe.SliceData(fds))), len(fds))
	if timeout == nil {
		return count(unix.Ppoll(raw, nil, nil))
	}
	t := rawTime(*timeout) // a copy: the kernel writes back how much is left
	return count(unix.Ppoll(raw, &t, nil))
}
