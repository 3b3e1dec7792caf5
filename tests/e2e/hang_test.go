package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/tests/hangfs"
)

// hanging is a module that needs a file system of its own.
type hanging struct {
	name string
	on   hangfs.Request // what is not answered after its first start
	text func(dir string) module
	says string // about the launch; %s is the file system's directory
}

var hangings = []hanging{
	{"lookup", hangfs.Request{Op: hangfs.Lookup, Path: "bin/" + victimName}, onIt, "execute %s/bin/" + victimName + ": not begun within"},
	{"read", hangfs.Request{Op: hangfs.Read, Path: "bin/" + victimName}, onIt, "execute %s/bin/" + victimName + ": not begun within"},
	{"open", hangfs.Request{Op: hangfs.Open, Path: "bin/" + victimName}, onIt, "execute %s/bin/" + victimName + ": not begun within"},
	{"source", hangfs.Request{Op: hangfs.Lookup, Path: "etc"}, func(dir string) module {
		return module{files: []string{"{path: " + dir + "/etc, access: r}"}}
	}, "open %s/etc: the file system did not answer in time"},
	{"directory", hangfs.Request{Op: hangfs.Lookup, Path: "etc"}, func(dir string) module {
		return module{files: []string{"{path: " + dir + ", access: r}"}, lines: []string{"working_dir: " + dir + "/etc"}}
	}, "not begun within"},
}

func onIt(dir string) module {
	return module{command: []string{dir + "/bin/" + victimName, "sleep:600s"}, files: []string{"{path: " + dir + ", access: rx}"}}
}

// TestHangingFileSystems: a launch that waits for a file system holds up nobody else, is reported with the path and given up; when the file system
// answers, or is gone, nothing is left of it, and the module can be started.
func TestHangingFileSystems(t *testing.T) {
	t.Parallel()
	policy, mounts := &strings.Builder{}, map[string]*hangfs.FS{}
	policy.WriteString("version: 1\nkernel: \">=5.13\"\nmodules:\n" + sleeper("good", 1).text())
	dirs := map[string]string{}
	for n, h := range hangings {
		dir, err := os.MkdirTemp(filepath.Dir(place.victim), "hang-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		})
		mounts[h.name] = hangfs.Mount(t, dir, map[string]string{"bin/" + victimName: place.victim, "etc/motd": place.victim}, hangfs.Options{})
		m := h.text(dir)
		m.name, dirs[h.name] = h.name, dir
		m.lines = append(m.lines, fmt.Sprintf("user: %s", []string{"bin", "sys", "games", "man", "lp"}[n]))
		if m.command == nil {
			m.command = []string{place.victim, "sleep:600s"}
		}
		policy.WriteString(m.text())
	}
	p := supervise(t, writePolicy(t, policy.String()))
	t.Cleanup(func() { // before the supervisor is waited for: a thread of it may wait for an answer, and cannot be killed (fs/fuse/dev.c)
		for _, fs := range mounts {
			fs.Die()
		}
	})
	p.becomes(t, "all are ready", allReady)
	// What runs must need nothing more of its program to come to an end. The next open throws these pages away (fuse_finish_open).
	if _, err := os.ReadFile(filepath.Join(dirs["read"], "bin", victimName)); err != nil {
		t.Fatal(err)
	}
	for _, h := range hangings {
		mounts[h.name].Hang(h.on)
	}
	var waiting []*program
	for _, h := range hangings {
		waiting = append(waiting, p.ask(t, "restart", h.name).start(t))
	}
	for _, h := range hangings {
		select {
		case <-mounts[h.name].Hanging():
		case <-time.After(limit):
			t.Fatalf("%s does not hang", h.name)
		}
	}
	// Others go on, and can be started and stopped.
	if r := p.ask(t, "restart", "good").run(t); r.status != 0 {
		t.Errorf("another module cannot be restarted: status %d\n%s", r.status, r.stderr)
	}
	for _, m := range p.status(t).Modules {
		want := "launching"
		if m.Name == "good" {
			want = "ready"
		}
		if got := m.Instances[0].State; got != want {
			t.Errorf("meanwhile %s is %s, not %s", m.Name, got, want)
		}
	}
	for n, h := range hangings {
		r := waiting[n].ended(t)
		says := h.says
		if strings.Contains(says, "%s") {
			says = fmt.Sprintf(says, dirs[h.name])
		}
		if r.status != 1 || !strings.Contains(r.stderr, says) {
			t.Errorf("restart %s: status %d\n%s\nwant %q", h.name, r.status, r.stderr, says)
		}
	}
	if r := p.ask(t, "restart", "lookup").run(t); r.status != 1 || !strings.Contains(r.stderr, "still waits for a file system") {
		t.Errorf("a second launch: status %d\n%s", r.status, r.stderr)
	}
	// One dies, the others answer at last.
	mounts["read"].Die()
	p.says(t, "read: the launch that was given up has come to its end")
	for _, name := range []string{"lookup", "open", "source", "directory"} {
		mounts[name].Resume()
		if name != "source" {
			p.says(t, name+": the launch that was given up has come to its end")
		}
		if r := p.ask(t, "restart", name).run(t); r.status != 0 {
			t.Errorf("%s does not start when its file system answers: status %d\n%s", name, r.status, r.stderr)
		}
	}
	s := p.becomes(t, "all but one are ready", func(s api.Status) bool { return strings.Count(strings.Join(states(s), " "), "=ready") == len(hangings) })
	if len(s.Modules) != len(hangings)+1 {
		t.Errorf("the modules are %v", states(s))
	}
	p.stop(t, unix.SIGTERM)
}

// TestReloadMeetsAHangingFileSystem: a reload that needs a file system which does not answer is refused, with the path, and what runs is not touched.
func TestReloadMeetsAHangingFileSystem(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp(filepath.Dir(place.victim), "hang-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	fs := hangfs.Mount(t, dir, map[string]string{"etc/motd": place.victim, "run/x": place.victim}, hangfs.Options{})
	plain := policy(t, "", module{name: "good", command: []string{place.victim, "sleep:600s"}})
	text, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	p := ready(t, plain)
	before := p.status(t).Modules[0].Instances[0].PID
	fs.Hang(hangfs.Request{Op: hangfs.Lookup, Path: "etc"}, hangfs.Request{Op: hangfs.Lookup, Path: "run"})
	for _, c := range []struct{ name, old, new, says string }{
		{"what a module sees", "{path: /proc, proc: all}", "{path: " + dir + "/etc, access: r}", "the file system of " + dir + "/etc does not answer"},
		{"a unix socket", "modules:", "listeners: {s: {address: \"unix:" + dir + "/run/s\"}}\nmodules:", "listen on unix:" + dir + "/run/s: its file system does not answer"},
	} {
		changed := strings.Replace(string(text), c.old, c.new, 1)
		if c.name == "a unix socket" {
			changed = strings.Replace(changed, "    network: {mode: none}", "    listeners: {s: 3}\n    network: {mode: none}", 1)
		}
		if err := os.WriteFile(plain, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		if r := p.reload(t); r.status != 1 && r.status != 2 || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: status %d\n%s\nwant %q", c.name, r.status, r.stderr, c.says)
		}
		if now := p.status(t).Modules[0].Instances[0]; now.PID != before || now.State != "ready" {
			t.Errorf("%s: the module is %+v", c.name, now)
		}
	}
	fs.Die()
	if err := os.WriteFile(plain, text, 0o644); err != nil {
		t.Fatal(err)
	}
	p.becomes(t, "a reload is possible again", func(api.Status) bool { return p.reload(t).status == 0 })
	p.stop(t, unix.SIGTERM)
}
