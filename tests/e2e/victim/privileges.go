package victim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// setuid:UID and setgid:GID. The raw calls: those of package syscall are made on every thread.
func setuid(args []string) (string, error) {
	n, err := number(args, 0)
	if err != nil {
		return "", err
	}
	_, _, errno := unix.Syscall(unix.SYS_SETUID, uintptr(n), 0, 0)
	return "", asError(errno)
}

func setgid(args []string) (string, error) {
	n, err := number(args, 0)
	if err != nil {
		return "", err
	}
	_, _, errno := unix.Syscall(unix.SYS_SETGID, uintptr(n), 0, 0)
	return "", asError(errno)
}

// capset asks for CAP_SYS_ADMIN.
func capset([]string) (string, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	bit := uint32(1 << unix.CAP_SYS_ADMIN)
	return "", asError(rawCapset(&header, &[2]unix.CapUserData{{Effective: bit, Permitted: bit}}))
}

// securebits asks for those of an ordinary process, and says which there were.
func securebits([]string) (string, error) {
	had, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%#x", had), unix.Prctl(unix.PR_SET_SECUREBITS, 0, 0, 0, 0)
}

// capabilities counts those of the bounding set, and says which of the ambient set are raised.
func capabilities([]string) (string, error) {
	bounding, ambient := 0, 0
	for n := uintptr(0); ; n++ {
		in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, n, 0, 0, 0)
		if err == unix.EINVAL && n > 0 {
			break
		}
		if err != nil {
			return "", err
		}
		bounding += in
		in, err = unix.PrctlRetInt(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, n, 0, 0)
		if err != nil {
			return "", err
		}
		ambient += in
	}
	return fmt.Sprintf("bounding=%d ambient=%d", bounding, ambient), nil
}

// chroot:PATH makes another root, of a thread that shares no root with the others.
func chroot(args []string) (string, error) {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return "unshare", err
	}
	return "", unix.Chroot(args[0])
}

// mount:DIR mounts a tmpfs.
func mount(args []string) (string, error) {
	if err := unix.Mount("tmpfs", args[0], "tmpfs", 0, "size=4k"); err != nil {
		return "", err
	}
	return "", unix.Unmount(args[0], 0)
}

// mountapart:DIR mounts a tmpfs in namespaces of its own, where it has all capabilities.
func mountApart(args []string) (string, error) {
	kind, err1 := unix.BytePtrFromString("tmpfs")
	dir, err2 := unix.BytePtrFromString(args[0])
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	pid, errno := rawMountApart(kind, dir)
	if errno != 0 {
		return "clone", errno
	}
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &ws, 0, nil); !errors.Is(err, unix.EINTR) {
			return "mount", errors.Join(err, asError(unix.Errno(ws.ExitStatus())))
		}
	}
}

// sethostname sets the host's name to what it is.
func setHostname([]string) (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", err
	}
	return "", unix.Sethostname([]byte(name))
}

// outlive takes back what the parent's death would do.
func outlive([]string) (string, error) {
	done := make(chan error)
	// The setting belongs to the process, whichever thread makes it.
	go func() { done <- unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) }()
	return "", <-done
}

// hostname asks for it.
func hostname([]string) (string, error) { return os.Hostname() }

// status:FIELD,… says what the kernel says about the process.
func status(args []string) (string, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "", err
	}
	var out []string
	for _, want := range args {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && key == want {
				out = append(out, key+"="+strings.Join(strings.Fields(value), ","))
			}
		}
	}
	return strings.Join(out, " "), nil
}

// environment:PREFIX says which variables there are.
func environment(args []string) (string, error) {
	var out []string
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, strings.Join(args, ",")) {
			out = append(out, v)
		}
	}
	return strings.Join(out, " "), nil
}

// descriptors says which are open, standard streams left out, and what they are where /proc is there to ask.
func descriptors([]string) (string, error) {
	var out []string
	for fd := 3; fd < 4096; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			continue
		}
		to, err := os.Readlink(filepath.Join("/proc/self/fd", fmt.Sprint(fd)))
		if err != nil {
			to = "?"
		}
		if strings.HasPrefix(to, "anon_inode:[eventpoll]") || strings.HasPrefix(to, "anon_inode:[eventfd]") {
			continue // the Go runtime's
		}
		out = append(out, fmt.Sprintf("%d=%s", fd, to))
	}
	return strings.Join(out, " "), nil
}

// opens:NUMBER opens so many descriptors.
func opens(args []string) (string, error) {
	n, err := number(args, 0)
	if err != nil {
		return "", err
	}
	var fds []int
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	for range n {
		fd, err := unix.Dup(2)
		if err != nil {
			return fmt.Sprint(len(fds)), err
		}
		fds = append(fds, fd)
	}
	return fmt.Sprint(n), nil
}
