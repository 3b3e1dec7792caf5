package demo

import (
	"golang.org/x/sys/unix"
)

// control is a call with arguments that no kernel accepts, and what a kernel answers to it when the call gets that far.
type control struct {
	nr   uintptr
	args [6]uintptr
	want []unix.Errno
}

const none = ^uintptr(0) // no descriptor, no address, no process

// controls has one entry for each call that an attempt is decided by. None of them changes anything.
var controls = [...]control{
	{unix.SYS_OPENAT, [6]uintptr{none, none}, []unix.Errno{unix.EFAULT}},
	{unix.SYS_MKNODAT, [6]uintptr{none, none, unix.S_IFCHR}, []unix.Errno{unix.EFAULT}},
	{unix.SYS_FALLOCATE, [6]uintptr{none}, []unix.Errno{unix.EBADF}},
	{unix.SYS_IOCTL, [6]uintptr{none}, []unix.Errno{unix.EBADF}},
	{unix.SYS_MOUNT, [6]uintptr{none, none, none, 0, none}, []unix.Errno{unix.EFAULT}},
	{unix.SYS_CHROOT, [6]uintptr{none}, []unix.Errno{unix.EFAULT}},
	{unix.SYS_UNSHARE, [6]uintptr{none}, []unix.Errno{unix.EINVAL}},
	{unix.SYS_SETNS, [6]uintptr{none}, []unix.Errno{unix.EBADF}},
	{unix.SYS_CLONE, [6]uintptr{unix.CLONE_NEWUSER | unix.CLONE_FS}, []unix.Errno{unix.EINVAL}}, // two flags that contradict each other
	{unix.SYS_PTRACE, [6]uintptr{none, none}, []unix.Errno{unix.ESRCH}},
	{unix.SYS_PROCESS_VM_READV, [6]uintptr{none, none, 0, none, 0, none}, []unix.Errno{unix.EINVAL}},
	{unix.SYS_KILL, [6]uintptr{0, none}, []unix.Errno{unix.EINVAL}},
	{unix.SYS_SOCKET, [6]uintptr{none, none, none}, []unix.Errno{unix.EINVAL, unix.EAFNOSUPPORT}},
	{unix.SYS_CONNECT, [6]uintptr{none, none, none}, []unix.Errno{unix.EBADF}},
	{unix.SYS_BPF, [6]uintptr{none, none, none}, []unix.Errno{unix.E2BIG, unix.EINVAL, unix.EFAULT}},
	{unix.SYS_IO_URING_SETUP, [6]uintptr{none, none}, []unix.Errno{unix.EFAULT}},
	{unix.SYS_PERF_EVENT_OPEN, [6]uintptr{none, none, none, none, none}, []unix.Errno{unix.EINVAL, unix.EFAULT}},
	{unix.SYS_KEYCTL, [6]uintptr{none}, []unix.Errno{unix.EOPNOTSUPP}},
	{unix.SYS_PERSONALITY, [6]uintptr{0xffffffff}, []unix.Errno{0}}, // a question, see personality(2)
	{unix.SYS_SETUID, [6]uintptr{none}, []unix.Errno{unix.EINVAL}},
	{unix.SYS_PRLIMIT64, [6]uintptr{0, none}, []unix.Errno{unix.EINVAL}},
	{unix.SYS_EXECVE, [6]uintptr{none, none, none}, []unix.Errno{unix.EFAULT}},
	{unix.SYS_EXECVEAT, [6]uintptr{none, none, none, none}, []unix.Errno{unix.EFAULT}},
	{unix.SYS_MEMFD_CREATE, [6]uintptr{none, none}, []unix.Errno{unix.EINVAL, unix.EFAULT}},
	{unix.SYS_MMAP, [6]uintptr{0, 0, unix.PROT_WRITE | unix.PROT_EXEC}, []unix.Errno{unix.EINVAL, unix.EBADF}}, // no length
	{unix.SYS_READ, [6]uintptr{none}, []unix.Errno{unix.EBADF}},
}

// controlOf returns the control of a call.
func controlOf(nr uintptr) (control, bool) {
	for _, c := range controls {
		if c.nr == nr {
			return c, true
		}
	}
	return control{}, false
}

// ask makes the call.
func (c control) ask() unix.Errno {
	a := c.args
	_, _, e := unix.Syscall6(c.nr, a[0], a[1], a[2], a[3], a[4], a[5])
	return e
}

// filtered tells whether the filter is what refused a call: it gives the same answer to arguments that the kernel would
// have another answer for.
func filtered(got answer) bool {
	c, ok := controlOf(got.nr)
	if !ok {
		return false
	}
	e := c.ask()
	return e == got.errno && !contains(c.want, e)
}
