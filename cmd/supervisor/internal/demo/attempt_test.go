package demo

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func byName(t *testing.T, c Confinement) map[string]Attempt {
	t.Helper()
	out := map[string]Attempt{}
	for _, a := range c.Attempts {
		if _, twice := out[a.Name]; twice {
			t.Errorf("two attempts are named %q", a.Name)
		}
		if a.Name == "" || a.Gain == "" || a.Call == "" || a.Answer == "" {
			t.Errorf("an attempt says too little: %+v", a)
		}
		out[a.Name] = a
	}
	return out
}

// Without a sandbox the attempts succeed, are shown as such, and leave nothing behind: the page can turn red.
func TestAttemptsSucceedWithoutSandbox(t *testing.T) {
	if text, err := os.ReadFile("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"); os.Geteuid() != 0 && err == nil && strings.TrimSpace(string(text)) == "1" {
		t.Skip("this kernel gives an ordinary user no capabilities in a user namespace (apparmor_restrict_unprivileged_userns=1)")
	}
	scratch := t.TempDir()
	cmd := child("parent", scratch)
	inNamespaces(cmd)
	c, again := lookTwice(t, cmd)
	got := byName(t, c)
	must := []string{"make a device where it may write", "fill up the place where it may write", "become root", "enter the root of process 1",
		"find a process of the host to send a signal to", "take control of process 1", "read the memory of process 1",
		"turn the inherited socket into a way out", "listen to the traffic of others", "start a program: its own, once more",
		"start it the way the supervisor did, guessing the secret", "put a program into memory to start it", "mount something",
		"change the root directory", "make a user namespace", "join a namespace", "look for keys that the kernel keeps",
		"switch off the randomness of addresses"}
	for _, name := range must {
		if a := got[name]; a.Verdict != Allowed || a.Layer != "" {
			t.Errorf("%s: %+v; want it ALLOWED", name, a)
		}
	}
	for _, a := range c.Attempts {
		if a.Layer == LayerSeccomp || a.Layer == LayerLandlock {
			t.Errorf("%s: denied by %s, which is not there: %+v", a.Name, a.Layer, a)
		}
	}
	for _, name := range []string{"find a network card", "get ready to send to the internet"} {
		if a := got[name]; a.Verdict != Denied || a.Layer != LayerNetwork {
			t.Errorf("%s: %+v; want it denied by the empty network namespace", name, a)
		}
	}
	if c.Landlock.State != "not enforced" || c.Seccomp != (Seccomp{"none", 0}) {
		t.Errorf("Landlock %+v, seccomp %+v; want neither", c.Landlock, c.Seccomp)
	}
	if len(c.LetThrough()) < len(must) {
		t.Errorf("%d attempts got through; want at least %d", len(c.LetThrough()), len(must))
	}
	sameState(t, c, again)
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A user's further groups are not mapped in a user namespace. What denies that user something is not Landlock for it.
func TestAttemptsOfSomebodyWithGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skipf("giving a child groups needs root (setgroups(2)), and this is user %d: the run as root has it", os.Geteuid())
	}
	const user, group = 5, 27
	scratch := t.TempDir()
	for dir := scratch; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(scratch, user, user); err != nil {
		t.Fatal(err)
	}
	cmd := child("grouped", scratch)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user, Groups: []uint32{group}}}
	c, _ := lookTwice(t, cmd)
	if !slices.ContainsFunc(c.Attempts, func(a Attempt) bool { return a.Layer == LayerPermissions }) {
		t.Error("nothing is denied by permissions")
	}
	for _, a := range c.Attempts {
		if a.Layer == LayerSeccomp || a.Layer == LayerLandlock {
			t.Errorf("%s: denied by %s, which is not there: %+v", a.Name, a.Layer, a)
		}
	}
}

// inNamespaces gives a child namespaces of its own in which it is root.
func inNamespaces(cmd *exec.Cmd) {
	one := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		UidMappings: one(os.Getuid()), GidMappings: one(os.Getgid()),
	}
}

// sameState compares what the attempts could have changed.
func sameState(t *testing.T, before, after Confinement) {
	t.Helper()
	for _, x := range []struct {
		what string
		a, b any
	}{
		{"mounts", before.Mounts, after.Mounts}, {"namespaces", before.Namespaces, after.Namespaces}, {"limits", before.Rlimits, after.Rlimits},
		{"users", before.Identity, after.Identity}, {"capabilities", before.Caps, after.Caps}, {"descriptors", before.FDs, after.FDs},
		{"host name", before.Process.Hostname, after.Process.Hostname},
	} {
		if !reflect.DeepEqual(x.a, x.b) {
			t.Errorf("the attempts changed the %s: %v, then %v", x.what, x.a, x.b)
		}
	}
}

