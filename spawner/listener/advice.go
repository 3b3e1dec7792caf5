package listener

import (
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// advise says what was attempted, the kernel's answer (without the name of the call, which the attempt tells), what it means here and what
// to do.
func advise(id Identity, attempt string, err error) error {
	err = posix.Answer(err)
	errno, ok := err.(posix.Errno)
	if !ok { // what denied it says why
		return fmt.Errorf("%s: %w", attempt, err)
	}
	meaning := portAdvice(id, errno)
	if id.Family == unix.AF_UNIX {
		meaning = unixAdvice(id, errno)
	}
	if errno == unix.EMFILE || errno == unix.ENFILE {
		meaning = "raise the limit of open files (ulimit -n, LimitNOFILE=)"
	}
	if meaning == "" {
		return fmt.Errorf("%s: %w", attempt, errno)
	}
	return fmt.Errorf("%s: %w: %s", attempt, errno, meaning)
}

func portAdvice(id Identity, errno posix.Errno) string {
	port := id.Addr.Port()
	switch errno {
	case unix.EADDRINUSE:
		if id.Type == unix.SOCK_DGRAM {
			return fmt.Sprintf("another process has UDP port %d; find it with `ss -lunp sport = :%d` and stop it, or choose another port", port, port)
		}
		return fmt.Sprintf("another process listens on port %d; find it with `ss -ltnp sport = :%d` and stop it, or choose another port", port, port)
	case unix.EACCES:
		if port != 0 && port < 1024 {
			return fmt.Sprintf("ports below 1024 are for root; run the supervisor as root, choose a higher port, or allow it for everybody: "+
				"sysctl net.ipv4.ip_unprivileged_port_start=%d", port)
		}
		return "run the supervisor as root, or choose a port that is not below net.ipv4.ip_unprivileged_port_start"
	case unix.EPERM:
		return "a security module or a BPF program of the host's forbids it"
	case unix.EADDRNOTAVAIL:
		return fmt.Sprintf("no interface of this host has the address %s; `ip addr` shows those that there are", id.Addr.Addr())
	case unix.EAFNOSUPPORT:
		return "IPv6 is switched off on this host (ipv6.disable=1); use an IPv4 address"
	}
	return ""
}

func unixAdvice(id Identity, errno posix.Errno) string {
	dir := path.Dir(id.Path)
	switch errno {
	case unix.ENOENT:
		return "create the directory " + dir
	case unix.ENOTDIR:
		return dir + " is not a directory; choose another path"
	case unix.EACCES:
		return "the supervisor's user may not write to " + dir
	case unix.EROFS:
		return dir + " is on a file system that is mounted read-only; use one below /run"
	case unix.EADDRINUSE:
		return "somebody else put something there just now; try again"
	case unix.ENAMETOOLONG:
		return "a name has at most 255 bytes"
	}
	return ""
}
