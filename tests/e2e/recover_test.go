package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// kill ends processes that a test knows to be a supervisor's.
func kill(t testing.TB, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Fatalf("kill %d: %v", pid, err)
		}
	}
}

// another waits until another manager than the one of an earlier status works.
func (p *program) another(t testing.TB, before api.Status) api.Status {
	t.Helper()
	return p.becomes(t, "another manager works", func(s api.Status) bool { return s.Manager.PID != before.Manager.PID && s.State == "running" })
}

// TestRecoverInstance: an instance that is killed is started again, on the same socket, later each time.
func TestRecoverInstance(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.lines = []string{"restart: {policy: on-failure, delay: 400ms, max_delay: 5s, burst: 10, window: 1m, reset_after: 1m}"}
	p := ready(t, writePolicy(t, w.text()))
	was := visit(t, w.address)
	var delays []time.Duration
	for n := 1; n <= 2; n++ {
		pid := p.status(t).Modules[0].Instances[0].PID
		kill(t, pid)
		killed := time.Now()
		s := p.becomes(t, "the back-off shows", func(s api.Status) bool { return s.Modules[0].Instances[0].State == "backoff" })
		i := s.Modules[0].Instances[0]
		if i.PID != 0 || i.NextTry == nil || !strings.Contains(i.Reason, "SIGKILL") || !strings.Contains(i.LastExit, "SIGKILL") {
			t.Errorf("in its back-off it shows %+v", i)
		} else {
			delays = append(delays, i.NextTry.Sub(killed))
		}
		// Whoever comes meanwhile waits in the queue of the socket, which has not been closed, and is answered.
		if now := visit(t, w.address); now.instance == was.instance || now.inode() != was.inode() {
			t.Errorf("%+v answers, and did %+v", now, was)
		}
		s = p.becomes(t, "it is ready again", allReady)
		if i := s.Modules[0].Instances[0]; i.PID == pid || i.Restarts != n || i.Reason != "" && !strings.Contains(i.LastExit, "SIGKILL") {
			t.Errorf("after %d kills: %+v", n, i)
		}
	}
	// 400 ms and 800 ms, each 10 % more or less; and the time that it took to look.
	if len(delays) == 2 && (delays[0] < 300*time.Millisecond || delays[0] > 700*time.Millisecond || delays[1] < 650*time.Millisecond || delays[1] > 1200*time.Millisecond) {
		t.Errorf("the delays are %v", delays)
	}
	p.stop(t, unix.SIGTERM)
}

// TestRecoverManager: a manager that is killed is back within a second, knows everything, and no module notices.
func TestRecoverManager(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.modules = []module{sleeper("many", 3), {name: "resting", command: []string{place.victim, "say:rested"}, lines: []string{"user: daemon", "restart: {policy: \"no\"}"}}}
	file := writePolicy(t, w.text())
	p := supervise(t, file)
	settled := func(s api.Status) bool {
		return s.State == "running" && strings.Join(states(s), " ") == "many[0]=ready many[1]=ready many[2]=ready resting[0]=exited service[0]=ready"
	}
	before := p.becomes(t, "three run on and one has ended", settled)
	end := pressure(t, w.address, 2)
	for n := 1; n <= 2; n++ {
		last := p.status(t)
		kill(t, last.Manager.PID)
		begin := time.Now()
		s := p.another(t, last)
		// The second one comes after twice the delay.
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it took %s to be back", took)
		}
		samePIDs(t, before, s)
		if !settled(s) || s.Manager.Restarts != n || s.Generation != 1 || !s.Since.Equal(before.Since) || s.PID != before.PID || len(s.Listeners) != 1 {
			t.Errorf("the new manager knows %v, %d restarts, generation %d, since %v (was %v)", states(s), s.Manager.Restarts, s.Generation, s.Since, before.Since)
		}
	}
	// It can do what the first could.
	w = w.next()
	rewrite(t, file, w.text())
	p.reload(t).wants(t, 0)
	if s := p.status(t); s.Generation < 2 || pids(s)["service[0]"] == pids(before)["service[0]"] || pids(s)["many[2]"] != pids(before)["many[2]"] {
		t.Errorf("after a reload: generation %d, processes %v, before %v", s.Generation, pids(s), pids(before))
	}
	end(1)
	r := p.stop(t, unix.SIGTERM)
	if n := strings.Count(r.stdout, "| say:rested"); n != 1 {
		t.Errorf("the module that had ended ran %d times", n)
	}
}

// states are what is shown of all instances, sorted.
func states(s api.Status) []string {
	var out []string
	for _, m := range s.Modules {
		for _, i := range m.Instances {
			out = append(out, fmt.Sprintf("%s[%d]=%s", m.Name, i.Replica, i.State))
		}
	}
	slices.Sort(out)
	return out
}

