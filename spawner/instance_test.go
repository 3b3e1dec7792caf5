package spawner

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/cgroup"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/launch"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

func TestExitTexts(t *testing.T) {
	tests := []struct {
		exit   Exit
		text   string
		status int
	}{
		{Exit{WaitInfo: posix.WaitInfo{Code: posix.CldExited}}, "exited", 0},
		{Exit{WaitInfo: posix.WaitInfo{Code: posix.CldExited, Status: 7}}, "exited with status 7", 7},
		{Exit{WaitInfo: posix.WaitInfo{Code: posix.CldKilled, Status: int(unix.SIGKILL)}}, "killed by SIGKILL", 137},
		{Exit{WaitInfo: posix.WaitInfo{Code: posix.CldKilled, Status: int(unix.SIGSYS)}}, "killed by SIGSYS: it made a system call that the policy answers so", 159},
		{Exit{WaitInfo: posix.WaitInfo{Code: posix.CldDumped, Status: int(unix.SIGSEGV)}}, "killed by SIGSEGV, with a core dump", 139},
		{Exit{WaitInfo: posix.WaitInfo{Code: posix.CldKilled, Status: int(unix.SIGKILL)}, OOMKills: 1, MemoryMax: true}, "killed for want of memory: memory.max was reached", 137},
		{Exit{WaitInfo: posix.WaitInfo{Code: posix.CldKilled, Status: int(unix.SIGKILL)}, OOMKills: 1},
			"killed for want of memory: of the host, or of a control group above its own", 137},
		// One of its children was killed for want of memory, and it took that well.
		{Exit{WaitInfo: posix.WaitInfo{Code: posix.CldExited}, OOMKills: 1}, "exited", 0},
	}
	for _, tt := range tests {
		if got := tt.exit.String(); got != tt.text {
			t.Errorf("%+v is %q, want %q", tt.exit, got, tt.text)
		}
		if got := tt.exit.ShellStatus(); got != tt.status {
			t.Errorf("%+v has status %d, want %d", tt.exit, got, tt.status)
		}
	}
}

// limited gives a module limits, in force as far as the compile process knew.
func limited(m wire.Module, bestEffort []string, limits ...policy.Resource) wire.Module {
	m.Resources, m.BestEffort = limits, bestEffort
	for _, r := range limits {
		m.Enforcement = append(m.Enforcement, sandbox.Enforcement{Protection: r.Key, Detail: "control groups version 2"})
	}
	m.Enforcement = append(m.Enforcement, sandbox.Enforcement{Protection: "landlock", Detail: "ABI 7"})
	return m
}

