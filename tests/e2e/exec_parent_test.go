package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestExecDiesWithParent: with --die-with-parent a command and its supervisor end when the process ends that started them, whatever ended it.
func TestExecDiesWithParent(t *testing.T) {
	t.Parallel()
	file := policy(t, "", module{})
	const unique = "sleep:61m7s"
	// The shell waits, so it is the parent.
	script := fmt.Sprintf("%s exec --policy %s --die-with-parent -- %s say:begun %s & wait", place.supervisor, file, place.victim, unique)
	sh := command(t, "/bin/sh", "-c", script).start(t)
	sh.says(t, "begun")
	family := func() (out []process) {
		return slices.DeleteFunc(running(unique), func(p process) bool { return p.pid == sh.Process.Pid })
	}
	before := family()
	if len(before) < 2 {
		t.Fatalf("there are %v", before)
	}
	groups := func() (out []string) {
		for _, p := range before {
			out = append(out, groupsOf(t, p.pid)...)
		}
		return out
	}
	if isRoot() && len(groups()) == 0 {
		t.Error("as root it has no control group")
	}
	kill(t, sh.Process.Pid)
	for deadline := time.Now().Add(limit); len(family()) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			for _, p := range family() {
				t.Errorf("%s lives on", p)
				kill(t, p.pid)
			}
			break
		}
	}
	// What only a living process can remove is removed by a next one that is in the same hierarchies, when the last process has left.
	waitFor(t, "the end of its control groups", func() bool {
		supervisor(t, "exec", "--policy", file, "--", place.victim, "say:swept").run(t).wants(t, 0)
		return len(groups()) == 0
	})
}
