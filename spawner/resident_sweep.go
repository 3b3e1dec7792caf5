package spawner

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// runtimePrefix begins the name of a runtime directory. The number of a process and that of its pid namespace follow.
const runtimePrefix = "supervisor-"

// RuntimeName returns a name for [Config.Runtime] in a directory that supervisors of one user share: it tells a later one whose directory that
// was, so that it can remove what a supervisor that was killed has left.
func RuntimeName(k Kernel) (string, error) {
	ns, err := pidNamespace(k)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s%d-%s", runtimePrefix, k.Getpid(), ns), nil
}

// pidNamespace returns the number of the own one: pid_namespaces(7), namespaces(7).
func pidNamespace(k posix.Files) (string, error) {
	var buf [64]byte
	n, err := k.Readlinkat(posix.AtFDCWD, "/proc/self/ns/pid", buf[:])
	if err != nil {
		return "", fmt.Errorf("read /proc/self/ns/pid: %w", err)
	}
	number := strings.Trim(strings.TrimPrefix(string(buf[:n]), "pid:"), "[]")
	if _, err := strconv.ParseUint(number, 10, 64); err != nil {
		return "", fmt.Errorf("read /proc/self/ns/pid: %q is none", buf[:n])
	}
	return number, nil
}

// sweepRuntimes removes the runtime directories of supervisors that are no more, beside one that is about to be made. It touches only
// directories of the own user that nobody else can look into, and in them only sockets; numbers of processes of other pid namespaces tell it
// nothing. It returns the names of those that it removed, also with an error.
func sweepRuntimes(k Kernel, own string) (removed []string, err error) {
	ns, err := pidNamespace(k)
	if err != nil {
		return nil, err
	}
	parent, err := k.Openat2(posix.AtFDCWD, path.Dir(own), posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC})
	if err != nil {
		return nil, fmt.Errorf("look for what others left in %s: %w", path.Dir(own), err)
	}
	defer func() { err = errors.Join(err, k.Close(parent)) }()
	names, err := entries(k, parent)
	if err != nil {
		return nil, fmt.Errorf("look for what others left in %s: %w", path.Dir(own), err)
	}
	for _, name := range names {
		if name == path.Base(own) || !deserted(k, name, ns) {
			continue
		}
		swept, e := sweepRuntime(k, parent, name)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("remove %s/%s, which a supervisor that was killed has left: %w", path.Dir(own), name, e))
		}
		if swept {
			removed = append(removed, name)
		}
	}
	return removed, err
}

// deserted tells whether a name is that of the directory of a process of a pid namespace that is no more.
func deserted(k Kernel, name, ns string) bool {
	id, ours := strings.CutPrefix(name, runtimePrefix)
	pid, of, whole := strings.Cut(id, "-")
	if !ours || !whole || of != ns {
		return false
	}
	if n, err := strconv.ParseUint(pid, 10, 31); err != nil || strconv.FormatUint(n, 10) != pid {
		return false
	}
	var st posix.Stat
	return is(k.Fstatat(posix.AtFDCWD, "/proc/"+pid, &st, 0), unix.ENOENT)
}

// sweepRuntime removes one directory. It returns false and no error for one that is not ours, or that another supervisor has just removed.
func sweepRuntime(k Kernel, parent posix.FD, name string) (swept bool, err error) {
	dir, err := k.Openat2(parent, name, posix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC})
	if is(err, unix.ENOENT) || is(err, unix.ENOTDIR) || is(err, unix.ELOOP) || is(err, unix.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, k.Close(dir)) }()
	var st posix.Stat
	if err := k.Fstat(dir, &st); err != nil {
		return false, err
	}
	if st.UID != k.Geteuid() || st.Mode&0o077 != 0 {
		return false, nil
	}
	names, err := entries(k, dir)
	if err != nil {
		return false, err
	}
	for _, file := range names {
		if err := k.Fstatat(dir, file, &st, unix.AT_SYMLINK_NOFOLLOW); err == nil && st.Mode&unix.S_IFMT != unix.S_IFSOCK {
			return false, fmt.Errorf("%s in it is no socket, so it is left alone", file)
		}
	}
	for _, file := range names {
		if err := k.Unlinkat(dir, file, 0); err != nil && !is(err, unix.ENOENT) {
			return false, fmt.Errorf("remove %s: %w", file, err)
		}
	}
	switch err := k.Unlinkat(parent, name, unix.AT_REMOVEDIR); {
	case is(err, unix.ENOENT):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

// entries returns the names in a directory, without itself and the one above.
func entries(k posix.Files, dir posix.FD) (names []string, err error) {
	buf := make([]byte, 8<<10)
	for {
		n, err := k.Getdents(dir, buf)
		if err != nil || n == 0 {
			return names, err
		}
		for name := range posix.Dirents(buf[:n]) {
			names = append(names, name)
		}
	}
}