// With a filter and Landlock each attempt names the layer that refused it, and no attempt blames the filter for what it did not do.
func TestAttemptsNameTheLayer(t *testing.T) {
	if st, err := readStatus(ownProc); err != nil || st.seccompMode != 0 {
		t.Skipf("this test process has a seccomp filter already (mode %d, %v): who answers could not be told", st.seccompMode, err)
	}
	if _, err := landlockVersion(); err != nil {
		t.Skipf("this kernel has no Landlock: %v", err)
	}
	c, _ := lookTwice(t, child("confine", t.TempDir()))
	if c.Seccomp.Mode != "filter" || c.Seccomp.Filters != 1 || !c.NoNewPrivs {
		t.Fatalf("the child is not confined as it should be: %+v, no_new_privs %v", c.Seccomp, c.NoNewPrivs)
	}
	byFilter := map[string]bool{}
	for _, a := range c.Attempts {
		call, _, _ := strings.Cut(a.Call, "(")
		if a.Layer == LayerSeccomp {
			byFilter[call] = true
		}
	}
	want := map[string]bool{"mount": true, "chroot": true, "unshare": true, "setns": true, "ptrace": true, "bpf": true, "io_uring_setup": true, "keyctl": true,
		"personality": true, "setuid": true, "memfd_create": true, "connect": true, "ioctl": true}
	if !maps.Equal(byFilter, want) {
		t.Errorf("blamed on the filter: %v\nwhat it denies: %v", slices.Sorted(maps.Keys(byFilter)), slices.Sorted(maps.Keys(want)))
	}
	if a := byName(t, c)[deviceAttempt]; a.Layer != LayerLandlock || a.Answer != "EACCES" || c.Landlock.State != "enforced" {
		t.Errorf("Landlock is not seen: %+v, %+v", a, c.Landlock)
	}
}

// Every call that an attempt is decided by has a control, and no control is without an attempt.
func TestControlsAnswerAsTheyShould(t *testing.T) {
	if st, err := readStatus(ownProc); err != nil || st.seccompMode != 0 {
		t.Skipf("this test process has a seccomp filter already (mode %d, %v): the kernel's own answers cannot be had", st.seccompMode, err)
	}
	for _, c := range controls {
		if e := c.ask(); !contains(c.want, e) {
			t.Errorf("call %d answers %v to what no kernel accepts; the table says %v", c.nr, e, c.want)
		}
	}
}

func TestJudge(t *testing.T) {
	layers := map[unix.Errno]Layer{unix.EROFS: LayerReadOnly}
	no, yes := func(answer) bool { return false }, func(answer) bool { return true }
	for _, c := range []struct {
		name     string
		got      answer
		filtered func(answer) bool
		verdict  Verdict
		layer    Layer
		answer   string
	}{
		{"success", answer{}, yes, Allowed, "", "success"},
		{"stopped behind every wall", answer{errno: unix.EFAULT, reached: []unix.Errno{unix.EFAULT}}, yes, Allowed, "", "EFAULT"},
		{"the filter", answer{errno: unix.EPERM}, yes, Denied, LayerSeccomp, "EPERM"},
		{"by error number", answer{errno: unix.EROFS, layers: layers}, no, Denied, LayerReadOnly, "EROFS"},
		{"no layer known", answer{errno: unix.ENODEV, layers: layers}, no, Denied, LayerHost, "ENODEV"},
		{"no error to name", answer{said: "only lo", refused: LayerNetwork}, no, Denied, LayerNetwork, "only lo"},
		{"something found", answer{said: "eth0"}, no, Allowed, "", "eth0"},
		{"an error without a name", answer{errno: 4000}, no, Denied, LayerHost, "errno 4000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := attempt{name: "n", gain: "g"}.judge(c.got, c.filtered)
			if got.Verdict != c.verdict || got.Layer != c.layer || got.Answer != c.answer {
				t.Errorf("got %+v; want %s, layer %q, answer %q", got, c.verdict, c.layer, c.answer)
			}
		})
	}
}
