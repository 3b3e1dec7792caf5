package linux

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// rawSockaddr is an address in the kernel's layout; its size is that of struct sockaddr_storage.
type rawSockaddr [128]byte

// Sizes and offsets of struct sockaddr_in, sockaddr_in6 and sockaddr_un. Source: ip(7), ipv6(7), unix(7).
const (
	sizeInet4  = 16
	sizeInet6  = 28
	unixPath   = 2
	unixMax    = 108 // bytes of sun_path
	inet6Addr  = 8
	inet6Scope = 24
)

// encode puts addr into raw and returns its length. scope is the index of addr's zone.
func (raw *rawSockaddr) encode(addr posix.Sockaddr, scope uint32) (int, unix.Errno) {
	binary.NativeEndian.PutUint16(raw[:], addr.Family)
	switch addr.Family {
	case unix.AF_UNSPEC:
		return sizeInet4, 0 // connect(2) dissolves an association; the rest is zero
	case unix.AF_INET:
		if !addr.Addr.Addr().Is4() {
			return 0, unix.EINVAL
		}
		a := addr.Addr.Addr().As4()
		binary.BigEndian.PutUint16(raw[2:], addr.Addr.Port())
		copy(raw[4:], a[:])
		return sizeInet4, 0
	case unix.AF_INET6:
		if !addr.Addr.Addr().Is6() {
			return 0, unix.EINVAL
		}
		a := addr.Addr.Addr().As16()
		binary.BigEndian.PutUint16(raw[2:], addr.Addr.Port())
		copy(raw[inet6Addr:], a[:])
		binary.NativeEndian.PutUint32(raw[inet6Scope:], scope)
		return sizeInet6, 0
	case unix.AF_UNIX:
		return raw.encodeUnix(addr.Path)
	}
	return 0, unix.EAFNOSUPPORT
}

func (raw *rawSockaddr) encodeUnix(path string) (int, unix.Errno) {
	if path == "" {
		return unixPath, 0
	}
	if len(path) >= unixMax { // of a path, the zero byte must fit too
		return 0, unix.ENAMETOOLONG
	}
	copy(raw[unixPath:], path)
	if path[0] == '@' {
		raw[unixPath] = 0
		return unixPath + len(path), 0
	}
	if bytes.IndexByte(raw[unixPath:unixPath+len(path)], 0) >= 0 {
		return 0, unix.EINVAL
	}
	return unixPath + len(path) + 1, 0
}

// decode returns the address in the first n bytes of raw, as the kernel filled it in.
// One of a family that posix.Sockaddr has no fields for comes back with its family only.
func (raw *rawSockaddr) decode(n int) posix.Sockaddr {
	n = min(n, len(raw))
	if n < unixPath {
		return posix.Sockaddr{}
	}
	addr := posix.Sockaddr{Family: binary.NativeEndian.Uint16(raw[:])}
	switch {
	case addr.Family == unix.AF_INET && n >= sizeInet4:
		addr.Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), binary.BigEndian.Uint16(raw[2:]))
	case addr.Family == unix.AF_INET6 && n >= sizeInet6:
		a := netip.AddrFrom16([16]byte(raw[inet6Addr:inet6Scope]))
		if scope := binary.NativeEndian.Uint32(raw[inet6Scope:]); scope != 0 {
			a = a.WithZone(strconv.FormatUint(uint64(scope), 10))
		}
		addr.Addr = netip.AddrPortFrom(a, binary.BigEndian.Uint16(raw[2:]))
	case addr.Family == unix.AF_UNIX:
		addr.Path = unixPathOf(raw[unixPath:n])
	}
	return addr
}

// unixPathOf returns the name in sun_path: of an abstract one every byte counts, a path ends with the first zero byte.
func unixPathOf(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if b[0] == 0 {
		return "@" + string(b[1:])
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if b[0] == '@' {
		return "./" + string(b)
	}
	return string(b)
}

// scopeOf returns the index of the interface that addr's zone stands for, asking the kernel through the socket fd when
// it is a name. ENODEV is a name that no interface has.
func scopeOf(fd posix.FD, addr posix.Sockaddr) (uint32, unix.Errno) {
	if addr.Family != unix.AF_INET6 {
		return 0, 0
	}
	zone := addr.Addr.Addr().Zone()
	if zone == "" {
		return 0, 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), 0
	}
	return interfaceIndex(fd, zone)
}

func interfaceIndex(fd posix.FD, name string) (uint32, unix.Errno) {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, unix.ENODEV // too long for an interface
	}
	if err := unix.IoctlIfreq(int(fd), unix.SIOCGIFINDEX, req); err != nil {
		return 0, err.(unix.Errno)
	}
	return req.Uint32(), 0
}
