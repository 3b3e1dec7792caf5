package e2e

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// programFiles are what a shell and the programs beside it need.
func programFiles(more ...string) []string {
	return append([]string{"{path: /usr, access: rx}", "{path: /bin, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}",
		"{path: /dev/null, access: rw}"}, more...)
}

// groupNumbers returns the numbers of `id -G`, sorted as texts.
func groupNumbers(stdout string) []string {
	all := strings.Fields(stdout)
	slices.Sort(all)
	return all
}

// fileOfGroup makes a file that only root and the members of a group may read.
func fileOfGroup(t *testing.T, group string) (dir, file string) {
	t.Helper()
	dir = reachableDir(t)
	file = filepath.Join(dir, "of-the-group")
	writeFile(t, file, "text", 0o640)
	if out, err := exec.Command("chown", "0:"+group, file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir, file
}

// TestGroupAdd: the module is in the groups that the policy adds and those that the user has, and in no others.
func TestGroupAdd(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		t.Skip("it takes root to become another user with groups of one's choice: see TestGroupAddWithoutRoot")
	}
	audio, err := user.LookupGroup("audio")
	if err != nil {
		t.Skipf("this host has no group audio: %v", err)
	}
	database := command(t, "/usr/bin/id", "-G", other()).run(t)
	database.wants(t, 0)
	const nobodys = "44321" // no name has it: a group is a number for the kernel
	dir, file := fileOfGroup(t, nobodys)
	for _, c := range []struct {
		name  string
		lines []string
		want  []string // besides the module's own group
		reads string
	}{
		{"besides the database's", []string{"user: " + other(), "group_add: [audio, " + nobodys + "]"}, append(strings.Fields(database.stdout), audio.Gid, nobodys), "ok"},
		{"of a dynamic user", []string{"user: {dynamic: true}", "group_add: [audio, " + nobodys + "]"}, []string{audio.Gid, nobodys}, "ok"},
		{"in a user namespace", []string{"user: {dynamic: true}", "group_add: [audio, " + nobodys + "]", "namespaces: [user, mount, pid, ipc, uts, cgroup, network]"},
			[]string{"65534", "65534"}, "ok"},
		{"none", []string{"user: {dynamic: true}"}, nil, "EACCES"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := "version: 1\nmodules:\n" + module{lines: c.lines, allow: everything, files: programFiles("{path: " + dir + ", access: r}")}.text()
			if strings.Contains(text, "namespaces: [user") {
				text = regexp.MustCompile(`    namespaces: \[mount.*\n`).ReplaceAllString(text, "")
			}
			p := writePolicy(t, text)
			r := supervisor(t, "exec", "--policy", p, "--", "/bin/sh", "-c", "/usr/bin/id -g; /usr/bin/id -G").run(t)
			r.wants(t, 0)
			own, all, _ := strings.Cut(r.stdout, "\n")
			want := append(slices.Clone(c.want), own)
			slices.Sort(want)
			if got := groupNumbers(all); !slices.Equal(got, slices.Compact(want)) && !slices.Equal(got, want) {
				t.Errorf("groups %v, want %v", got, want)
			}
			r = supervisor(t, "exec", "--policy", p, "--", place.victim, "read:"+file).run(t)
			r.wants(t, 0)
			if !strings.Contains(r.stdout, "read:"+file+"\t"+c.reads+"\t") {
				t.Errorf("no %s in\n%s", c.reads, r.stdout)
			}
		})
	}
}

// TestGroupAddWithoutRoot: who cannot set groups is told so before the start, and what would allow it.
func TestGroupAddWithoutRoot(t *testing.T) {
	t.Parallel()
	lines := []string{"user: {dynamic: true}", "group_add: [44]"}
	with := func(more ...string) string {
		p := filepath.Join(reachableDir(t), "policy.yaml")
		writeFile(t, p, policyText(module{lines: append(slices.Clone(lines), more...), allow: everything, files: programFiles()}), 0o644)
		return p
	}
	strict, lenient := with(), with("best_effort: [group_add]")
	run := func(h subIDHost, args ...string) result { return supervisor(t, args...).run(t) }
	if isRoot() {
		u, err := user.Lookup(other())
		if err != nil {
			t.Fatal(err)
		}
		run = func(h subIDHost, args ...string) result { return h.on(t, u, args...) }
		testGroupAddWithSubIDs(t, u, strict)
	} else if text, err := os.ReadFile("/etc/subgid"); err == nil && len(strings.TrimSpace(string(text))) > 0 {
		t.Skip("this host gives users sub-ids in /etc/subgid, which root alone can take away for a test")
	}
	r := run(subIDHost{}, "exec", "--policy", strict, "--", place.victim, "capabilities")
	r.wants(t, 2, "E610", "setgroups(2) is denied", "best_effort: [group_add]", "run the supervisor as root")
	r = run(subIDHost{}, "exec", "--policy", lenient, "--", "/usr/bin/id", "-g")
	r.wants(t, 0)
}

// testGroupAddWithSubIDs: a group that the sub-ids reach is one for the host too, another one.
func testGroupAddWithSubIDs(t *testing.T, u *user.User, policy string) {
	ranges := u.Username + ":300000:65536\n"
	h := subIDHost{subuid: ranges, subgid: ranges, mode: "4755"}
	r := h.on(t, u, "--dry-run", "--policy", policy)
	r.wants(t, 0)
	m := regexp.MustCompile(`44 is (3[0-9]{5}), by sub-ids`).FindStringSubmatch(r.stdout + r.stderr)
	if m == nil {
		t.Fatalf("the plan does not say what group 44 is for the host:\n%s%s", r.stdout, r.stderr)
	}
	for group, reads := range map[string]string{m[1]: "ok", "44": "EACCES"} {
		_, file := fileOfGroup(t, group)
		r = h.on(t, u, "exec", "--policy", policy, "--ro-bind", filepath.Dir(file)+":"+filepath.Dir(file), "--", place.victim, "read:"+file)
		r.wants(t, 0)
		if !strings.Contains(r.stdout, "read:"+file+"\t"+reads+"\t") {
			t.Errorf("group %s: no %s in\n%s", group, reads, r.stdout)
		}
	}
}
