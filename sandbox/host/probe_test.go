package host

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
)

// printFacts is set in the environment of a child that prints the facts as it sees them.
const printFacts = "BULKHEAD_HOST_TEST_FACTS"

func TestMain(m *testing.M) {
	if os.Getenv(printFacts) != "" {
		f, err := ProbeAll(linux.New())
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(f)
		}
		if err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func probeAll(t *testing.T) Facts {
	t.Helper()
	f, err := ProbeAll(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// probeAs returns the facts that a child finds which is started with attr.
func probeAs(t *testing.T, attr *syscall.SysProcAttr) Facts {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), printFacts+"=1")
	cmd.SysProcAttr, cmd.Stderr = attr, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	var f Facts
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// TestProbeAgainstSecondSources compares with what the host says in other places.
func TestProbeAgainstSecondSources(t *testing.T) {
	f := probeAll(t)
	if want := read(t, "/proc/sys/kernel/osrelease"); f.Release != want {
		t.Errorf("release %q, want %q", f.Release, want)
	}
	if !strings.HasPrefix(f.Release, strconv.Itoa(f.Kernel.Major)+"."+strconv.Itoa(f.Kernel.Minor)) {
		t.Errorf("kernel %+v of %q", f.Kernel, f.Release)
	}
	if int(f.UID) != os.Getuid() || int(f.EUID) != os.Geteuid() || int(f.GID) != os.Getgid() || int(f.EGID) != os.Getegid() {
		t.Errorf("ids: %+v", f)
	}
	var sets posix.CapSets
	if err := linux.New().Capget(&sets); err != nil || sets.Effective != f.Capabilities.Effective || sets.Permitted != f.Capabilities.Permitted {
		t.Errorf("capabilities %+v, capget says %+v (%v)", f.Capabilities, sets, err)
	}
	if f.Capabilities.Bounding>>(f.Capabilities.Last+1) != 0 {
		t.Errorf("the bounding set %x has more than capability %d", f.Capabilities.Bounding, f.Capabilities.Last)
	}
	for _, ns := range namespaceFiles {
		_, err := os.Readlink("/proc/self/ns/" + ns.name)
		if (err == nil) != (f.Namespaces&ns.kind != 0) {
			t.Errorf("namespace %s: %v, %x", ns.name, err, f.Namespaces)
		}
	}
	if lsm, err := os.ReadFile("/sys/kernel/security/lsm"); err == nil {
		if slices.Contains(strings.Split(strings.TrimSpace(string(lsm)), ","), "landlock") != (f.Landlock.ABI > 0) {
			t.Errorf("Landlock %+v, but the security modules are %s", f.Landlock, lsm)
		}
	}
	if !f.Pidfd || !f.Tried || !f.Proc.Mounted {
		t.Errorf("%+v", f)
	}
}

// TestProbeSelf: what it says, Probe says too; and it says all that the question of whom to trust needs.
func TestProbeSelf(t *testing.T) {
	self, err := ProbeSelf(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	all, err := Probe(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	for i := range reflect.TypeFor[Facts]().NumField() {
		name, got, want := reflect.TypeFor[Facts]().Field(i).Name, reflect.ValueOf(self).Field(i), reflect.ValueOf(all).Field(i)
		switch {
		case name == "UserNS":
			if self.UserNS.Initial != all.UserNS.Initial {
				t.Errorf("the initial user namespace: %t, not %t", self.UserNS.Initial, all.UserNS.Initial)
			}
		case (name == "Capabilities" || strings.HasPrefix(name, "Overflow")) && got.IsZero():
			t.Errorf("%s is missing", name)
		case !got.IsZero() && !reflect.DeepEqual(got.Interface(), want.Interface()):
			t.Errorf("%s: %v, not %v", name, got, want)
		}
	}
}

func TestProbeSeccompActions(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("this kernel does not list its actions (before Linux 4.14, or without CONFIG_SECCOMP_FILTER): %v", err)
	}
	got := setNames(uint(probeAll(t).Seccomp), actionNames[:])
	want := strings.Fields(string(text))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, the kernel lists %q", got, want)
	}
}

func TestProbeIgnoredSignals(t *testing.T) {
	const bit = 1 << (syscall.SIGUSR2 - 1)
	if probeAll(t).SigIgn&bit != 0 {
		t.Fatal("SIGUSR2 is ignored already")
	}
	signal.Ignore(syscall.SIGUSR2)
	defer signal.Reset(syscall.SIGUSR2)
	if probeAll(t).SigIgn&bit == 0 {
		t.Error("an ignored signal is not seen")
	}
}

// TestProbeGroups: this process is in the groups that were found.
func TestProbeGroups(t *testing.T) {
	f := probeAll(t)
	self := strconv.Itoa(os.Getpid())
	checked := 0
	for _, h := range []Hierarchy{f.Cgroup.V2, f.Cgroup.Memory, f.Cgroup.Pids, f.Cgroup.CPU, f.Cgroup.Freezer} {
		if h.Dir == "" {
			continue
		}
		checked++
		if !slices.Contains(strings.Fields(read(t, h.Dir+"/cgroup.procs")), self) {
			t.Errorf("process %s is not in %+v", self, h)
		}
		if f.EUID == 0 && !h.ReadOnly && h.Place == "" {
			t.Errorf("user 0 may not make groups in %+v", h)
		}
	}
	if checked == 0 {
		t.Skip("/proc/self/cgroup and /proc/self/mountinfo show no hierarchy of control groups")
	}
}

// TestProbeAsOrdinaryUser tries as a user that owns nothing here, with unshare(1) as the second source.
func TestProbeAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skipf("becoming another user needs root (setuid(2)), and this is user %d: the run as root has it", os.Geteuid())
	}
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	f := probeAs(t, nobody)
	if f.UID != 65534 || f.EUID != 65534 || f.Capabilities.Effective != 0 || !f.UserNS.Initial {
		t.Errorf("%+v", f)
	}
	for _, h := range []Hierarchy{f.Cgroup.V2, f.Cgroup.Memory, f.Cgroup.Pids, f.Cgroup.CPU} {
		if h.Dir != "" && (h.Place != "" || h.Errno != syscall.EACCES) {
			t.Errorf("user 65534 may make groups: %+v", h)
		}
	}
	unshare := exec.Command("unshare", "--user", "--map-root-user", "--mount", "true")
	unshare.SysProcAttr = nobody
	out, err := unshare.CombinedOutput()
	if (err == nil) != (f.UserNS.Errno == 0) {
		t.Errorf("user namespaces: %+v, but unshare ended with %v: %s", f.UserNS, err, out)
	}
}

