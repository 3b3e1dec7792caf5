package posix

import (
	"strconv"
	"syscall"
)

// String returns the address as tools show it: "127.0.0.1:80", "[::1]:80", "/run/x.sock", "@name", "unix:" for a
// unix socket without a name, "" for the zero value, and "family 16" for one that has no text form here.
func (a Sockaddr) String() string {
	switch a.Family {
	case syscall.AF_UNSPEC:
		return ""
	case syscall.AF_INET, syscall.AF_INET6:
		return a.Addr.String()
	case syscall.AF_UNIX:
		if a.Path == "" {
			return "unix:"
		}
		return a.Path
	}
	return "family " + strconv.Itoa(int(a.Family))
}
