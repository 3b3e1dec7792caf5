package posix_test

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
)

func TestSockaddrString(t *testing.T) {
	for _, tt := range []struct {
		addr posix.Sockaddr
		want string
	}{
		{posix.Sockaddr{}, ""},
		{posix.Sockaddr{Family: syscall.AF_INET, Addr: netip.MustParseAddrPort("127.0.0.1:80")}, "127.0.0.1:80"},
		{posix.Sockaddr{Family: syscall.AF_INET6, Addr: netip.MustParseAddrPort("[fe80::1%2]:80")}, "[fe80::1%2]:80"},
		{posix.Sockaddr{Family: syscall.AF_UNIX, Path: "/run/x.sock"}, "/run/x.sock"},
		{posix.Sockaddr{Family: syscall.AF_UNIX, Path: "@name"}, "@name"},
		{posix.Sockaddr{Family: syscall.AF_UNIX}, "unix:"},
		{posix.Sockaddr{Family: syscall.AF_NETLINK}, "family 16"},
	} {
		if got := tt.addr.String(); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.addr, got, tt.want)
		}
	}
}
