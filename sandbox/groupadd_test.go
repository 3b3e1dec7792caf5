package sandbox

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

// TestGroupAdd: what is set, what is compared with it, and what is said of it.
func TestGroupAdd(t *testing.T) {
	short := aliceWithSubIDs()
	short.facts.UserNS.GIDMap = "1000 1000 1\n1 200000 999"
	lacking := aliceInside()
	lacking.facts.UserNS.UIDMap, lacking.facts.SubIDs = "1000 1000 1", host.SubIDFacts{User: "alice"}
	const dynamicUser = "user: {dynamic: true}"
	for _, tt := range []struct {
		name   string
		host   *fakeHost
		module string
		groups []posix.GID
		does   []string // in this order
		level  Level
		says   string
		fails  string
	}{
		{name: "besides the database's", host: debian(), module: with("group_add: [www, 27, 700]"), groups: []posix.GID{4, 27, 33, 700},
			does: []string{"setgroups(4, [4 27 33 700])", "getgroups(4, &groups)", "expect groups[0] == 0x4", "expect groups[1] == 0x1b", "expect groups[2] == 0x21", "expect groups[3] == 0x2bc"},
			says: "supplementary groups 4 27 33 700"},
		{name: "by two names", host: debian(), module: with(`group_add: [www, "33"]`), groups: []posix.GID{4, 27, 33}, does: []string{"setgroups(3, [4 27 33])"}, says: "4 27 33"},
		{name: "the user's own", host: debian(), module: with(`group_add: ["991", www]`), groups: []posix.GID{4, 27, 33}, does: []string{"setgroups(3, [4 27 33])"}, says: "4 27 33"},
		{name: "of a dynamic user", host: debian(), module: with(dynamicUser, "group_add: [www]"), groups: []posix.GID{33},
			does: []string{"setgroups(1, [33])", "expect number of supplementary groups == 0x1", "expect groups[0] == 0x21"}, says: "supplementary groups 33"},
		{name: "in a user namespace", host: debian(), module: with("namespaces: [user, mount, pid, network]", `group_add: [www, "991"]`), groups: []posix.GID{4, 27, 33},
			does: []string{"setgroups(3, [4 27 33])", "unshare(CLONE_NEWUSER)", "getgroups(3, &groups)", "expect groups[0] == 0xfffe", "expect groups[2] == 0xfffe"}, says: "4 27 33"},
		{name: "of nowhere", host: debian(), module: with("group_add: [www, nowhere]"), fails: `group "nowhere" does not exist on this host`},
		{name: "without root", host: aliceInside(), module: with("group_add: [www]"), fails: "setgroups(2) is denied"},
		{name: "without sub-ids", host: lacking, module: with("group_add: [www]"), fails: "sub-ids would allow it, but newuidmap and newgidmap are not installed"},
		{name: "without root, accepted", host: aliceInside(), module: with("group_add: [www]", "best_effort: [group_add]"), level: Missing, says: "(best_effort)"},
		{name: "as herself", host: aliceWithSubIDs(), module: with(`user: "1000"`, "group_add: [www]"), fails: "it has to be another user"},
		{name: "with sub-ids", host: aliceWithSubIDs(), module: with("group_add: [www, 700]"), groups: []posix.GID{33, 700},
			does: []string{"setgroups(2, [33 700])", "unshare(CLONE_NEWUSER)", "getgroups(2, &groups)", "expect groups[1] == 0xfffe"},
			says: "supplementary groups 33 700: for the host 33 is 200032, 700 is 200699, by sub-ids"},
		{name: "beyond the sub-ids", host: short, module: with("group_add: [www, 1700, 65534]"), fails: "the sub-ids do not reach 1700, 65534"},
		{name: "root's, with sub-ids", host: aliceWithSubIDs(), module: with("group_add: [root]"), fails: "the sub-ids do not reach 0"},
		{name: "beyond the sub-ids, accepted", host: short, module: with("group_add: [www, 1700]", "best_effort: [group_add]"), groups: []posix.GID{33}, does: []string{"setgroups(1, [33])"},
			level: Missing, says: "the sub-ids do not reach 1700 (best_effort)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, ds := compileWith(t, tt.host, tt.module)
			if tt.fails != "" {
				if res != nil || !strings.Contains(ds.Error(), tt.fails) || ds[0].Pos.Line == 0 {
					t.Fatalf("%v, want %s", ds, tt.fails)
				}
				return
			}
			if res == nil || len(ds) > 0 {
				t.Fatal(ds)
			}
			if !slices.Equal(res.User.Groups, tt.groups) {
				t.Errorf("groups %v, want %v", res.User.Groups, tt.groups)
			}
			text := explain(t, res.Program)
			for rest := text; len(tt.does) > 0; tt.does = tt.does[1:] {
				_, after, found := strings.Cut(rest, tt.does[0])
				if !found {
					t.Fatalf("it does not do %s, or earlier", tt.does[0])
				}
				rest = after
			}
			if len(tt.groups) == 0 && strings.Contains(text, "setgroups(") {
				t.Error("groups are set")
			}
			i := slices.IndexFunc(res.Enforcement, func(e Enforcement) bool { return e.Protection == "group_add" })
			if i < 0 || res.Enforcement[i].Level != tt.level || !strings.Contains(res.Enforcement[i].Detail, tt.says) {
				t.Errorf("%d: %v, want %s: %s", i, res.Enforcement, tt.level, tt.says)
			}
		})
	}
}

// TestGroupAddOrigin: who reads the launch program is shown the line of the policy.
func TestGroupAddOrigin(t *testing.T) {
	module := with("group_add: [www]")
	line := parse(t, module).Modules[0].GroupAdd[0].Pos.Line
	for _, s := range mustCompile(t, debian(), module).Program.Steps {
		if (strings.HasPrefix(s.Text, "setgroups") || strings.HasPrefix(s.Text, "expect groups[")) && s.Origin.Line != line {
			t.Errorf("%s comes from line %d, want %d", s.Text, s.Origin.Line, line)
		}
	}
}
