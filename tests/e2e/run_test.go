package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// rootsRun is where root's supervisors keep what they need while they run. They are not told another place, so the tests of root see
// an empty one there, in a mount namespace of their own; the machine's stays as it is.
const rootsRun = "/run/bulkhead"

// ownRunVariable tells the test binary, started again, that it is in the namespace: "made" when the directory was not there before.
const ownRunVariable = "BULKHEAD_E2E_OWN_RUN"

// ownRun returns in a process whose supervisors leave nothing in the machine's runtime directory.
func ownRun() error {
	if !isRoot() || os.Getenv(ownRunVariable) != "" {
		return nil
	}
	made := "found"
	switch err := os.Mkdir(rootsRun, 0o755); {
	case err == nil:
		made = "made"
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	// The namespace is the thread's, and the process's after execve(2), which makes this thread the only one.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("bulkhead-tests", rootsRun, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=256m"); err != nil {
		return fmt.Errorf("mount a runtime directory: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return fmt.Errorf("start the tests again: %w", syscall.Exec(self, os.Args, append(os.Environ(), ownRunVariable+"="+made)))
}

// leaveRun removes what ownRun made in the machine.
func leaveRun() error {
	if os.Getenv(ownRunVariable) != "made" {
		return nil
	}
	if err := unix.Unmount(rootsRun, 0); err != nil {
		return fmt.Errorf("unmount the tests' runtime directory: %w", err)
	}
	if err := unix.Rmdir(rootsRun); err != nil && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.ENOENT) { // somebody else uses it
		return fmt.Errorf("remove %s: %w", rootsRun, err)
	}
	return nil
}

// TestOwnRun: what supervisors keep here is not what the machine keeps.
func TestOwnRun(t *testing.T) {
	if !isRoot() {
		if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.Dir(dir) != filepath.Dir(place.victim) {
			t.Errorf("the runtime directory is %s", dir)
		}
		return
	}
	var here, machine unix.Stat_t
	if err := errors.Join(unix.Stat(rootsRun, &here), unix.Stat("/run", &machine)); err != nil {
		t.Fatal(err)
	}
	if here.Dev == machine.Dev {
		t.Errorf("%s is the machine's", rootsRun)
	}
}
