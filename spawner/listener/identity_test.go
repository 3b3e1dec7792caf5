package listener

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

func TestIdentity(t *testing.T) {
	web := tcp("127.0.0.1:8080")
	api := unixAt("/run/api.sock")
	for _, c := range []struct {
		name   string
		of     policy.Listener
		change func(l *policy.Listener)
		same   bool
	}{
		{"nothing", web, func(*policy.Listener) {}, true},
		{"name", web, func(l *policy.Listener) { l.Name = "other" }, true},
		{"place in the file", web, func(l *policy.Listener) { l.Pos = policy.Pos{File: "b.yaml", Line: 9, Col: 1} }, true},
		{"backlog", web, func(l *policy.Listener) { l.Backlog.V = 1 }, true},
		{"port", web, func(l *policy.Listener) { l.Addr = netip.MustParseAddrPort("127.0.0.1:8081") }, false},
		{"address", web, func(l *policy.Listener) { l.Addr = netip.MustParseAddrPort("127.0.0.2:8080") }, false},
		{"all addresses", web, func(l *policy.Listener) { l.Addr = netip.MustParseAddrPort("0.0.0.0:8080") }, false},
		{"family", web, func(l *policy.Listener) { l.Addr = netip.MustParseAddrPort("[::1]:8080") }, false},
		{"network", web, func(l *policy.Listener) { *l = api }, false},
		{"mode", api, func(l *policy.Listener) { l.Mode.V = 0o666 }, true},
		{"user", api, func(l *policy.Listener) { l.User.V = "root" }, true},
		{"group", api, func(l *policy.Listener) { l.Group.V = "root" }, true},
		{"path", api, func(l *policy.Listener) { l.Path = "/run/api2.sock" }, false},
	} {
		l := c.of
		c.change(&l)
		if same := IdentityOf(c.of) == IdentityOf(l); same != c.same {
			t.Errorf("%s changes the identity: %t (%s, %s)", c.name, !same, IdentityOf(c.of), IdentityOf(l))
		}
	}
}

func TestIdentityString(t *testing.T) {
	for want, l := range map[string]policy.Listener{
		"127.0.0.1:80":       tcp("127.0.0.1:80"),
		"[::]:80":            tcp("[::]:80"),
		"unix:/run/api.sock": unixAt("/run/api.sock"),
	} {
		if got := IdentityOf(l).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A field that is added to a policy's listener either belongs to the identity or can be changed in place: TestIdentity decides.
func TestIdentityKnowsAllFields(t *testing.T) {
	known := map[string]bool{"Name": true, "Pos": true, "Network": true, "Addr": true, "Path": true, "Backlog": true, "Mode": true, "User": true, "Group": true}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[policy.Listener]()) {
		if !known[f.Name] {
			t.Errorf("policy.Listener.%s is new; add it to TestIdentity, and to Identity if it cannot be changed in place", f.Name)
		}
	}
}
