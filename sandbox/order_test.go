package sandbox

import (
	"testing"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// asking notes when the host is asked.
type asking struct {
	Host
	Filters
	t        *testing.T
	filtered bool
	asked    int
}

func (a *asking) ask(what string) {
	a.asked++
	if a.filtered {
		a.t.Errorf("%s is asked for after the filter", what)
	}
}

func (a *asking) File(path string) (File, error) { a.ask(path); return a.Host.File(path) }
func (a *asking) Head(path string) (File, []byte, error) {
	a.ask(path)
	return a.Host.Head(path)
}
func (a *asking) User(name string) (User, bool, error) { a.ask(name); return a.Host.User(name) }

func (a *asking) Group(name string) (posix.GID, bool, error) {
	a.ask(name)
	return a.Host.Group(name)
}

func (a *asking) Disk(name string) (host.Disk, error) { a.ask(name); return a.Host.Disk(name) }

func (a *asking) Weighing(mount string) (host.Weighing, error) {
	a.ask(mount)
	return a.Host.Weighing(mount)
}

func (a *asking) Module(s policy.Seccomp) (Filter, error) {
	a.filtered = true
	return a.Filters.Module(s)
}

// The compile process lets the next module ask when a module wants its filter.
func TestAskedBeforeTheFilter(t *testing.T) {
	for name, module := range map[string]string{
		"plain": plain, "dynamic user": with("user: {dynamic: true}"), "group": with("group: www"), "disks": with("resources: {io.weight: 10, io.max: {/srv: {rbps: 1M}}}", "best_effort: [resources]"), "namespaces": with("namespaces: [mount, pid, network]"),
	} {
		a := &asking{t: t}
		mustCompile(t, debian(), module, func(r *Request) {
			a.Host, a.Filters = r.Host, r.Filters
			r.Host, r.Filters = a, a
		})
		if a.asked == 0 || !a.filtered {
			t.Errorf("%s: %d questions, a filter: %t", name, a.asked, a.filtered)
		}
	}
}
