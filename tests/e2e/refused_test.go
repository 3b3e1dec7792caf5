package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// badReload is a reload that must not be brought in.
type badReload struct {
	name   string
	change func(t *testing.T, w *web) string // what is in the file; nil is the policy that was changed
	file   func(t *testing.T, path string)   // what is done to the file afterwards
	status int
	says   []string // {file} stands for the path
	undone bool     // it was begun, and undone
}

// TestReloadRefused: whatever is wrong with a reload, the generation before serves on, the message says what, and a good one works afterwards.
func TestReloadRefused(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	text := func(change func(w *web)) func(*testing.T, *web) string {
		return func(_ *testing.T, w *web) string { change(w); return w.text() }
	}
	other := func(m module) func(*testing.T, *web) string {
		m.name = "other"
		return text(func(w *web) { w.modules = append(w.modules, m) })
	}
	for _, c := range []badReload{
		{name: "a broken file", change: text(func(w *web) { w.lines = []string{"usr: daemon", "user: daemon", "stop_signal: SIGFOO"} }), status: 2,
			says: []string{"{file}:11:5", `did you mean "user"?`, "{file}:13:18", "SIGFOO"}},
		{name: "no YAML at all", change: func(*testing.T, *web) string { return "version: [1\n" }, status: 2, says: []string{"{file}:"}},
		{name: "an empty file", change: func(*testing.T, *web) string { return "" }, status: 2, says: []string{"{file}"}},
		{name: "no file", file: func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, status: 2, says: []string{"{file}", "no such file"}},
		{name: "a file that the group may write", file: func(t *testing.T, path string) {
			if err := os.Chmod(path, 0o664); err != nil {
				t.Fatal(err)
			}
		}, status: 2, says: []string{"{file}", "can be written by"}},
		{name: "a user that does not exist", change: other(module{lines: []string{"user: nosuchuser"}}), status: 2, says: []string{"{file}:", "nosuchuser"}},
		{name: "a missing binary", change: other(module{command: []string{"/usr/bin/no-such-program"}, files: []string{"{path: /usr, access: rx}"}, lines: []string{"user: www-data"}}),
			status: 2, says: []string{"{file}:", "/usr/bin/no-such-program", "no such file"}},
		{name: "a port in use", change: text(func(w *web) { w.address = taken.Addr().String() }), status: 2,
			says: []string{"{file}:3", "listener http", taken.Addr().String(), "address already in use"}},
		{name: "a module that never gets ready", change: text(func(w *web) {
			w.args = []string{"-ready", "never"}
			w.health = "notify: true, start_period: 300ms"
		}), status: 1, says: []string{"service", "not ready within 300ms", "serves on"}, undone: true},
		{name: "a module that ends at once", change: text(func(w *web) { w.args = []string{"-before", "exit=3"} }), status: 1,
			says: []string{"service", "exited with status 3", "serves on"}, undone: true},
		{name: "an added module that ends at once", change: other(module{command: []string{place.victim, "exit:4"},
			lines: []string{"user: www-data", "healthcheck: {notify: true, start_period: 10s}"}}), status: 1,
			says: []string{"other", "exited with status 4", "serves on"}, undone: true},
		{name: "a module that cannot be launched", change: other(module{lines: []string{"user: www-data", fmt.Sprintf("rlimits: {nofile: %d}", tooMany(t))}}), status: 1,
			says: []string{"other: prlimit64", "{file}:", "serves on"}, undone: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c badReload) run(t *testing.T) {
	w := newWeb(t)
	good := w
	file := writePolicy(t, w.text())
	p := ready(t, file)
	before, visited := p.status(t), visit(t, w.address)
	end := pressure(t, w.address, 1)

	bad := w.text()
	if c.change != nil {
		bad = c.change(t, &w)
	}
	rewrite(t, file, bad)
	if c.file != nil {
		c.file(t, file)
	}
	r := p.reload(t)
	r.wants(t, c.status)
	for _, says := range c.says {
		if says = strings.ReplaceAll(says, "{file}", file); !strings.Contains(r.stderr, says) {
			t.Errorf("it does not say %q:\n%s%s", says, r.stdout, r.stderr)
		}
	}
	if check := supervisor(t, "policy", "check", file).run(t); c.name == "a broken file" && (check.stdout == "" || !strings.Contains(r.stderr, check.stdout)) {
		t.Errorf("policy check says\n%s\nand the reload\n%s", check.stdout, r.stderr)
	}
	if strings.Contains(r.stderr, `\n`) {
		t.Errorf("lines are escaped:\n%s", r.stderr)
	}
	// The same for a machine, and by SIGHUP: the log says it.
	r = p.reload(t, "-o", "json")
	r.wants(t, c.status)
	var result api.Result
	if err := json.Unmarshal([]byte(r.stdout), &result); err != nil || result.OK || result.Text == "" || result.Invalid != (c.status == 2) {
		t.Errorf("-o json: %v\n%s", err, r.stdout)
	}
	if !c.undone {
		refusals := strings.Count(p.stderr.String(), "event=reload.refused")
		p.signal(t, unix.SIGHUP)
		waitFor(t, "the refusal of SIGHUP", func() bool { return strings.Count(p.stderr.String(), "event=reload.refused") > refusals })
	}

	after := p.becomes(t, "it is at rest", allReady)
	samePIDs(t, before, after)
	if now := visit(t, good.address); now.instance != visited.instance || now.inode() != visited.inode() {
		t.Errorf("%+v answers, and did %+v", now, visited)
	}
	if after.Generation != before.Generation || after.LastReload == nil || after.LastReload.OK || after.LastReload.Text == "" || len(after.Listeners) != 1 {
		t.Errorf("generation %d, last reload %+v, listeners %+v", after.Generation, after.LastReload, after.Listeners)
	}
	if n := len(workersOf(p, place.service)); n != 1 {
		t.Errorf("%d processes of the service", n)
	}
	good = good.next()
	rewrite(t, file, good.text())
	p.reload(t).wants(t, 0)
	if now := visit(t, good.address); now.version != "1" || now.inode() != visited.inode() {
		t.Errorf("after a good reload %+v answers", now)
	}
	end(1)
	p.stop(t, unix.SIGTERM)
}

// tooMany is a limit of descriptors that the kernel grants nobody. Source: proc(5).
func tooMany(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/fs/nr_open")
	if err != nil {
		t.Fatal(err)
	}
	most, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return most + 1
}

// TestReloadUndoStopFirst: what was stopped for a new one that does not get ready is started again from the generation that serves on.
func TestReloadUndoStopFirst(t *testing.T) {
	t.Parallel()
	old := module{name: "one", command: []string{place.victim, "say:first", "sleep:60s"}, lines: []string{"update_config: {order: stop-first}"}}
	file := policy(t, "", old)
	p := ready(t, file)
	before := p.status(t)
	broken := old
	broken.command = []string{place.victim, "unheard-of"} // which it says on its standard error
	broken.lines = append(slices.Clone(broken.lines), "healthcheck: {notify: true, start_period: 10s}")
	rewrite(t, file, fmt.Sprintf("version: 1\nmodules:\n%s", broken.text()))
	refused := p.reload(t)
	refused.wants(t, 1, "exited with status ", "generation 1 serves on", "one | victim: no attempt \"unheard-of\"")
	if !strings.Contains(refused.stdout, "planned, and not done (generation 1 serves on):") || strings.Contains(refused.stdout, "module replaced") {
		t.Errorf("the plan reads as if it were done:\n%s", refused.stdout)
	}
	after := p.becomes(t, "the old one is back", allReady)
	i := after.Modules[0].Instances[0]
	if i.PID == before.Modules[0].Instances[0].PID || i.Generation != 1 || after.Generation != 1 {
		t.Errorf("%+v in generation %d", i, after.Generation)
	}
	r := p.stop(t, unix.SIGTERM)
	if n := strings.Count(r.stdout, "one | say:first"); n != 2 {
		t.Errorf("the old one ran %d times:\n%s", n, r.stdout)
	}
}
