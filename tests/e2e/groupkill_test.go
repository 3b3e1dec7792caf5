package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// unmounted is a script that unmounts the hierarchies of control groups that a pattern of grep finds in /proc/self/mountinfo.
func unmounted(pattern string) string {
	return fmt.Sprintf(`for m in $(grep -E " - (%s)" /proc/self/mountinfo | cut -d" " -f5); do umount "$m"; done`, pattern)
}

// TestKilledByGroup: without a pid namespace only its control group knows the processes of a module, and ends them with it: by cgroup.kill on
// version 2, on version 1 with pids.max at 0, and with the freezer where there is no more.
func TestKilledByGroup(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		needsVersion2(t)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	text := policyText(module{name: "daemons", command: []string{"/bin/sh"}, files: []string{"{path: /usr, access: rx}", "{path: /bin, access: rx}", "{path: /lib, access: rx}",
		"{path: /lib64, access: rx, if_exists: true}", "{path: /dev/null, access: rw}"}, lines: []string{"environment: {PATH: \"/usr/bin:/bin\"}"}})
	text = strings.Replace(strings.Replace(text, "      - {path: /proc, proc: all}\n", "", 1), "mount, pid, ipc", "mount, ipc", 1)
	const stays = "no groups at all: they stay"
	for _, c := range []struct {
		name  string
		needs string // of the mounts
		lack
	}{
		{name: "as the host is"},
		{stays, "", lack{root: true, around: apart(unmounted("cgroup"))}},
		{"version 1 by pids", " - cgroup cgroup rw,pids", lack{root: true, around: apart(unmounted("cgroup2 "))}},
		{"version 1 by the freezer", " - cgroup cgroup rw,freezer", lack{root: true, around: apart(unmounted("cgroup2 |cgroup cgroup rw,pids"))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(string(mounts), c.needs) {
				t.Skipf("no mount of this host has %q: the controller is on version 2", c.needs)
			}
			if c.root && !isRoot() {
				t.Skipf("unmounting takes root (umount(2)), and this is user %d", os.Geteuid())
			}
			mark := marker()
			p := c.run(t, "exec", "--policy", writePolicy(t, text), "--", "/bin/sh", "-c", daemons(mark)+"; sleep 0.2; echo started; read line; exit 3")
			in, err := p.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			p.start(t)
			p.says(t, "started")
			waitFor(t, "four daemons inside", func() bool { return len(running("sleep "+mark)) >= 4 })
			if err := in.Close(); err != nil {
				t.Fatal(err)
			}
			p.ended(t).wants(t, 3)
			left := running(mark)
			if (len(left) > 0) != (c.name == stays) {
				t.Errorf("left behind: %v", left)
			}
			for _, p := range left {
				_ = unix.Kill(p.pid, unix.SIGKILL) // it may have ended
			}
			waitFor(t, "the end of what was left", func() bool { return len(running(mark)) == 0 })
		})
	}
}
