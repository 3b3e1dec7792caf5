package e2e

import (
	"os"
	"strings"
	"testing"
)

// lack is a host on which something is missing.
type lack struct {
	name string
	root bool   // arranging it takes root
	as   string // who runs the supervisor: the caller when empty
	// around is the command that arranges it and executes what follows.
	around []string
	// filter names one of the victim's.
	filter string
	lines  []string // further keys of the module
	status int
	// says is what the message says; nothing when the module is to be started. doctor is what the table says, and reports what the report does.
	says, doctor, reports []string
}

// apart is a command that executes what follows in a mount namespace of its own, after a script.
func apart(script string) []string {
	return []string{"unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec", script + `; exec "$@"`, "sh"}
}

// aside is a command that executes what follows as root of a user namespace of its own, after a script.
func aside(script string) []string {
	return []string{"unshare", "--user", "--map-root-user", "/bin/sh", "-ec", script + `; exec "$@"`, "sh"}
}

func (l lack) run(t testing.TB, args ...string) *program {
	t.Helper()
	line := append([]string{place.supervisor}, args...)
	if l.filter != "" {
		line = []string{place.victim, "contained:" + l.filter + "," + strings.Join(line, ",")}
	}
	if l.as != "" {
		line = append([]string{"setpriv", "--reuid", l.as, "--regid", l.as, "--clear-groups"}, line...)
	}
	line = append(append([]string{}, l.around...), line...)
	p := command(t, line[0], line[1:]...)
	p.Env = append(os.Environ(), "XDG_RUNTIME_DIR=", "HOME=/nonexistent")
	return p
}

// other is the ordinary user of the run as root.
func other() string {
	if name := os.Getenv("BULKHEAD_TEST_USER"); name != "" {
		return name
	}
	return "games"
}

const (
	readOnlyGroups = `for m in $(grep " - cgroup" /proc/self/mountinfo | cut -d" " -f5); do mount -o remount,bind,ro "$m"; done`
	limited        = "resources: {pids.max: 64}"
	effort         = "best_effort: [resources]"
)

func lacks() []lack {
	docker := lack{name: "a container's filter", filter: "docker", status: 125, doctor: []string{"launch", "refuses clone3", "allows what its launches do: clone3"}}
	asRoot, asOther := docker, docker
	asRoot.root, asRoot.says = true, []string{"nothing can be started here", "seccomp filter", "supervisor doctor"}
	asOther.name, asOther.says = "a container's filter; ordinary user", []string{"enter a user namespace", "seccomp filter", "supervisor doctor"}
	if isRoot() {
		asOther.as = other()
	}
	noProc := lack{name: "no /proc", root: true, around: apart("mount -t tmpfs none /proc"), status: 125, says: []string{"/proc is not mounted here", "mount -t proc proc /proc"}}
	noProcOther := noProc
	noProcOther.name, noProcOther.as = "no /proc; ordinary user", other()
	return []lack{
		{name: "nothing"},
		asRoot, asOther,
		{name: "a filter that refuses mounts", root: true, filter: "mounts", status: 125, says: []string{"seccomp filter", "mounts", "supervisor doctor"},
			doctor: []string{"own root", "refuses open_tree"}},
		{name: "a filter that refuses unshare", root: true, filter: "unshare", status: 125, says: []string{"unshare", "operation not permitted"},
			doctor: []string{"mount namespace", "refused (operation not permitted) while this process is under a seccomp filter"}},
		{name: "groups that are read only", root: true, around: apart(readOnlyGroups), lines: []string{limited}, status: 2,
			says:   []string{"E610", "this host cannot enforce pids.max", "is mounted read-only", "mount it read-write; or accept the loss: best_effort: [pids.max]"},
			doctor: []string{"is mounted read-only", "mount -o remount,rw,bind /sys/fs/cgroup"}},
		{name: "groups that are read only, best effort", root: true, around: apart(readOnlyGroups), lines: []string{limited, effort},
			reports: []string{"pids.max", "MISSING: ", "is mounted read-only (best_effort)"}},
		{name: "groups that are read only, no limits", root: true, around: apart(readOnlyGroups)},
		{name: "no /sys", root: true, around: apart("mount -t tmpfs none /sys"), lines: []string{limited}, status: 2,
			says:   []string{"E610", "no control group hierarchy has the pids controller", "or accept the loss: best_effort: [pids.max]"},
			doctor: []string{"no mounted hierarchy has the controller pids", "mount -t cgroup2 none /sys/fs/cgroup"}},
		{name: "no /sys, best effort", root: true, around: apart("mount -t tmpfs none /sys"), lines: []string{limited, effort},
			reports: []string{"pids.max", "MISSING: no control group hierarchy has the pids controller (best_effort)"}},
		{name: "no /sys; ordinary user, best effort", root: true, as: other(), around: apart("mount -t tmpfs none /sys"), lines: []string{limited, effort}},
		noProc, noProcOther,
		{name: "no user namespaces", root: true, around: aside("echo 0 >/proc/sys/user/max_user_namespaces"), status: 125,
			says:   []string{"enter a user namespace", "user.max_user_namespaces is 0 or reached: sysctl -w user.max_user_namespaces=10000"},
			doctor: []string{"user.max_user_namespaces is 0", "the mount namespace of this process belongs to another user namespace", "unshare --mount supervisor"}},
		{name: "root of a user namespace only", root: true, around: aside("true")},
		{name: "little address space", around: []string{"prlimit", "--as=500000000"}, status: 125, says: []string{"RLIMIT_AS", "is 476 MiB", "at least 2048 MiB"}},
		{name: "hardly any address space", around: []string{"prlimit", "--as=100000000"}, status: 125, says: []string{"RLIMIT_AS", "is 95 MiB", "LimitAS=infinity"}},
		{name: "little data", around: []string{"prlimit", "--data=100000000"}, status: 125, says: []string{"RLIMIT_DATA", "is 95 MiB", "LimitDATA=infinity"}},
		{name: "one process", around: []string{"prlimit", "--nproc=1:1"}, status: 125, says: []string{"RLIMIT_NPROC", "is 1", "at least 24"}},
		{name: "three descriptors", around: []string{"prlimit", "--nofile=3:3"}, status: 125, says: []string{"RLIMIT_NOFILE", "is 3", "at least 64"}},
	}
}

