package e2e

import (
	"os"
	"path"
	"strings"
	"syscall"
	"testing"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

// TestCheckTriesControlGroups: --check and --dry-run say that control groups cannot be made although they are mounted.
func TestCheckTriesControlGroups(t *testing.T) {
	t.Parallel()
	facts, err := host.ProbeAll(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	pids, ok := facts.Cgroup.For(host.Pids)
	if !ok || pids.Dir == "" {
		t.Skipf("no control group of this process has the pids controller (/proc/self/cgroup): %+v", facts.Cgroup.Pids)
	}
	file := policy(t, "", module{lines: []string{"resources: {pids.max: 10}"}})
	check := func(says string) {
		for _, flag := range []string{"--check", "--dry-run"} {
			// Nobody may write to the file, not even root, in mounts that only this process sees.
			script := `for f; do case $f in /*/cgroup.procs) mount --bind "$f" "$f" && mount -o remount,bind,ro "$f" || exit 99; shift;; esac; done; exec "$@"`
			args := []string{"-c", script, "sh"}
			if isRoot() {
				for dir := pids.Dir; len(dir) >= len(pids.Mount); dir = path.Dir(dir) {
					args = append(args, dir+"/cgroup.procs")
				}
			}
			p := command(t, "/bin/sh", append(args, place.supervisor, "--policy", file, flag)...)
			if isRoot() {
				p.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			}
			r := p.run(t)
			r.wants(t, 2, "E610", "pids.max", says, "or accept the loss: best_effort: [pids.max]")
		}
	}
	switch {
	case isRoot() && pids.Place != "":
		supervisor(t, "--policy", file, "--check").run(t).wants(t, 0)
		check("no control group can be made in")
	case pids.Version == 1:
		check("control groups of version 1 cannot be delegated to an ordinary user")
	case pids.Place == "":
		check("no control group can be made in")
	default:
		if !strings.HasPrefix(pids.Place, pids.Mount) {
			t.Errorf("groups are made in %s, which is not below %s", pids.Place, pids.Mount)
		}
		t.Skipf("user %d may make control groups in %s, and has no way to take that away: the run as root has it", os.Geteuid(), pids.Place)
	}
}
