package spawner

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/sandbox/program"
	"github.com/bulkhead/bulkhead/spawner/wire"
	"github.com/bulkhead/bulkhead/tests/leak"
)

// TestAlone: an instance whose group is begun early is run in it, and leaves nothing, also when it is given up or cannot be started.
func TestAlone(t *testing.T) {
	bad := shell("exec", "")
	b := program.NewBuilder("exec", "web.yaml")
	execute(b, "/nowhere", "x")
	bad.Program = &b.Program
	for _, c := range []struct {
		name   string
		module wire.Module
		try    func(h *Host, a *Ahead) (int, error)
		status int
		err    error
	}{
		{"run", shell("exec", "exit 3"), func(h *Host, a *Ahead) (int, error) {
			exit, err := h.Run(Foreground{Module: a.instance.Module, Ahead: a})
			return exit.ShellStatus(), err
		}, 3, nil},
		{"given up", shell("exec", "exit 3"), func(_ *Host, a *Ahead) (int, error) { return 0, a.Abandon() }, 0, nil},
		{"cannot be started", bad, func(h *Host, a *Ahead) (int, error) {
			_, err := h.StartAhead(a, [3]posix.FD{0, 1, 2}, nil)
			return 0, err
		}, 0, unix.ENOENT},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			k := linux.New()
			facts, err := host.ProbeAll(k)
			if err != nil {
				t.Fatal(err)
			}
			modules := []wire.Module{limited(c.module, []string{"resources"}, policy.Resource{Key: "pids.max", Limit: 7})}
			h, err := NewHost(k, hostOf(t, k).Launcher, facts, modules)
			if err != nil {
				t.Fatal(err)
			}
			status, err := c.try(h, h.Alone(&modules[0], "exec"))
			if status != c.status || !errors.Is(err, c.err) {
				t.Errorf("status %d, %v; want %d, %v", status, err, c.status, c.err)
			}
			if err := h.Close(); err != nil { // which reports groups that are not empty
				t.Error(err)
			}
		})
	}
}
