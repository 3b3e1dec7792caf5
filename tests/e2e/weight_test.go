package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/tests/diskfile"
)

// weigh makes a disk of the test's own look at weights, and returns how: by the cost model of version 2 on the disk that the machine has for tests, or
// by the I/O scheduler bfq on a loop device.
func weigh(t *testing.T) string {
	t.Helper()
	put := func(path, text string) error { return os.WriteFile(path, []byte(text), 0) }
	costs := version2(t) + "/io.cost.qos"
	if _, err := os.Stat(costs); err == nil {
		if os.Getenv(diskfile.Directory) == "" {
			t.Skip(diskfile.Directory + " names no directory on a disk whose cost model could be switched on")
		}
		d, err := host.FindDisk(linux.New(), os.Getenv(diskfile.Directory))
		if err != nil || d.Lacks != "" {
			t.Fatalf("%+v, %v", d, err)
		}
		if err := put(costs, d.Number+" enable=1"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := put(costs, d.Number+" enable=0"); err != nil {
				t.Error(err)
			}
		})
		return d.Number + " by its cost model"
	}
	file := writeFile(t, filepath.Join(t.TempDir(), "image"), strings.Repeat("\x00", 1<<20), 0o600)
	out, err := exec.Command("losetup", "--find", "--show", file).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device can be had here: losetup: %v: %s", err, out)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", device).CombinedOutput(); err != nil {
			t.Errorf("losetup: %v: %s", err, out)
		}
	})
	scheduler := "/sys/block/" + filepath.Base(device) + "/queue/scheduler"
	before, err := os.ReadFile(scheduler)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(string(before))), "bfq") {
		t.Skipf("%s holds %q: this kernel has no bfq", scheduler, before)
	}
	_, was, _ := strings.Cut(string(before), "[")
	was, _, _ = strings.Cut(was, "]")
	if err := put(scheduler, "bfq"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := put(scheduler, was); err != nil {
			t.Error(err)
		}
	})
	return filepath.Base(device) + " by bfq"
}

// TestVersion2Weight and TestWeight: a weight that no disk would look at is refused; where one does, it is in the kernel's file. It is not parallel,
// because of the disks of this machine one changes.
func TestVersion2Weight(t *testing.T) {
	needsVersion2(t)
	weights(t, map[string]string{"io.weight": "default 200"})
}

func TestWeight(t *testing.T) {
	weights(t, map[string]string{"blkio.bfq.weight": "109", "io.weight": "default 200"})
}

func weights(t *testing.T, want map[string]string) {
	if !isRoot() {
		t.Skipf("what a disk looks at is for root to choose; this is user %d", os.Geteuid())
	}
	file := policy(t, "", module{command: []string{place.victim, "sleep:600s"}, lines: []string{"stop_grace_period: 100ms", "resources: {io.weight: 200}"}})
	if w, err := host.FindWeighing(linux.New(), version2(t)); err != nil || w.Lacks != "" {
		r := supervisor(t, "exec", "--policy", file).run(t)
		r.wants(t, 2, "this host cannot enforce io.weight: no disk of this host is shared by weight", "queue/scheduler", "best_effort: [io.weight]")
	}
	how := weigh(t)
	p := ready(t, file)
	m := p.status(t).Modules[0]
	enforced(t, m, "io.weight", how)
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", m.Instances[0].PID))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for _, mount := range cgroupMounts(t) {
			for file, value := range want {
				got, err := os.ReadFile(filepath.Join(mount, fields[2], file))
				if err != nil {
					continue // another hierarchy
				}
				if checked++; strings.TrimSpace(string(got)) != value {
					t.Errorf("%s of %s holds %q, want %q", file, line, got, value)
				}
			}
		}
	}
	if checked == 0 {
		t.Errorf("none of %v is there", want)
	}
	p.stop(t, unix.SIGTERM)
}