// TestProbeInUserNamespace: a user namespace inside of which groups cannot be set.
func TestProbeInUserNamespace(t *testing.T) {
	all := probeAll(t)
	if all.UserNS.Errno != 0 {
		t.Skipf("this host makes no user namespaces: %v", all.UserNS.Errno)
	}
	f := probeAs(t, &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER,
		UidMappings:                []syscall.SysProcIDMap{{ContainerID: 7, HostID: os.Geteuid(), Size: 1}},
		GidMappings:                []syscall.SysProcIDMap{{ContainerID: 8, HostID: os.Getegid(), Size: 1}},
		GidMappingsEnableSetgroups: false,
	})
	if f.UserNS.Initial || !f.SetgroupsDenied || f.UID != 7 || f.GID != 8 {
		t.Errorf("%+v", f)
	}
	if f.OverflowUID != all.OverflowUID || f.OverflowUID == 0 {
		t.Errorf("overflow user %d inside, %d outside", f.OverflowUID, all.OverflowUID)
	}
}

// TestProbeIsCheap: it runs at every start. The best of several runs, because the machine is shared.
func TestProbeIsCheap(t *testing.T) {
	best := time.Hour
	for range 20 {
		begin := time.Now()
		if _, err := Probe(linux.New()); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(begin))
	}
	if best > time.Millisecond {
		t.Errorf("a probe took %v", best)
	}
}

// TestProbeLeavesNothing: neither descriptors nor children.
func TestProbeLeavesNothing(t *testing.T) {
	probeAll(t) // the runtime's own descriptors are open afterwards
	before, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		probeAll(t)
	}
	after, err := os.ReadDir("/proc/self/fd")
	if err != nil || len(after) != len(before) {
		t.Errorf("%d descriptors before, %d after (%v)", len(before), len(after), err)
	}
	var info posix.WaitInfo
	if err := linux.New().Waitid(posix.PAll, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT); !errors.Is(err, unix.ECHILD) {
		t.Errorf("a child is left: %+v, %v", info, err)
	}
}

// TestTryUserNamespace sees how the kernel's answers become facts.
func TestTryUserNamespace(t *testing.T) {
	for _, test := range []struct {
		name string
		k    cloner
		want UserNSFacts
		err  bool
	}{
		{"worked", cloner{}, UserNSFacts{}, false},
		{"refused", cloner{err: unix.EPERM}, UserNSFacts{Errno: unix.EPERM}, false},
		{"refused inside", cloner{child: posix.Child{Failed: &posix.StepFailure{Errno: unix.EACCES}}}, UserNSFacts{Errno: unix.EACCES, InsideFailed: true}, false},
		{"not an answer", cloner{err: errors.New("broken")}, UserNSFacts{}, true},
		{"lost", cloner{wait: unix.ECHILD}, UserNSFacts{}, true},
	} {
		var got UserNSFacts
		if err := tryUserNamespace(test.k, &got); (err != nil) != test.err || got != test.want {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
	}
}

type cloner struct {
	posix.Processes
	child     posix.Child
	err, wait error
}

func (c cloner) Clone3(*posix.CloneArgs) (posix.Child, error) { return c.child, c.err }

func (c cloner) Close(posix.FD) error { return nil }

func (c cloner) Waitid(posix.IDType, int, *posix.WaitInfo, int) error { return c.wait }

func BenchmarkProbe(b *testing.B) {
	for b.Loop() {
		if _, err := Probe(linux.New()); err != nil {
			b.Fatal(err)
		}
	}
}
