package conformance

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// Host returns the implementation whose processes are those of the host: the test binary itself, which must have [Main] as its TestMain.
// It needs /dev/shm, a tmpfs.
func Host(name string, core posix.Core) Implementation {
	start := func(t testing.TB) Process {
		t.Helper()
		dir, err := os.MkdirTemp("/dev/shm", "bulkhead-conformance-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { removeAll(t, dir) })
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil || st.Type != unix.TMPFS_MAGIC {
			t.Fatalf("/dev/shm is not a tmpfs (%v), and answers depend on the file system", err)
		}
		helper, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		return Process{Core: core, Dir: dir, Helper: helper}
	}
	return Implementation{Name: name, Start: start, Alone: func(t testing.TB, title string) {
		t.Helper()
		p := start(t)
		cmd := exec.Command(p.Helper)
		cmd.Env = append(os.Environ(), envCase+"="+title, envDir+"="+p.Dir)
		cmd.WaitDelay = time.Second
		timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		out, err := cmd.CombinedOutput()
		text := strings.TrimSpace(string(out))
		switch {
		case cmd.ProcessState == nil:
			t.Fatalf("run the case in a process of its own: %v", err)
		case cmd.ProcessState.ExitCode() == statusSkipped:
			t.Skip(text)
		case err != nil:
			t.Fatalf("%v\n%s", err, text)
		}
	}}
}

// removeAll removes dir, also what a case made unreadable in it.
func removeAll(t testing.TB, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err == nil {
		return
	}
	out, err := exec.Command("chmod", "-R", "u+rwx", dir).CombinedOutput()
	if err == nil {
		err = os.RemoveAll(dir)
	}
	if err != nil {
		t.Errorf("remove %s: %v\n%s", dir, err, out)
	}
}
