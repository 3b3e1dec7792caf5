package linux

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

func inet4(s string) posix.Sockaddr {
	return posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort(s)}
}

func inet6(s string) posix.Sockaddr {
	return posix.Sockaddr{Family: unix.AF_INET6, Addr: netip.MustParseAddrPort(s)}
}

func local(path string) posix.Sockaddr { return posix.Sockaddr{Family: unix.AF_UNIX, Path: path} }

func TestSockaddrBytes(t *testing.T) {
	for _, tt := range []struct {
		name string
		addr posix.Sockaddr
		want string // on a little-endian machine, as all that we build for are
	}{
		{"v4", inet4("127.0.0.1:80"), "\x02\x00\x00\x50\x7f\x00\x00\x01" + strings.Repeat("\x00", 8)},
		{"v6", inet6("[2001:db8::1]:443"), "\x0a\x00\x01\xbb\x00\x00\x00\x00\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01\x00\x00\x00\x00"},
		{"v6 with a zone", inet6("[fe80::2%7]:1"), "\x0a\x00\x00\x01\x00\x00\x00\x00\xfe\x80" + strings.Repeat("\x00", 13) + "\x02\x07\x00\x00\x00"},
		{"v4 in v6", inet6("[::ffff:1.2.3.4]:1"), "\x0a\x00\x00\x01\x00\x00\x00\x00" + strings.Repeat("\x00", 10) + "\xff\xff\x01\x02\x03\x04\x00\x00\x00\x00"},
		{"path", local("/x"), "\x01\x00/x\x00"},
		{"abstract", local("@x"), "\x01\x00\x00x"},
		{"abstract without a name", local("@"), "\x01\x00\x00"},
		{"abstract with a zero byte", local("@a\x00b"), "\x01\x00\x00a\x00b"},
		{"unnamed", local(""), "\x01\x00"},
		{"none", posix.Sockaddr{}, strings.Repeat("\x00", 16)},
	} {
		scope, errno := scopeOf(-1, tt.addr)
		if errno != 0 {
			t.Errorf("%s: scope: %v", tt.name, errno)
		}
		var raw rawSockaddr
		n, errno := raw.encode(tt.addr, scope)
		if errno != 0 || string(raw[:n]) != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.name, raw[:n], errno, tt.want)
		}
		if back := raw.decode(n); back != tt.addr {
			t.Errorf("%s: decoded %+v, want %+v", tt.name, back, tt.addr)
		}
	}
}

func TestSockaddrRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		addr posix.Sockaddr
		want posix.Errno
	}{
		{"v6 as v4", posix.Sockaddr{Family: unix.AF_INET, Addr: netip.MustParseAddrPort("[::1]:1")}, unix.EINVAL},
		{"v4 as v6", posix.Sockaddr{Family: unix.AF_INET6, Addr: netip.MustParseAddrPort("1.2.3.4:1")}, unix.EINVAL},
		{"no address, v4", posix.Sockaddr{Family: unix.AF_INET}, unix.EINVAL},
		{"no address, v6", posix.Sockaddr{Family: unix.AF_INET6}, unix.EINVAL},
		{"zero byte in a path", local("/a\x00b"), unix.EINVAL},
		{"path too long", local("/" + strings.Repeat("x", 107)), unix.ENAMETOOLONG},
		{"abstract name too long", local("@" + strings.Repeat("x", 107)), unix.ENAMETOOLONG},
		{"unknown family", posix.Sockaddr{Family: unix.AF_NETLINK}, unix.EAFNOSUPPORT},
	} {
		var raw rawSockaddr
		if n, errno := raw.encode(tt.addr, 0); n != 0 || errno != tt.want {
			t.Errorf("%s: %d, %v, want 0, %v", tt.name, n, errno, tt.want)
		}
	}
}

func TestSockaddrFromKernel(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		want      posix.Sockaddr
	}{
		{"nothing", "", posix.Sockaddr{}},
		{"one byte", "\x02", posix.Sockaddr{}},
		{"family only", "\x01\x00", local("")},
		{"short v4", "\x02\x00\x00\x50", posix.Sockaddr{Family: unix.AF_INET}},
		{"short v6", "\x0a\x00\x00\x50\x00", posix.Sockaddr{Family: unix.AF_INET6}},
		{"other family", "\x10\x00abc", posix.Sockaddr{Family: unix.AF_NETLINK}},
		{"path without a zero byte", "\x01\x00/x", local("/x")},
		{"path that looks abstract", "\x01\x00@x\x00", local("./@x")},
	} {
		var raw rawSockaddr
		if got := raw.decode(copy(raw[:], tt.raw)); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	var raw rawSockaddr
	copy(raw[:], "\x01\x00"+strings.Repeat("x", 126))
	if got := raw.decode(4000); len(got.Path) != 126 {
		t.Errorf("a length beyond the buffer gave a path of %d bytes", len(got.Path))
	}
}

// What decodes to an address that can be encoded decodes to the same address again.
func FuzzSockaddr(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x50\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x0a\x00\x01\xbb\x00\x00\x00\x00\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x05\x00\x00\x00"))
	f.Add([]byte("\x01\x00@x"))
	f.Add([]byte("\x01\x00\x00abc\x00d"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var raw, again rawSockaddr
		addr := raw.decode(copy(raw[:], b))
		scope, errno := scopeOf(-1, addr)
		if errno != 0 {
			t.Fatalf("zone of %+v: %v", addr, errno)
		}
		n, errno := again.encode(addr, scope)
		if errno != 0 {
			return
		}
		if back := again.decode(n); back != addr {
			t.Fatalf("%+v came back as %+v", addr, back)
		}
	})
}