// TestLimitsThatCannotBeHad: an error, or where best_effort accepts it a report that says so. Never a limit that is not there.
func TestLimitsThatCannotBeHad(t *testing.T) {
	leak.Check(t)
	pids, memory := policy.Resource{Key: "pids.max", Limit: 9}, policy.Resource{Key: "memory.max", Limit: 1 << 24}
	var nothing host.Facts // a host without any hierarchy
	tests := []struct {
		name    string
		modules []wire.Module
		refused bool
	}{
		{"no limits", []wire.Module{shell("a", "")}, false},
		{"required", []wire.Module{limited(shell("a", ""), nil, pids)}, true},
		{"accepted", []wire.Module{limited(shell("a", ""), []string{"resources"}, pids, memory)}, false},
		{"one of two accepted", []wire.Module{limited(shell("a", ""), []string{"pids.max"}, pids, memory)}, true},
		{"one of two modules accepts", []wire.Module{limited(shell("a", ""), []string{"resources"}, pids), limited(shell("b", ""), nil, pids)}, true},
		{"both accept", []wire.Module{limited(shell("a", ""), []string{"resources"}, pids), limited(shell("b", ""), []string{"pids.max"}, pids)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := NewHost(linux.New(), nil, nothing, tt.modules)
			if tt.refused {
				var why *cgroup.UnavailableError
				if !errors.As(err, &why) || !strings.Contains(err.Error(), "best_effort: [resources]") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range tt.modules {
				for _, e := range m.Enforcement {
					if isLimit := e.Protection != "landlock"; isLimit != (e.Level == sandbox.Missing) || isLimit && !strings.Contains(e.Detail, "not available") {
						t.Errorf("%s of %s: %s, %s", e.Protection, m.Name, e.Level, e.Detail)
					}
				}
				if left := m.EnforcedResources(); len(left) != 0 {
					t.Errorf("limits of %s that are in force: %v", m.Name, left)
				}
			}
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestInstanceInControlGroup looks for the group while the instance runs, and after it.
func TestInstanceInControlGroup(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	facts, err := host.ProbeAll(k)
	if err != nil {
		t.Fatal(err)
	}
	limit := policy.Resource{Key: "pids.max", Limit: 7}
	h := hostOf(t, k)
	modules := []wire.Module{limited(shell("bulkhead-test", "sleep 1000 & exec sleep 1000"), nil, limit)}
	full, err := NewHost(k, h.Launcher, facts, modules)
	var none *cgroup.UnavailableError
	if errors.As(err, &none) {
		t.Skipf("this host lets user %d make no control groups with pids.max: %v", facts.EUID, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	fd := posix.FD(null.Fd())
	i, err := full.Start(&modules[0], "5", [3]posix.FD{fd, fd, fd}, nil)
	if err != nil {
		t.Fatal(errors.Join(err, full.Close()))
	}
	var dirs []string
	for _, d := range i.group.Dirs() {
		dirs = append(dirs, d.Path)
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(int(i.PID)) + "/cgroup")
	if err != nil || len(dirs) == 0 || !strings.Contains(string(text), filepath.Base(dirs[0])) {
		t.Errorf("groups %q; the process says %q, %v", dirs, text, err)
	}
	found := false
	for _, d := range dirs {
		max, err := os.ReadFile(d + "/pids.max")
		found = found || err == nil && string(max) == "7\n"
	}
	if !found {
		t.Errorf("no pids.max of 7 in %q", dirs)
	}
	if err := i.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// The process that it left behind has no namespace to end with: it ends with the group.
	exit, err := i.Finish()
	if err != nil || exit.Code != posix.CldKilled || exit.Status != int(unix.SIGTERM) {
		t.Errorf("%+v, %v", exit, err)
	}
	if err := full.Close(); err != nil {
		t.Error(err)
	}
	for _, d := range dirs {
		if _, err := os.Stat(d); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", d, err)
		}
	}
}

// TestSignalAfterTheEnd: a signal that comes too late is no error.
func TestSignalAfterTheEnd(t *testing.T) {
	leak.Check(t)
	h := hostOf(t, linux.New())
	m := shell("a", "exit 0")
	i, err := h.Start(&m, "0", [3]posix.FD{0, 1, 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(h.Kernel, i.Pidfd); err != nil {
		t.Fatal(err)
	}
	if err := i.Signal(unix.SIGTERM); err != nil {
		t.Errorf("a signal to a process that has ended: %v", err)
	}
	if exit, err := i.Finish(); err != nil || exit.Code != posix.CldExited {
		t.Errorf("%+v, %v", exit, err)
	}
}

// TestStartFailsWithoutTrace: a module that cannot be started leaves no control group.
func TestStartFailsWithoutTrace(t *testing.T) {
	leak.Check(t)
	k := linux.New()
	facts, err := host.ProbeAll(k)
	if err != nil {
		t.Fatal(err)
	}
	bad := shell("bulkhead-bad", "")
	b := program.NewBuilder("bulkhead-bad", "web.yaml")
	execute(b, "/nowhere", "x")
	bad.Program = &b.Program
	modules := []wire.Module{limited(bad, []string{"resources"}, policy.Resource{Key: "pids.max", Limit: 7})}
	h, err := NewHost(k, hostOf(t, k).Launcher, facts, modules)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Start(&modules[0], "0", [3]posix.FD{0, 1, 2}, nil); !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v", err)
	}
	// Close reports groups that are not empty or cannot be removed.
	start := time.Now()
	if err := h.Close(); err != nil || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

// TestHostExpects: a request says what all modules that are known need, and a module that comes later adds to it.
func TestHostExpects(t *testing.T) {
	all := ^uint64(0)
	taking := func(caps ...int) *program.Program {
		b := program.NewBuilder("web", "web.yaml")
		for _, c := range caps {
			b.Call(program.Origin{}, "prctl", unix.SYS_PRCTL, program.Const(unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"), program.Int(c))
		}
		return &b.Program
	}
	first := []wire.Module{{Name: "one", Program: taking(0, 1, 2)}, {Name: "two", Program: taking(1, 2)}, {Name: "refused"}}
	h, err := NewHost(linux.New(), nil, host.Facts{}, first)
	if err != nil {
		t.Fatal(err)
	}
	keeps := func(want uint64) {
		t.Helper()
		var r launch.Request
		i, _ := h.begin(&first[0], "0", &r)
		if a := (&Ahead{instance: i}).pending([3]posix.FD{}, nil); r.Keep != want || a.request.Keep != want {
			t.Errorf("a launch keeps %#x, and one into what was made ahead %#x; want %#x", r.Keep, a.request.Keep, want)
		}
	}
	keeps(all &^ 0b110)
	if ds := h.admit(host.Facts{}, []wire.Module{{Name: "three", Program: taking(0, 1)}}); len(ds) > 0 {
		t.Fatal(ds)
	}
	keeps(all &^ 0b010)
}
