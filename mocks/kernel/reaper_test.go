package kernel_test

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/mocks/kernel"
	"github.com/bulkhead/bulkhead/posix"
)

// TestReaper: an orphan of a pid namespace becomes a child of its init, and goes.
func TestReaper(t *testing.T) {
	k := machine(t, kernel.Config{})
	must(t, "install", k.Install("/sbin/reaper", 0o755, kernel.Reaper))
	p := k.Init()
	must(t, "unshare", p.Unshare(unix.CLONE_NEWPID))
	init := fork(t, p, func(c *kernel.Process) { _ = c.Execve("/sbin/reaper", []string{"reaper"}, nil) })
	k.Settle()
	parent := fork(t, p, func(c *kernel.Process) {
		_, _ = c.Fork(func(orphan *kernel.Process) { _ = sleep(orphan, 1) })
	})
	if info := reap(t, p, parent); info.Code != posix.CldExited {
		t.Errorf("the parent ended as %+v", info)
	}
	k.Settle()
	const orphan = "process 4 (init)"
	if list := k.Inventory(); !slices.Contains(list, orphan) {
		t.Errorf("no orphan in %q", list)
	}
	k.Advance(10)
	if list := k.Inventory(); slices.Contains(list, orphan) || slices.Contains(list, orphan+", a zombie") {
		t.Errorf("the orphan was not reaped: %q", list)
	}
	must(t, "kill", p.Kill(init, unix.SIGKILL))
	if info := reap(t, p, init); info.Status != int(unix.SIGKILL) {
		t.Errorf("init ended as %+v", info)
	}
}
