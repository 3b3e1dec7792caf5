package kernel

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// unixMax is how many bytes struct sockaddr_un has for a path.
const unixMax = 108

// encodable tells whether an address has a form in which the kernel would be asked at all. Source: the Linux implementation, which answers the same.
func encodable(a posix.Sockaddr) posix.Errno {
	switch a.Family {
	case unix.AF_UNSPEC:
		return 0
	case unix.AF_INET:
		if !a.Addr.Addr().Is4() {
			return einval
		}
		return 0
	case unix.AF_INET6:
		if !a.Addr.Addr().Is6() {
			return einval
		}
		return 0
	case unix.AF_UNIX:
		if len(a.Path) >= unixMax {
			return enametoolong
		}
		if !abstract(a.Path) && strings.IndexByte(a.Path, 0) >= 0 {
			return einval
		}
		return 0
	}
	return eafnosupport
}

func abstract(path string) bool { return path != "" && path[0] == '@' }

// loopbackIndex is the only interface's.
const loopbackIndex = 1

// scopeOf returns the interface index that the zone of an address stands for.
func scopeOf(a posix.Sockaddr) (uint32, posix.Errno) {
	zone := a.Addr.Addr().Zone()
	if a.Family != unix.AF_INET6 || zone == "" {
		return 0, 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), 0
	}
	if zone == "lo" {
		return loopbackIndex, 0
	}
	return 0, enodev
}

// length is how long the kernel's form of an address is.
func length(a posix.Sockaddr) int {
	switch a.Family {
	case unix.AF_INET6:
		return unix.SizeofSockaddrInet6
	case unix.AF_UNIX:
		switch {
		case a.Path == "":
			return 2
		case abstract(a.Path):
			return 2 + len(a.Path)
		}
		return 3 + len(a.Path)
	}
	return unix.SizeofSockaddrInet4
}