// TestRecoverLogs: a module writes numbered lines while managers are killed; none is lost.
func TestRecoverLogs(t *testing.T) {
	t.Parallel()
	script := "i=0; while [ $$i -lt 100000 ]; do i=$$((i+1)); echo line $$i; done; echo end of lines; exec sleep 60"
	p := supervise(t, policy(t, "", module{name: "writer", command: []string{"/bin/sh", "-c", script}, lines: []string{"restart: {policy: \"no\"}"},
		files: []string{"{path: /usr, access: rx}", "{path: /lib, access: rx}", "{path: /lib64, access: rx, if_exists: true}", "{path: /bin, access: rx}"}}))
	before := p.status(t)
	for range 2 {
		last := p.status(t)
		written := strings.Count(p.stdout.String(), "\n")
		waitFor(t, "some more lines", func() bool { return strings.Count(p.stdout.String(), "\n") > written+500 })
		if strings.Contains(p.stdout.String(), "end of lines") {
			t.Fatal("it has written everything before the manager is killed: this proves nothing")
		}
		kill(t, last.Manager.PID)
		p.another(t, last)
	}
	p.says(t, "writer | end of lines")
	samePIDs(t, before, p.status(t))
	next, again := 1, 0
	for line := range strings.Lines(p.stdout.String()) {
		text, is := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "writer | line ")
		if !is {
			continue
		}
		n, err := strconv.Atoi(text)
		switch {
		case err != nil:
			t.Fatalf("line %q: %v", line, err)
		case n == next:
			next++
		case n < next:
			again++ // what was written and not yet taken out of the pipe when the manager was killed comes again
		default:
			t.Fatalf("line %d comes after %d", n, next-1)
		}
	}
	if next != 100001 {
		t.Errorf("the last line is %d", next-1)
	}
	t.Logf("%d lines came twice", again)
	p.stop(t, unix.SIGTERM)
}

// TestRecoverBoth: manager and instance are killed at the same time. The socket is there all the time; who comes meanwhile is answered.
func TestRecoverBoth(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.lines = []string{"restart: {policy: on-failure, delay: 50ms}"}
	p := ready(t, writePolicy(t, w.text()))
	was := visit(t, w.address)
	for range 2 {
		s := p.status(t)
		kill(t, s.Manager.PID, s.Modules[0].Instances[0].PID)
		answers := make(chan error, 8)
		for range cap(answers) {
			go func() {
				now, err := tryVisit(w.address)
				if err == nil && (now.instance == was.instance || now.inode() != was.inode()) {
					err = fmt.Errorf("%+v answers, and did %+v", now, was)
				}
				answers <- err
			}()
		}
		for range cap(answers) {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		after := p.becomes(t, "both are back", func(now api.Status) bool { return now.Manager.PID != s.Manager.PID && allReady(now) })
		i := after.Modules[0].Instances[0]
		if i.PID == s.Modules[0].Instances[0].PID || i.Restarts != s.Modules[0].Instances[0].Restarts+1 {
			t.Errorf("%+v, before %+v", i, s.Modules[0].Instances[0])
		}
		was = visit(t, w.address)
	}
	p.stop(t, unix.SIGTERM)
}

// TestRecoverReload: the manager is killed in the middle of a reload. Afterwards one of the generations serves, wholly, and the next try works.
func TestRecoverReload(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		when string // an event
	}{
		{"when it has begun", "reload.planned"},
		{"when the new instance runs", "instance.started"},
		{"when it is committed", "reload.committed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWeb(t)
			w.lines = []string{"replicas: 2"}
			w.args = []string{"-ready", "150ms", "-goodbye", "300ms"}
			file := writePolicy(t, w.text())
			p := ready(t, file)
			before, visited := p.status(t), visit(t, w.address)
			end := pressure(t, w.address, 1)
			w = w.next()
			rewrite(t, file, w.text())
			seen := strings.Count(p.stderr.String(), "event="+c.when)
			p.signal(t, unix.SIGHUP)
			waitFor(t, c.when, func() bool { return strings.Count(p.stderr.String(), "event="+c.when) > seen })
			kill(t, before.Manager.PID)
			after := p.becomes(t, "it has recovered", func(s api.Status) bool { return s.Manager.PID != before.Manager.PID && allReady(s) })
			if n := len(after.Modules[0].Instances); n != 2 {
				t.Errorf("%d instances: %+v", n, after.Modules[0].Instances)
			}
			want := "0"
			if after.Generation != before.Generation {
				want = "1"
			}
			for _, i := range after.Modules[0].Instances {
				if i.Generation != after.Generation {
					t.Errorf("generation %d is in force, and there is %+v", after.Generation, i)
				}
			}
			for range 8 {
				if now := visit(t, w.address); now.version != want || now.inode() != visited.inode() {
					t.Errorf("%+v answers in generation %d", now, after.Generation)
				}
			}
			if want == "0" {
				samePIDs(t, before, after) // nobody was replaced
				if after.LastReload != nil && after.LastReload.OK {
					t.Errorf("the last reload: %+v", after.LastReload)
				}
			}
			if c.when == "reload.committed" && want != "1" {
				t.Error("it was committed, and the old generation is in force")
			}
			w = w.next()
			rewrite(t, file, w.text())
			p.reload(t).wants(t, 0)
			if now := visit(t, w.address); now.version != "2" {
				t.Errorf("after another reload %+v answers", now)
			}
			if left := len(workersOf(p, place.service)); left != 2 {
				t.Errorf("%d processes of the service", left)
			}
			end(1)
			p.stop(t, unix.SIGTERM)
		})
	}
}

// workersOf are those of a supervisor's family that run a program.
func workersOf(p *program, name string) []string {
	return slices.DeleteFunc(descendants(p.Process.Pid), func(text string) bool {
		return !strings.Contains(text, ": "+name+" ") || strings.Contains(text, "state Z")
	})
}
