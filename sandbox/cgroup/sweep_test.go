package cgroup

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/fault"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
)

func TestSweep(t *testing.T) {
	eachVersion(t, 0, func(t *testing.T, f host.Facts) {
		gone := exec.Command("/bin/true")
		if err := gone.Run(); err != nil {
			t.Fatal(err)
		}
		r := open(t, f, 0)
		self, err := identify(linux.New())
		if err != nil {
			t.Fatal(err)
		}
		base := r.places[0].base
		name := func(id identity) string { return filepath.Join(base, "bulkhead-test-"+id.String()) }
		// One that has ended, and that nobody has waited for.
		zombie := exec.Command("/bin/true")
		if err := zombie.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = zombie.Wait() })
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			text, err := os.ReadFile("/proc/" + itoa(zombie.Process.Pid) + "/stat")
			if err == nil && strings.Contains(string(text), ") Z ") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("it does not end: %s %v", text, err)
			}
		}
		if start, err := startTime(linux.New(), itoa(zombie.Process.Pid)); !errors.Is(err, unix.ESRCH) {
			t.Errorf("a process that has ended: %d, %v", start, err)
		}
		dead, strange, reused := self, self, self
		dead.pid = posix.PID(gone.Process.Pid)
		strange.pid, strange.ns = dead.pid, self.ns+1
		reused.start++
		for _, dir := range []string{name(dead) + "/web/0", name(strange) + "/web", name(reused)} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() {
			for _, dir := range []string{name(strange) + "/web", name(strange), name(dead) + "/web/0", name(dead) + "/web", name(dead), name(reused)} {
				if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
					t.Error(err)
				}
			}
		})
		sleeper := exec.Command("/bin/sleep", "1000")
		if err := sleeper.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = sleeper.Process.Kill()
			_ = sleeper.Wait()
		})
		if err := writeFile(linux.New(), name(dead)+"/web/0/cgroup.procs", itoa(sleeper.Process.Pid)); err != nil {
			t.Fatal(err)
		}

		swept, err := r.Sweep()
		if err != nil || len(swept.Removed) != 1 || swept.Removed[0] != name(reused) || len(swept.Populated) != 1 || swept.Populated[0] != name(dead) {
			t.Errorf("with a process left: %+v, %v", swept, err)
		}
		_ = sleeper.Process.Kill()
		_ = sleeper.Wait()
		swept, err = r.Sweep()
		if err != nil || len(swept.Removed) != 1 || swept.Removed[0] != name(dead) || len(swept.Populated) != 0 {
			t.Errorf("with none left: %+v, %v", swept, err)
		}
		if _, err := os.Stat(name(strange)); err != nil {
			t.Errorf("a supervisor of another pid namespace was taken for dead: %v", err)
		}
	})
}

// TestStaleIsKnown: a supervisor is taken for dead when its process is gone, and not when it cannot be looked at.
func TestStaleIsKnown(t *testing.T) {
	k := fault.New(linux.New())
	self, err := identify(k)
	if err != nil {
		t.Fatal(err)
	}
	r := &Root{kernel: k, name: "bulkhead-test", self: self}
	gone := exec.Command("/bin/true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dead, reused := self, self
	dead.pid = posix.PID(gone.Process.Pid)
	reused.start++
	for _, tt := range []struct {
		name  string
		id    identity
		op    posix.Op // fails; 0: none
		errno posix.Errno
		want  bool
	}{
		{"alive", self, 0, 0, false},
		{"gone", dead, 0, 0, true},
		{"another process has its number", reused, 0, 0, true},
		{"no descriptor to look with", self, posix.OpOpenat2, unix.EMFILE, false},
		{"not allowed to look", self, posix.OpOpenat2, unix.EACCES, false},
		{"no memory to look with", self, posix.OpRead, unix.ENOMEM, false},
		{"it ends while it is looked at", self, posix.OpRead, unix.ESRCH, true},
	} {
		if k.Set(0); tt.op != 0 {
			k.Set(0, fault.Always(tt.errno).On(tt.op))
		}
		if got := r.stale("bulkhead-test-" + tt.id.String()); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}
