package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// TestDiesWithItsParent: a process asks for that before it does anything that takes its time, and once more when it has become who it is, which takes
// it back.
func TestDiesWithItsParent(t *testing.T) {
	const asks = "prctl(PR_SET_PDEATHSIG, SIGKILL)"
	programs := map[string]*program.Program{"tool": CompileTool(Tool{Facts: debian().facts, Filter: Filter{Program: make([]byte, 8)}})}
	for name, r := range variants(t) {
		programs[name] = r.Program
		if r.Init != nil {
			programs[name+", its init"] = r.Init
		}
	}
	for name, p := range programs {
		last := ""
		for _, s := range p.Steps {
			switch {
			case s.Text == asks:
				last = asks
			case strings.HasPrefix(s.Text, "setres"), strings.Contains(s.Text, "CLONE_NEWUSER"):
				last = s.Text
			}
		}
		if p.Steps[1].Text != asks || last != asks {
			t.Errorf("%s begins with %s and %s, and last is %s", name, p.Steps[0].Text, p.Steps[1].Text, last)
		}
	}
}

// identitySteps are the calls of a program between the limits and the parent-death signal.
func identitySteps(p *program.Program) []string {
	var out []string
	for _, s := range p.Steps[2:] {
		switch {
		case strings.HasPrefix(s.Text, "prctl(PR_SET_PDEATHSIG"):
			return out
		case strings.HasPrefix(s.Text, "prlimit64(0, RLIMIT_NOFILE") && len(out) > 0:
			out = append(out, "nofile")
		case strings.HasPrefix(s.Text, "prlimit64("):
			out = nil
		case strings.HasPrefix(s.Text, "prctl(PR_CAPBSET_DROP"):
			if len(out) > 0 && out[len(out)-1] == "drop" {
				continue
			}
			out = append(out, "drop")
		default:
			out = append(out, s.Text)
		}
	}
	return out
}

func TestIdentity(t *testing.T) {
	capset := func(caps uint64, ambient ...string) []string {
		out := []string{fmt.Sprintf("capset({_LINUX_CAPABILITY_VERSION_3, 0}, {%#x in each set})", caps),
			"prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)"}
		for _, name := range ambient {
			out = append(out, "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, "+name+", 0, 0)")
		}
		return out
	}
	drop := []string{"drop", "prctl(PR_SET_SECUREBITS, 0x2f)"}
	become := func(uid, gid, count int, groups string) []string {
		return []string{fmt.Sprintf("setgroups(%d, %s)", count, groups), fmt.Sprintf("setresgid(%d, %d, %d)", gid, gid, gid),
			fmt.Sprintf("setresuid(%d, %d, %d)", uid, uid, uid)}
	}
	maps := func(uid, gid, outsideUID, outsideGID int) []string {
		write := func(file, text string) []string {
			return []string{fmt.Sprintf("openat(</proc>, %q, O_WRONLY|O_CLOEXEC) = $3", "self/"+file), fmt.Sprintf("write($3, %q, %d)", text, len(text))}
		}
		return slices.Concat([]string{"prctl(PR_SET_DUMPABLE, 1)", "unshare(CLONE_NEWUSER)"}, write("setgroups", "deny"),
			write("gid_map", fmt.Sprintf("%d %d 1", gid, outsideGID)), write("uid_map", fmt.Sprintf("%d %d 1", uid, outsideUID)),
			[]string{"prctl(PR_SET_DUMPABLE, 0)"})
	}
	nofile := []string{"nofile"}
	tests := []struct {
		name   string
		host   *fakeHost
		module string
		want   []string
	}{
		// Dropping from the bounding set is not possible any more after setresuid: it comes first.
		{"root becomes a user", debian(), plain, slices.Concat(drop, become(990, 991, 2, "[4 27]"), capset(0))},
		{"with a group", debian(), with("group: www"), slices.Concat(drop, become(990, 33, 2, "[4 27]"), capset(0))},
		{"with groups", debian(), with("group_add: [www, 27, \"1\", \"991\"]"), slices.Concat(drop, become(990, 991, 4, "[1 4 27 33]"), capset(0))},
		{"with a group that it is in", debian(), with(`group: "27"`), slices.Concat(drop, become(990, 27, 1, "[4]"), capset(0))},
		{"with a capability", debian(), with("capabilities: [CAP_NET_BIND_SERVICE]"),
			slices.Concat(drop, become(990, 991, 2, "[4 27]"), capset(1<<10, "CAP_NET_BIND_SERVICE"))},
		// A new user namespace sets the bounding set and the securebits back: there it comes last. Its maps are files to be opened, for which
		// a small limit of descriptors would leave no number: that comes later still.
		{"root with a user namespace", debian(), with("namespaces: [user, mount, pid, network]"),
			slices.Concat(become(990, 991, 2, "[4 27]"), maps(990, 991, 990, 991), drop, capset(0), nofile)},
		{"an ordinary user shown as another", aliceInside(), plain, slices.Concat(maps(990, 991, 1000, 1000), drop, capset(0), nofile)},
		{"an ordinary user as itself", aliceInside(), with(`user: "1000"`), slices.Concat(drop, capset(0))},
		{"an ordinary user without a user", aliceInside(), strings.Replace(plain, "user: web\n", "", 1), slices.Concat(drop, capset(0))},
		{"an ordinary user as root", aliceInside(), with("user: root"), slices.Concat(maps(0, 0, 1000, 1000), drop, capset(0), nofile)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := identitySteps(mustCompile(t, tt.host, tt.module).Program)
			if !slices.Equal(got, tt.want) {
				t.Errorf("steps\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(tt.want, "\n  "))
			}
		})
	}
}

