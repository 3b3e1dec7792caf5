package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// probe returns the facts of this host.
func probe(t testing.TB) host.Facts {
	t.Helper()
	f, err := host.ProbeAll(linux.New())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// version1 makes facts those of a host without version 2, so that version 1 is exercised on a hybrid one.
func version1(f host.Facts) host.Facts {
	f.Cgroup.V2 = host.Hierarchy{}
	return f
}

// needV1 skips a test that needs version 1 hierarchies in which this process may make groups.
func needV1(t testing.TB, f host.Facts, set host.ControllerSet) {
	t.Helper()
	for _, h := range []struct {
		c host.ControllerSet
		h host.Hierarchy
	}{{host.Memory, f.Cgroup.Memory}, {host.Pids, f.Cgroup.Pids}, {host.CPU, f.Cgroup.CPU}, {host.Freezer, f.Cgroup.Freezer},
		{host.CPUSet, f.Cgroup.CPUSet}, {host.IO, f.Cgroup.IO}} {
		if set&h.c == 0 {
			continue
		}
		if h.h.Mount == "" {
			t.Skipf("no hierarchy of version 1 with the controller %s is mounted on this host", h.c)
		}
		if h.h.Place == "" {
			t.Skipf("this host lets user %d make no groups in the version 1 hierarchy of the controller %s (%q: %v)", f.EUID, h.c, h.h.Dir, h.h.Errno)
		}
	}
}

// need skips a test that needs a place for groups with the controllers in set.
func need(t testing.TB, f host.Facts, set host.ControllerSet) {
	t.Helper()
	if f.Cgroup.V2.Place == "" && f.Cgroup.Pids.Place == "" {
		t.Skipf("this host lets user %d make no groups: version 2 in %q (%v), version 1 in %q (%v)", f.EUID, f.Cgroup.V2.Dir, f.Cgroup.V2.Errno,
			f.Cgroup.Pids.Dir, f.Cgroup.Pids.Errno)
	}
	for _, c := range eachController {
		if h, _ := f.Cgroup.For(c); set&c != 0 && h.Offers&c == 0 {
			t.Skipf("this host gives user %d no groups with the controller %s", f.EUID, c)
		}
	}
}

// open opens a Root that is closed, and checked to have left nothing behind, when the test ends.
func open(t testing.TB, f host.Facts, set host.ControllerSet) *Root {
	t.Helper()
	r, err := Open(linux.New(), f, Options{Name: "bulkhead-test", Controllers: set})
	if err != nil {
		t.Fatal(err)
	}
	places := r.places
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for _, p := range places {
			if _, err := os.Stat(p.base + "/" + r.top); !os.IsNotExist(err) {
				t.Errorf("%s/%s was left behind (%v)", p.base, r.top, err)
			}
		}
	})
	return r
}

func instance(t testing.TB, r *Root, limits ...policy.Resource) *Instance {
	t.Helper()
	i, err := r.Instance("web", "0", limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Kill(5 * time.Second); err != nil {
			t.Error(err)
		}
		if err := i.Remove(); err != nil {
			t.Error(err)
		}
		for _, d := range i.Dirs() {
			if _, err := os.Stat(d.Path); !os.IsNotExist(err) {
				t.Errorf("%s was left behind (%v)", d.Path, err)
			}
		}
	})
	return i
}

// start starts a shell inside of an instance, in the way that a launch does it. The output ends up in the buffer once the command
// was waited for.
func start(t testing.TB, i *Instance, script string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	j, err := i.Join()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}()
	// A shell, because it has one thread and so fits below any limit.
	join := ""
	for n := range j.Procs {
		join += fmt.Sprintf("echo 0 >&%d || exit 99; exec %d>&-\n", n+3, n+3)
	}
	output := &strings.Builder{}
	cmd := exec.Command("/bin/sh", "-c", join+script)
	cmd.Stdout, cmd.Stderr = output, output
	// The descriptors that a killed shell's children inherit must not keep Wait from returning.
	cmd.WaitDelay = 5 * time.Second
	for _, fd := range j.Procs {
		copied, err := syscall.Dup(int(fd))
		if err != nil {
			t.Fatal(err)
		}
		file := os.NewFile(uintptr(copied), "cgroup.procs")
		defer func() { _ = file.Close() }()
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	if j.Into >= 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(j.Into)}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, output
}

// joined waits until a started process is in all of its groups; that of the last hierarchy comes last.
func joined(t testing.TB, i *Instance) {
	t.Helper()
	last := i.made[len(i.made)-1]
	eventually(t, "the process has joined", func() bool {
		pids, err := processes(i.root.kernel, last.base+"/"+i.rel)
		return err == nil && len(pids) > 0
	})
}

// eventually waits for a condition that the kernel brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting until %s", what)
		}
	}
}
