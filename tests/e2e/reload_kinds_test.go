package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
	"github.com/bulkhead/bulkhead/tests/load"
)

// samePIDs wants the same processes as before.
func samePIDs(t testing.TB, before, after api.Status) {
	t.Helper()
	if was, is := pids(before), pids(after); !maps.Equal(was, is) {
		t.Errorf("the processes are %v, and were %v", is, was)
	}
}

// TestReloadNothing: a file that says the same in other words changes nothing.
func TestReloadNothing(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.modules = []module{sleeper("many", 3)}
	file := writePolicy(t, w.text())
	p := ready(t, file)
	before, visited := p.status(t), visit(t, w.address)
	commented := "# a comment\n\n" + strings.Replace(w.text(), "modules:\n", "# another\nmodules:\n\n", 1)
	for _, c := range []struct{ name, text string }{
		{"the same file", w.text()},
		{"comments and empty lines", commented},
		{"without what is the default anyway", strings.Replace(commented, "    capabilities: []\n", "", 1)},
		{"spaces", strings.ReplaceAll(w.text(), "version: 1\n", "version:     1\n\n\n")},
	} {
		rewrite(t, file, c.text)
		r := p.reload(t)
		r.wants(t, 0)
		if !strings.Contains(r.stdout, "nothing changes") {
			t.Errorf("%s: it says:\n%s%s", c.name, r.stdout, r.stderr)
		}
		samePIDs(t, before, p.status(t))
	}
	if now := visit(t, w.address); now.instance != visited.instance || now.inode() != visited.inode() {
		t.Errorf("%+v answers, and did %+v", now, visited)
	}
	p.stop(t, unix.SIGTERM)
}

// TestReloadInPlace: what is not part of a process changes without a new one.
func TestReloadInPlace(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.listener = "backlog: 64"
	settings := "restart: {policy: on-failure, delay: 1s, max_delay: 30s, burst: 5, window: 1m, reset_after: 10s}"
	w.lines = []string{settings, "stop_grace_period: 10s", "stop_signal: SIGTERM"}
	file := writePolicy(t, w.text())
	p, metrics := metered(t, file)
	before, visited := p.status(t), visit(t, w.address)
	for _, c := range []struct {
		name   string
		change func()
		plan   []string
	}{
		{"the backlog", func() { w.listener = "backlog: 33" }, []string{"change", "listener", "backlog: 64 -> 33"}},
		{"the restart policy", func() { w.lines[0] = strings.Replace(settings, "on-failure", "always", 1) }, []string{"change", "module", "restart"}},
		{"the grace period", func() { w.lines[1] = "stop_grace_period: 200ms" }, []string{"change", "module", "stop_grace_period"}},
		{"the stop signal", func() { w.lines[2] = "stop_signal: SIGINT" }, []string{"change", "module", "stop_signal"}},
		{"the time to get ready", func() { w.health = "notify: true, start_period: 11s" }, []string{"change", "module", "healthcheck"}},
	} {
		c.change()
		rewrite(t, file, w.text())
		r := p.reload(t)
		r.wants(t, 0)
		for _, word := range c.plan {
			if !strings.Contains(r.stdout, word) {
				t.Errorf("%s: the plan does not contain %q:\n%s", c.name, word, r.stdout)
			}
		}
		samePIDs(t, before, p.status(t))
	}
	if now := visit(t, w.address); now.instance != visited.instance || now.inode() != visited.inode() {
		t.Errorf("%+v answers, and did %+v", now, visited)
	}
	// The kernel's own number: TCP_INFO of the socket.
	if got := scrape(t, metrics)[`bulkhead_listener_queue_limit{listener="http"}`]; got != 33 {
		t.Errorf("the backlog is %v, want 33", got)
	}
	// The settings are in force: the policy is to start it again whatever its end is, and it is asked to end with SIGINT.
	if m := p.status(t).Modules[0]; !strings.Contains(m.Restart, "always") {
		t.Errorf("the restart policy is %q", m.Restart)
	}
	if r := p.stop(t, unix.SIGTERM); !strings.Contains(r.stderr, "service: SIGINT; it has 200ms") {
		t.Errorf("it was not stopped as the policy says now:\n%s", r.stderr)
	}
}

// TestReloadAddress: another address is another socket, and the old one is closed.
func TestReloadAddress(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	file := writePolicy(t, w.text())
	p := ready(t, file)
	before, old := visit(t, w.address), w.address
	w.address = newWeb(t).address
	rewrite(t, file, w.text())
	r := p.reload(t)
	r.wants(t, 0)
	for _, words := range []string{old + " -> tcp:" + w.address, "replace"} {
		if !strings.Contains(r.stdout, words) {
			t.Errorf("the plan does not contain %q:\n%s", words, r.stdout)
		}
	}
	if now := visit(t, w.address); now.instance == before.instance || now.inode() == before.inode() || now.sockets[0].Address != w.address {
		t.Errorf("%+v answers, and did %+v", now, before)
	}
	if _, err := tryVisit(old); err == nil {
		t.Errorf("somebody still listens on %s", old)
	}
	if s := p.status(t); len(s.Listeners) != 1 || s.Listeners[0].Address != w.address || s.Listeners[0].Generation != s.Generation {
		t.Errorf("listeners: %+v", s.Listeners)
	}
	p.stop(t, unix.SIGTERM)
}

