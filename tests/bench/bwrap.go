package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// findBwrap looks for the program that is compared with, and says which version it is.
func (b *bench) findBwrap() (err error) {
	if b.bwrap, err = exec.LookPath("bwrap"); err != nil {
		return errors.New("bwrap, which the figures compare with, is not installed: apt-get install bubblewrap")
	}
	version, err := exec.Command(b.bwrap, "--version").Output()
	if err != nil {
		return fmt.Errorf("ask bwrap for its version: %w", err)
	}
	fmt.Println(strings.TrimSpace(string(version)))
	return nil
}

// bwrapCommand returns what confines a command with bwrap as the policies of the benchmarks do: the same namespaces, binds and filter.
// The filter is in the file behind a descriptor. With user it also makes a user namespace, without which an ordinary user cannot.
func (b *bench) bwrapCommand(filter posix.FD, user bool, binds []string, argv ...string) command {
	all := []string{b.bwrap, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup",
		"--hostname", "bench", "--new-session", "--die-with-parent", "--clearenv", "--cap-drop", "ALL"}
	if user {
		all = append(all, "--unshare-user")
	}
	for _, p := range binds {
		all = append(all, "--ro-bind", p, p)
	}
	for _, name := range []string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"} {
		if target, err := os.Readlink("/" + name); err == nil {
			all = append(all, "--symlink", target, "/"+name)
		}
	}
	all = append(all, "--proc", "/proc", "--tmpfs", "/tmp", "--dev-bind", "/dev/null", "/dev/null")
	all = append(all, "--seccomp", strconv.Itoa(int(filter)), "--")
	return command{argv: append(all, argv...), filter: filter}
}

// loadable puts a filter into a file in memory, for bwrap to read. The caller closes it.
func (b *bench) loadable(filter []byte) (posix.FD, error) {
	fd, err := b.kernel.MemfdCreate("filter", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("make a file for the filter: %w", err)
	}
	if n, err := b.kernel.Write(fd, filter); err != nil || n != len(filter) {
		return -1, errors.Join(fmt.Errorf("write the filter: %d of %d bytes: %w", n, len(filter), err), b.kernel.Close(fd))
	}
	return fd, nil
}
