package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
	if len(family()) < 2 {
		t.Fatalf("there are %v", family())
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
	// What a supervisor that was killed left of control groups, the next one that stays removes.
	ready(t, policy(t, "", module{command: []string{place.victim, "sleep:600s"}})).stop(t, unix.SIGTERM)
}
