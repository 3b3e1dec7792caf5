package sandbox

import (
	"strconv"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

const dynamic = `
command: [/usr/bin/true]
user: {dynamic: true}
seccomp: {allow: [read]}
filesystem: [{path: /usr, access: rx}, {path: /lib64, access: rx}]
`

func among(users *Users) func(*Request) { return func(r *Request) { r.Users = users } }

func TestDynamicUser(t *testing.T) {
	h := debian()
	first := mustCompile(t, h, dynamic).User
	if first.UID < FirstDynamicUser || first.UID > LastDynamicUser || first.GID != posix.GID(first.UID) || len(first.Groups) != 0 {
		t.Fatalf("%+v", first)
	}
	if again := mustCompile(t, debian(), dynamic).User; again.UID != first.UID {
		t.Errorf("user %d, then %d", first.UID, again.UID)
	}
	number := func(u posix.UID) string { return strconv.Itoa(int(u)) }
	h.users[number(first.UID)] = User{Name: "somebody", UID: first.UID}
	h.files[systemdUsers+number(first.UID+1)] = entry{kind: Regular}
	users := &Users{}
	users.take(first.UID + 2)
	res := mustCompile(t, h, dynamic, among(users), func(r *Request) {
		other := policy.Module{Name: "other", User: policy.Value[string]{V: number(first.UID + 3)}}
		r.Policy.Modules = append(r.Policy.Modules, other)
	})
	if res.User.UID != first.UID+4 {
		t.Errorf("user %d, want %d: of the four before it one is in the user database, one systemd's, one taken, one another module's", res.User.UID, first.UID+4)
	}
	if next := mustCompile(t, h, dynamic, among(users), func(r *Request) { r.Module.Name = "other" }); next.User.UID == res.User.UID {
		t.Error("another module has the same user")
	}
	if same := mustCompile(t, h, dynamic, among(users)); same.User.UID == res.User.UID {
		t.Error("two modules of one plan have the same user")
	}
	var said bool
	for _, e := range res.Enforcement {
		said = said || e.Protection == "user" && strings.Contains(e.Detail, "chosen for this module")
	}
	if !said {
		t.Errorf("the report does not say that the user was chosen: %v", res.Enforcement)
	}
}

// TestDynamicUserOfAnOrdinaryUser: there is one user, and the module is shown the number.
func TestDynamicUserOfAnOrdinaryUser(t *testing.T) {
	res := mustCompile(t, aliceInside(), dynamic)
	if res.User.UID < FirstDynamicUser {
		t.Errorf("%+v", res.User)
	}
	var maps string
	for _, s := range res.Program.Steps {
		if strings.Contains(s.Text, " 1000 1") {
			maps += s.Text
		}
	}
	if want := strconv.Itoa(int(res.User.UID)) + " 1000 1"; strings.Count(maps, want) != 2 {
		t.Errorf("maps %s, want %s twice", maps, want)
	}
}

func TestNoDynamicUserLeft(t *testing.T) {
	users := &Users{}
	for uid := FirstDynamicUser; uid <= LastDynamicUser; uid++ {
		users.take(uid)
	}
	_, ds := compileWith(t, debian(), dynamic, among(users))
	if got := places(ds); len(got) != 1 || got[0] != "E615 9" {
		t.Errorf("%v", ds)
	}
	h := debian()
	h.broken = errBroken
	if _, ds := compileWith(t, h, dynamic); !ds.HasErrors() || !strings.Contains(ds.Error(), errBroken.Error()) {
		t.Errorf("%v", ds)
	}
}

// TestNamedUsersAreTaken: the number of a named user is nobody's dynamic user.
func TestNamedUsersAreTaken(t *testing.T) {
	h, users := debian(), &Users{}
	uid := mustCompile(t, h, dynamic).User.UID
	h.users["named"] = User{Name: "named", UID: uid}
	mustCompile(t, h, strings.Replace(dynamic, "{dynamic: true}", "named", 1), among(users))
	if got := mustCompile(t, h, dynamic, among(users)).User.UID; got == uid {
		t.Errorf("user %d is the named one's", got)
	}
}
