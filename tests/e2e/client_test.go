package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/core/control"
)

// ask prepares a command that talks to a supervisor.
func (p *program) ask(t testing.TB, command string, args ...string) *program {
	t.Helper()
	return supervisor(t, append([]string{command, "--control", p.control()}, args...)...)
}

// status returns what a supervisor knows now.
func (p *program) status(t testing.TB) api.Status {
	t.Helper()
	s, err := p.tryStatus()
	if err != nil {
		t.Fatalf("ask %s for its status: %v\n%.4000s", p, err, p.stderr.String())
	}
	return s
}

func (p *program) tryStatus() (api.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return control.NewClient(p.control()).Status(ctx)
}

// becomes waits until a status is as wanted, and returns it.
func (p *program) becomes(t testing.TB, what string, so func(api.Status) bool) (s api.Status) {
	t.Helper()
	waitFor(t, what, func() bool {
		var err error
		s, err = p.tryStatus()
		return err == nil && so(s)
	})
	return s
}

// ready starts the supervisor with a policy and waits until every instance is ready.
func ready(t testing.TB, policy string, flags ...string) *program {
	t.Helper()
	p := supervise(t, policy, flags...)
	p.becomes(t, "every instance is ready", allReady)
	return p
}

func allReady(s api.Status) bool {
	if s.State != "running" {
		return false
	}
	for _, m := range s.Modules {
		if len(m.Instances) != m.Replicas || slices.ContainsFunc(m.Instances, func(i api.Instance) bool { return i.State != "ready" }) {
			return false
		}
	}
	return true
}

// logged waits until a text is among what a module wrote and the supervisor remembers.
func (p *program) logged(t testing.TB, module, text string) {
	t.Helper()
	waitFor(t, fmt.Sprintf("a line with %q of %s", text, module), func() bool {
		return slices.ContainsFunc(p.lines(t, module), func(l api.LogLine) bool { return strings.Contains(l.Line, text) })
	})
}

// lines returns what modules wrote, as far as it is remembered.
func (p *program) lines(t testing.TB, modules ...string) []api.LogLine {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	r, err := control.NewClient(p.control()).Logs(ctx, modules, 10_000, false)
	return all(t, r, err)
}

// events returns what has happened, as far as it is remembered.
func (p *program) events(t testing.TB) []api.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	r, err := control.NewClient(p.control()).Events(ctx, "", false)
	return all(t, r, err)
}

// all reads a stream to its end.
func all[T any](t testing.TB, r *control.Reader[T], err error) (out []T) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		v, err := r.Next()
		if err != nil {
			return out // readers end with io.EOF, and what is missing is missed by the caller
		}
		out = append(out, v)
	}
}

// pids are the processes of all instances, by module and replica.
func pids(s api.Status) map[string]int {
	out := map[string]int{}
	for _, m := range s.Modules {
		for _, i := range m.Instances {
			out[fmt.Sprintf("%s[%d]", m.Name, i.Replica)] = i.PID
		}
	}
	return out
}

// moduleOf returns one module of a status.
func moduleOf(t testing.TB, s api.Status, name string) api.Module {
	t.Helper()
	i := slices.IndexFunc(s.Modules, func(m api.Module) bool { return m.Name == name })
	if i < 0 {
		t.Fatalf("there is no module %s in %+v", name, s.Modules)
	}
	return s.Modules[i]
}

// rewrite changes a policy, by a new file with the old one's name.
func rewrite(t testing.TB, file, text string) {
	t.Helper()
	next := writeFile(t, filepath.Join(filepath.Dir(file), ".next"), text, 0o644)
	if err := os.Rename(next, file); err != nil {
		t.Fatal(err)
	}
}

// reload runs the command.
func (p *program) reload(t testing.TB, args ...string) result {
	t.Helper()
	return p.ask(t, "reload", args...).run(t)
}
