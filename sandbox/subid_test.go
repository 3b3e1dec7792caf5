package sandbox

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/sandbox/host"
)

// TestSubIDs: with sub-ids the module becomes its user before it enters a namespace that has no other; without, the kernel's user stays.
func TestSubIDs(t *testing.T) {
	change := func(f func(*host.Facts)) *fakeHost { h := aliceWithSubIDs(); f(&h.facts); return h }
	asked := func(s host.SubIDFacts) *fakeHost {
		h := aliceInside()
		h.facts.UserNS.UIDMap, h.facts.SubIDs = "1000 1000 1", s
		return h
	}
	outside := asked(host.SubIDFacts{User: "alice", UIDs: host.IDRange{First: 100000, Count: 65536}, GIDs: host.IDRange{First: 200000, Count: 65536},
		UIDMapper: "/usr/bin/newuidmap", GIDMapper: "/usr/bin/newgidmap"})
	outside.facts.UserNS = host.UserNSFacts{Initial: true}
	becomes := []string{"setgroups(0, []) ", "setresgid(991, 991, 991) ", "setresuid(990, 990, 990) ", "unshare(CLONE_NEWUSER)", `"deny"`, `"991 991 1"`, `"990 990 1"`}
	stays := []string{"unshare(CLONE_NEWUSER)", `"deny"`, `"991 1000 1"`, `"990 1000 1"`}
	for _, tt := range []struct {
		name   string
		host   *fakeHost
		module string
		change func(*Request)
		does   []string
		level  Level
		says   string
	}{
		{name: "another user", host: aliceWithSubIDs(), module: plain, does: becomes, says: "user 990, group 991: for the host 100989 and 200990, by sub-ids"},
		{name: "as it would be inside", host: outside, module: plain, does: becomes, says: "for the host 100989 and 200990, by sub-ids"},
		{name: "her own user", host: aliceWithSubIDs(), module: with(`user: "1000"`), level: Degraded, says: "the kernel's user stays 1000"},
		{name: "the manager", host: aliceWithSubIDs(), module: plain, change: func(r *Request) { r.KeepsUser = true }, does: stays, level: Degraded, says: "the kernel's user stays 1000"},
		{name: "root", host: aliceWithSubIDs(), module: with("user: root"), does: []string{`"0 1000 1"`}, level: Degraded, says: "root is never a sub-id"},
		{name: "everybody else", host: aliceWithSubIDs(), module: with(`user: "65534"`), level: Degraded, says: "65534 is no sub-id"},
		{name: "a short range of users", host: change(func(f *host.Facts) { f.UserNS.UIDMap = "1000 1000 1\n1 100000 989" }), module: plain, does: stays, level: Degraded,
			says: "the sub-ids do not reach user 990"},
		{name: "a short range of groups", host: change(func(f *host.Facts) { f.UserNS.GIDMap = "1000 1000 1\n1 100000 990" }), module: plain, does: stays, level: Degraded,
			says: "the sub-ids do not reach group 991"},
		{name: "no setgroups", host: change(func(f *host.Facts) { f.SetgroupsDenied = true }), module: plain, does: stays, level: Degraded, says: "lets nobody become another user"},
		{name: "nothing is there", host: asked(host.SubIDFacts{User: "alice"}), module: plain, does: stays, level: Degraded,
			says: "; for one of its own: newuidmap and newgidmap are not installed; user alice has no range in /etc/subuid and /etc/subgid: apt-get install uidmap && usermod --add-subuids"},
		{name: "nobody asked", host: aliceInside(), module: plain, does: stays, level: Degraded, says: "the module sees 990"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var changes []func(*Request)
			if tt.change != nil {
				changes = append(changes, tt.change)
			}
			res := mustCompile(t, tt.host, tt.module, changes...)
			text := explain(t, res.Program)
			for _, want := range tt.does {
				if !strings.Contains(text, want) {
					t.Errorf("it does not do %s", want)
				}
			}
			if !slices.Equal(tt.does, becomes) && strings.Contains(text, "setresuid(") {
				t.Error("it changes its user")
			}
			i := slices.IndexFunc(res.Enforcement, func(e Enforcement) bool { return e.Protection == "user" })
			if e := res.Enforcement[i]; e.Level != tt.level || !strings.Contains(e.Detail, tt.says) {
				t.Errorf("user %s: %s", e.Level, e.Detail)
			}
		})
	}
}
