// Package stage puts the supervisor of an ordinary user into a user namespace in which it has all capabilities.
//
// There it launches modules as root does: with mounts, namespaces and a pid namespace's init. Its user and group stay what they are. They
// are the only ones in the namespace, unless the host gives the user sub-ids ([Namespace]): then its modules can have users of their own.
//
// # Limits
//
// Sub-ids are those of /etc/subuid and /etc/subgid; what a directory service gives (nsswitch.conf, subid:) is not asked for. Of several ranges the
// longest one is used.
package stage

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Kernel is what entering needs.
type Kernel interface {
	posix.Files
	posix.Memory
	posix.Processes
	posix.Credentials
}

// mark is the first argument of a supervisor that was started again, followed by the number of the descriptor that it was handed, a
// colon, and the errno with three digits.
const mark = "role:inside-userns:"

// Handover is what a supervisor that was started again in a user namespace finds out from its arguments.
type Handover struct {
	Inside bool
	// Carried is the descriptor given to [Enter], which the caller owns now; -1 when not inside.
	Carried posix.FD
}

// Arguments takes the mark out of a command line. err is why the namespace could not be entered.
func Arguments(argv []string) (rest []string, h Handover, err error) {
	h.Carried = -1
	if len(argv) < 2 || !strings.HasPrefix(argv[1], mark) {
		return argv, h, nil
	}
	h.Inside = true
	rest = append(argv[:1:1], argv[2:]...)
	fd, number, _ := strings.Cut(strings.TrimPrefix(argv[1], mark), ":")
	carried, err1 := strconv.ParseInt(fd, 10, 32)
	errno, err2 := strconv.ParseUint(number, 10, 16)
	if err := errors.Join(err1, err2); err != nil {
		return rest, h, fmt.Errorf("argument %q: %w", argv[1], err)
	}
	h.Carried = posix.FD(carried)
	if errno != 0 {
		return rest, h, fmt.Errorf("enter a user namespace: %w%s", posix.Errno(errno), hint(posix.Errno(errno)))
	}
	return rest, h, nil
}

func hint(errno posix.Errno) string {
	switch errno {
	case posix.Errno(unix.EPERM), posix.Errno(unix.EACCES):
		return " (the host forbids them to ordinary users, or a container does by its seccomp filter; `supervisor doctor` says which, and what would allow them)"
	case posix.Errno(unix.ENOSPC):
		return " (user.max_user_namespaces is 0 or reached: sysctl -w user.max_user_namespaces=10000)"
	}
	return ""
}

// Enter replaces the process by a helper that enters the namespaces and executes program, the path of the supervisor, with
// the same arguments and environment. It returns only when it failed. Descriptors without O_CLOEXEC stay open; the new
// program is told about one of them, carried. ns is a user namespace that [Namespace] made, or -1: then a new one has the caller's user and group
// alone.
//
// What has to be seen with the eyes of the host is to be read before: in the namespace everybody who is not mapped, root
// too, looks like the overflow user.
func Enter(k Kernel, program string, argv, env []string, carried, ns posix.FD) error {
	fd, err := k.MemfdCreate("bulkhead-userns", unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if errors.Is(err, posix.Errno(unix.EINVAL)) { // MFD_EXEC is of Linux 6.3
		fd, err = k.MemfdCreate("bulkhead-userns", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return fmt.Errorf("create a file in memory: %w", err)
	}
	n, err := k.Write(fd, helper)
	if err == nil && n != len(helper) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %d of %d bytes to memory: %w", n, len(helper), err), k.Close(fd))
	}
	uid, gid := k.Geteuid(), k.Getegid()
	users, groups := fmt.Sprintf("%d %d 1", uid, uid), fmt.Sprintf("%d %d 1", gid, gid)
	if ns >= 0 {
		users, groups = "", strconv.Itoa(int(ns))
	}
	args := append([]string{"bulkhead-userns", users, groups, program,
		argv[0], fmt.Sprintf("%s%d:000", mark, carried)}, argv[1:]...)
	err = k.Execve(fmt.Sprintf("/proc/self/fd/%d", fd), args, env)
	return errors.Join(fmt.Errorf("execute the helper that enters a user namespace: %w", err), k.Close(fd))
}
