package sandbox

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
)

// rules are what a program lets its module do, by path: Landlock's rights and the attributes of the mount.
func rules(p *program.Program) map[string]uint64 {
	out := map[string]uint64{}
	for _, d := range p.Prepare {
		for _, r := range d.Rules {
			out[p.Prepare[r.From].Path] |= r.Access
		}
	}
	return out
}

// TestLessAskedIsLessGiven compiles every part of a file-system list: a shorter list gives no right that the longer one does not.
func TestLessAskedIsLessGiven(t *testing.T) {
	entries := []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /etc/web, access: rw}", "{path: /etc/hostname, access: r}",
		"{path: /srv, tmpfs: 1M}", "{path: /dev/null, access: rw}"}
	given := map[int]map[string]uint64{}
	for n := range 1 << len(entries) {
		if n&1 == 0 {
			continue // without /usr nothing starts
		}
		var some []string
		for i, e := range entries {
			if n>>i&1 == 1 {
				some = append(some, e)
			}
		}
		p := mustCompile(t, debian(), withFiles(some...)).Mounts()
		checkWellFormed(t, p)
		given[n] = rules(p)
	}
	for n, less := range given {
		for m, more := range given {
			if n&^m != 0 {
				continue
			}
			for path, access := range less {
				if access&^more[path] != 0 {
					t.Errorf("list %b gives %#x below %s, list %b only %#x", n, access, path, m, more[path])
				}
			}
		}
	}
}

// TestDenyAddsNothing: a longer deny list changes the filter and nothing else of the launch.
func TestDenyAddsNothing(t *testing.T) {
	base := explain(t, mustCompile(t, debian(), plain).Program)
	denied := strings.Replace(plain, `seccomp: {allow: ["@io", exit_group]}`, `seccomp: {allow: ["@io", exit_group], deny: [write]}`, 1)
	f := &fakeFilters{}
	if got := explain(t, mustCompile(t, debian(), denied, func(r *Request) { r.Filters = f }).Program); got != base {
		t.Errorf("more deny (- less, + more):\n%s", cmp.Diff(base, got))
	}
	if slices.ContainsFunc(f.modules[0].Allow, func(c policy.Call) bool { return c.Name == "write" }) {
		t.Error("the filter allows what is denied")
	}
}

// TestFewerCapabilitiesKeepFewer compares the bounding set and the sets of two modules, of which one asks for more.
func TestFewerCapabilitiesKeepFewer(t *testing.T) {
	count := func(caps, prefix string) int {
		n := 0
		for _, s := range mustCompile(t, debian(), with("capabilities: "+caps)).Program.Steps {
			if strings.HasPrefix(s.Text, prefix) {
				n++
			}
		}
		return n
	}
	for i, caps := range []string{"[]", "[CAP_CHOWN]", "[CAP_CHOWN, CAP_KILL]"} {
		if got := count(caps, "prctl(PR_CAPBSET_DROP"); got != 41-i {
			t.Errorf("%s drops %d of 41 from the bounding set", caps, got)
		}
		if got := count(caps, "prctl(PR_CAPBSET_READ"); got != 41-i {
			t.Errorf("%s reads %d of 41 back", caps, got)
		}
		if got := count(caps, "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE"); got != i {
			t.Errorf("%s raises %d", caps, got)
		}
	}
}