// TestEverythingIsReadBack: each number that is set is compared with what the kernel says afterwards.
func TestEverythingIsReadBack(t *testing.T) {
	p := mustCompile(t, debian(), with("capabilities: [CAP_CHOWN, CAP_CHECKPOINT_RESTORE]")).Program
	text := explain(t, p)
	for _, want := range []string{
		"expect real of getresuid == 0x3de", "expect effective of getresuid == 0x3de", "expect saved of getresuid == 0x3de",
		"expect real of getresgid == 0x3df", "expect effective of getresgid == 0x3df", "expect saved of getresgid == 0x3df",
		"expect number of supplementary groups == 0x2", "expect groups[0] == 0x4", "expect groups[1] == 0x1b",
		// Effective and permitted low, inheritable and effective high, permitted and inheritable high. Source: capget(2).
		"expect sets[0] == 0x100000001", "expect sets[1] == 0x10000000001", "expect sets[2] == 0x10000000100",
		"expect securebits == 0x2f", "expect CAP_SYS_ADMIN in the bounding set == 0x0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, "expect CAP_CHOWN in the bounding set") {
		t.Error("a capability that the module has is expected to be gone")
	}
}

// TestGroupsAreReadBack: in the order in which the kernel keeps them, and as a user namespace shows them.
func TestGroupsAreReadBack(t *testing.T) {
	h := debian()
	u := h.users["web"]
	u.Groups = []posix.GID{27, 4, 700}
	h.users["web"] = u
	text := explain(t, mustCompile(t, h, plain).Program)
	for _, want := range []string{"getgroups(3, &groups)", "expect groups[0] == 0x4", "expect groups[1] == 0x1b", "expect groups[2] == 0x2bc"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	u.Groups = nil
	for i := range mostReadGroups + 2 {
		u.Groups = append(u.Groups, posix.GID(1000+i))
	}
	h.users["web"] = u
	text = explain(t, mustCompile(t, h, plain).Program)
	if strings.Count(text, "expect groups[") != mostReadGroups || !strings.Contains(text, "expect number of supplementary groups == 0x202") {
		t.Errorf("of %d groups %d are compared", len(u.Groups), strings.Count(text, "expect groups["))
	}
	text = explain(t, mustCompile(t, aliceInside(), plain).Program)
	if strings.Contains(text, "getgroups") {
		t.Error("groups that nobody could set are compared")
	}
}