// TestLacking: where a host lacks something, the start fails with one message that says what, why and what to do, and nothing runs; or the
// policy accepts the loss, and the report says so.
func TestLacking(t *testing.T) {
	t.Parallel()
	for _, l := range lacks() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			if l.root && !isRoot() {
				t.Skipf("mounting and writing to sysctl need root (mount(2)), and this is user %d: the run as root has it", os.Geteuid())
			}
			text := policyText(module{command: []string{place.victim, said}, lines: l.lines})
			file := writePolicy(t, text)
			if l.as != "" { // who cannot get into a directory of the test's
				file = writeFile(t, dirOf(t, l.as)+"/policy.yaml", text, 0o644)
			}
			for _, args := range [][]string{{"exec", "--policy", file}, {"--policy", file, "--control", "@"}} {
				if args[0] != "exec" {
					dir := openDir(t)
					if l.as != "" {
						dir = dirOf(t, l.as)
					}
					args[3] = dir + "/c"
				}
				p := l.run(t, args...).start(t)
				r := p.ended(t)
				r.wants(t, l.status, l.says...)
				if l.says == nil {
					if !strings.Contains(r.stdout+r.stderr, "started\tok") {
						t.Errorf("%s started nothing:\n%s%s", p, r.stdout, r.stderr)
					}
				} else {
					l.oneMessage(t, r)
				}
				for _, want := range l.reports {
					if args[0] != "exec" && !strings.Contains(r.stdout+r.stderr, want) {
						t.Errorf("the report does not say %q:\n%s%s", want, r.stdout, r.stderr)
					}
				}
				p.leavesNothing(t)
			}
		})
	}
}

// oneMessage wants one message, in words that a user knows, and nothing started.
func (l lack) oneMessage(t testing.TB, r result) {
	t.Helper()
	if n := strings.Count(r.stderr, "supervisor: ") + strings.Count(r.stderr, "error["); n != 1 {
		t.Errorf("%d messages, want one:\n%s", n, r.stderr)
	}
	for _, word := range []string{"role:", "openat2", "mkdirat", "confined process", "bulkhead-userns", "goroutine", "level=ERROR"} {
		if strings.Contains(r.stderr, word) {
			t.Errorf("%q is nothing that a user knows:\n%s", word, r.stderr)
		}
	}
	if strings.Contains(r.stdout+r.stderr, "started\tok") || strings.Contains(r.stderr, "event=instance.started") {
		t.Errorf("something was started:\n%s%s", r.stdout, r.stderr)
	}
}

// TestDoctorLacking: the table says what is missing there, and how to get it.
func TestDoctorLacking(t *testing.T) {
	t.Parallel()
	for _, l := range lacks() {
		if l.doctor == nil && l.status != 125 {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			if l.root && !isRoot() {
				t.Skipf("mounting and writing to sysctl need root (mount(2)), and this is user %d: the run as root has it", os.Geteuid())
			}
			p := l.run(t, "doctor").start(t)
			r := p.ended(t)
			if l.doctor == nil { // it cannot look
				r.wants(t, 125, l.says...)
				l.oneMessage(t, r)
				return
			}
			r.wants(t, 0)
			text := strings.Join(strings.Fields(r.stdout), " ") // however it is wrapped
			for _, want := range l.doctor {
				if !strings.Contains(text, want) {
					t.Errorf("the table does not say %q:\n%s", want, r.stdout)
				}
			}
			p.leavesNothing(t)
		})
	}
}

// TestCheckLacking: what --check and --dry-run try out is said without a launch.
func TestCheckLacking(t *testing.T) {
	t.Parallel()
	l := lack{filter: "unshare"}
	p := l.run(t, "--check", "--policy", policy(t, "", module{command: []string{place.victim, said}}))
	if !isRoot() {
		p.run(t).wants(t, 2, "E610", "without root a launch begins in a user namespace, which this host refuses: operation not permitted")
		return
	}
	p.run(t).wants(t, 2, "E610", "this host refuses mount namespaces", "it refuses network namespaces: operation not permitted", "supervisor doctor")
}