// TestReloadUnixMode: the mode of a unix socket changes in place.
func TestReloadUnixMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t), "s")
	w := web{address: "unix:" + path, listener: `mode: "0666"`}
	file := writePolicy(t, w.text())
	p := ready(t, file)
	node := func() unix.Stat_t {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		return st
	}
	before, was, visited := p.status(t), node(), visit(t, path)
	w.listener = `mode: "0600"`
	rewrite(t, file, w.text())
	p.reload(t).wants(t, 0)
	samePIDs(t, before, p.status(t))
	if is := node(); is.Mode&0o777 != 0o600 || is.Ino != was.Ino || was.Mode&0o777 != 0o666 {
		t.Errorf("mode %o and inode %d; it was %o and %d", is.Mode, is.Ino, was.Mode, was.Ino)
	}
	if now := visit(t, path); now.inode() != visited.inode() {
		t.Errorf("%+v answers, and did %+v", now, visited)
	}
	p.stop(t, unix.SIGTERM)
	if _, err := os.Lstat(path); err == nil {
		t.Errorf("%s is left", path)
	}
}

// TestReloadModules: modules and replicas come and go, and the others do not notice.
func TestReloadModules(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	file := writePolicy(t, w.text())
	p := ready(t, file)
	service := p.status(t).Modules[0].Instances[0].PID
	end := pressure(t, w.address, 2)
	last := map[string]int{}
	for _, c := range []struct {
		name    string
		modules []module
		plan    string
	}{
		{"added", []module{sleeper("other", 1)}, "start"},
		{"1 to 3", []module{sleeper("other", 3)}, "replicas: 1 -> 3"},
		{"a second one", []module{sleeper("other", 3), {name: "third", command: []string{place.victim, "ready"}, lines: []string{"user: daemon"}}}, "start"},
		{"3 to 1", []module{sleeper("other", 1), {name: "third", command: []string{place.victim, "ready"}, lines: []string{"user: daemon"}}}, "replicas: 3 -> 1"},
		{"removed", nil, "stop"},
	} {
		w.modules = c.modules
		rewrite(t, file, w.text())
		r := p.reload(t)
		r.wants(t, 0)
		if !strings.Contains(r.stdout, c.plan) {
			t.Errorf("%s: the plan does not contain %q:\n%s", c.name, c.plan, r.stdout)
		}
		now := pids(p.status(t))
		want := 1
		for _, m := range c.modules {
			want++
			if strings.Contains(strings.Join(m.lines, " "), "replicas: 3") {
				want += 2
			}
		}
		if len(now) != want || now["service[0]"] != service {
			t.Errorf("%s: processes %v, want %d and %d of the service", c.name, now, want, service)
		}
		for place, pid := range last {
			is, stays := now[place]
			if stays && is != pid {
				t.Errorf("%s: %s is process %d, and was %d", c.name, place, is, pid)
			}
			if !stays && unix.Kill(pid, 0) == nil {
				t.Errorf("%s: process %d of %s is still there", c.name, pid, place)
			}
		}
		last = now
	}
	end(1)
	r := p.stop(t, unix.SIGTERM)
	if !strings.Contains(r.stdout, "third   | asked with terminated") {
		t.Errorf("the module that was removed did not get its stop signal:\n%s", r.stdout)
	}
}

// TestReloadNginx replaces Debian's nginx under clients with a connection for each request.
func TestReloadNginx(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/usr/sbin/nginx", "/usr/bin/wrk"} {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("not installed: %v", err)
		}
	}
	file, url := onPort(t, "nginx", "8088", "nginx/nginx.conf")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := ready(t, file)
	before := p.status(t)
	rewrite(t, file, "# the same\n"+string(text))
	p.reload(t).wants(t, 0)
	samePIDs(t, before, p.status(t))

	type report struct {
		load.WrkResult
		err error
	}
	done := make(chan report, 1)
	go func() {
		r, err := load.RunWrk(context.Background(), load.WrkOptions{URL: url + "/", Connections: 8, For: 3 * time.Second})
		done <- report{r, err}
	}()
	var processes []int
	count := 0
	for over := false; !over; count++ {
		rewrite(t, file, strings.Replace(string(text), "LANG: C.UTF-8", fmt.Sprintf("LANG: C.UTF-8, N: \"%d\"", count), 1))
		processes = append(processes, p.reloads(t, count%2 == 1).Modules[0].Instances[0].PID)
		select {
		case r := <-done:
			over = true
			if r.err != nil || r.Failed() > 0 || r.Requests < 100 {
				t.Errorf("%d reloads, %+v", count+1, r)
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
	slices.Sort(processes)
	if count < 3 || len(slices.Compact(processes)) != count {
		t.Errorf("%d reloads made the processes %v", count, processes)
	}
	if r := p.stop(t, unix.SIGTERM); strings.Contains(r.stderr, "killing it") {
		t.Errorf("one did not end when it was asked to:\n%s", r.stderr)
	}
}
