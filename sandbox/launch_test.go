package sandbox

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/program"
)

// stages are the parts of a launch in the order that a kernel and our promises need, each with the steps that belong to it.
var stages = []struct{ name, steps string }{
	{"session", `setsid\(|umask\(|rt_sigaction\(|rt_sigprocmask\(`},
	{"what ties it to the supervisor", `keyctl\(|personality\(`},
	{"namespaces", `unshare\(CLONE_NEW(NS|PID|IPC|UTS|CGROUP)|setns\(<(init|seed)>|socket\(AF_INET|ioctl\(\$1, SIOCSIFFLAGS`},
	{"mounts", `mount\(NULL|move_mount\(|symlinkat\(|mkdirat\(|mknodat\(|fsopen\(|fsconfig\(|fsmount\(|open_tree\(|openat2\(\$8|unlinkat\(|mount_setattr\(`},
	{"pivot", `fchdir\(|chroot\(|pivot_root\(|umount2\(`},
	{"rule about the new proc", `store parent_fd|landlock_add_rule\(`},
	{"hostname", `sethostname\(|setdomainname\(`},
	{"network", `read\(<network made>|expect finished network|setns\(<network>`},
	{"descriptors", `close_range\(|dup3\(|fcntl\(|ioctl\(0, TIOCSCTTY`},
	{"limits", `prlimit64\(`},
	{"identity", `prctl\(PR_CAPBSET_DROP|prctl\(PR_SET_SECUREBITS|setgroups\(|setresgid\(|setresuid\(|` +
		`prctl\(PR_SET_DUMPABLE|unshare\(CLONE_NEWUSER|openat\(</proc>|write\(\$3`},
	{"capabilities", `capset\(|prctl\(PR_CAP_AMBIENT`},
	{"parent-death signal", `prctl\(PR_SET_PDEATHSIG`},
	{"read back", `expect ([^f]|first [^c])|getresuid\(|getresgid\(|getgroups\(|capget\(|prctl\(PR_GET_SECUREBITS|prctl\(PR_CAPBSET_READ`},
	{"working directory and LISTEN_PID", `chdir\(|getcwd\(|expect first character of the working directory|getpid\(|store-decimal LISTEN_PID`},
	{"no new privileges", `prctl\(PR_SET_NO_NEW_PRIVS`},
	{"landlock", `landlock_restrict_self\(`},
	{"seccomp", `seccomp\(`},
	{"exec", `execveat\(`},
}

func stageOf(t *testing.T, text string) int {
	t.Helper()
	found := -1
	for i, s := range stages {
		if regexp.MustCompile(`^(` + s.steps + `)`).MatchString(text) {
			if found >= 0 {
				t.Fatalf("%q belongs to %s and to %s", text, stages[found].name, s.name)
			}
			found = i
		}
	}
	if found < 0 {
		t.Fatalf("%q belongs to no stage of a launch", text)
	}
	return found
}

// TestOrder: each part of a launch needs what the ones before it did, and can no longer do what comes earlier.
func TestOrder(t *testing.T) {
	for name, res := range variants(t) {
		t.Run(name, func(t *testing.T) {
			for which, p := range map[string]*program.Program{"module": res.Program, "init": res.Init} {
				if p == nil {
					continue
				}
				at := 0
				seen := make([]int, len(stages))
				mapped := slices.ContainsFunc(p.Steps, func(s program.Step) bool { return strings.HasPrefix(s.Text, "unshare(CLONE_NEWUSER") })
				for i, s := range p.Steps {
					if i == 1 {
						continue // the parent-death signal, which it asks for again: TestDiesWithItsParent
					}
					stage := stageOf(t, s.Text)
					seen[stage]++
					if mapped && strings.HasPrefix(s.Text, "prlimit64(0, RLIMIT_NOFILE") {
						continue // comes when the maps have been opened: TestIdentity
					}
					if stage < at {
						t.Errorf("%s: step %d, %s, comes after %s", which, i+1, s.Text, stages[at].name)
					}
					at = max(at, stage)
				}
				last := p.Steps[len(p.Steps)-1]
				if last.Number != unix.SYS_EXECVEAT || seen[len(stages)-1] != 1 {
					t.Errorf("%s: the last step is %s", which, last.Text)
				}
				for _, need := range []string{"session", "descriptors", "limits", "identity", "capabilities", "parent-death signal", "read back", "no new privileges"} {
					if i := slices.IndexFunc(stages, func(s struct{ name, steps string }) bool { return s.name == need }); seen[i] == 0 {
						t.Errorf("%s: nothing is done about %s", which, need)
					}
				}
			}
		})
	}
}

// TestLastFourAreAdjacent: nothing comes between the last four, so that nothing runs half confined.
func TestLastFourAreAdjacent(t *testing.T) {
	for name, res := range variants(t) {
		if strings.HasPrefix(name, "without") {
			continue
		}
		var calls []string
		for _, s := range res.Program.Steps[len(res.Program.Steps)-4:] {
			call, _, _ := strings.Cut(s.Text, "(")
			calls = append(calls, call)
		}
		if want := []string{"prctl", "landlock_restrict_self", "seccomp", "execveat"}; !slices.Equal(calls, want) {
			t.Errorf("%s ends with %v", name, calls)
		}
	}
}
