package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// misbehave has the service at an address do a deed, and returns what it says of it. A status of 0 is that the deed took the answer with it.
func misbehave(t testing.TB, address, deed string) (status int, text string) {
	t.Helper()
	client := http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post("http://"+address+"/misbehave", "text/plain", strings.NewReader(deed))
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // it may end in the middle
	return resp.StatusCode, string(body)
}

// TestStrayNotification: only the main process is believed, and somebody else's word is an event.
func TestStrayNotification(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	w.args = []string{"-ready", "never", "-before", "notify=STATUS=I said it", "-before", "stray-notify=READY=1\nSTATUS=somebody else did"}
	w.modules = []module{sleeper("other", 1)}
	p := supervise(t, writePolicy(t, w.text()))
	waitFor(t, "the notification is refused", func() bool { return count(p.events(t), "notify.refused") > 0 })
	wantsEvent(t, p.events(t), "notify.refused", "it was sent by process", "and not by the main process")
	i := slices.IndexFunc(p.events(t), func(e api.Event) bool { return e.Kind == "notify.refused" })
	if e := p.events(t)[i]; e.Module != "service" {
		t.Errorf("it is about %q: %+v", e.Module, e)
	}
	s := p.status(t)
	if got := moduleOf(t, s, "service").Instances[0]; got.State != "starting" || got.Status != "I said it" {
		t.Errorf("state %s, status %q; want starting and its own word", got.State, got.Status)
	}
	p.stop(t, unix.SIGTERM)
}

// TestIgnoresTerm: a module that takes no notice is killed at the end of its grace period, and not before.
func TestIgnoresTerm(t *testing.T) {
	t.Parallel()
	const grace = 700 * time.Millisecond
	w := newWeb(t)
	w.args = []string{"-ready", "now", "-before", "ignore-term"}
	w.lines = []string{"stop_grace_period: " + grace.String()}
	w.modules = []module{sleeper("other", 1)}
	p := ready(t, writePolicy(t, w.text()))
	before := pids(p.status(t))
	begun := time.Now()
	r := p.ask(t, "stop", "service").run(t)
	took := time.Since(begun)
	r.wants(t, 0, "killing it")
	if took < grace || took > grace+5*time.Second {
		t.Errorf("it took %v, want a grace of %v and little more", took, grace)
	}
	s := p.status(t)
	if got := moduleOf(t, s, "service").Instances[0]; got.State != "stopped" || !strings.Contains(got.LastExit, "SIGKILL") {
		t.Errorf("%+v, want one that was killed", got)
	}
	wantsEvent(t, p.events(t), "instance.killed", "service is still running; killing it")
	if after := pids(s); after["other[0]"] != before["other[0]"] {
		t.Errorf("the other is process %d, and was %d", after["other[0]"], before["other[0]"])
	}
	p.stop(t, unix.SIGTERM)
}

// TestDaemonizes: what a module leaves in a session of its own, without a parent and deaf to SIGTERM, ends with it.
func TestDaemonizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lines []string
		alter func(string) string
	}{
		{"with a pid namespace", nil, func(text string) string { return text }},
		// Then it takes a control group to find it.
		{"without one", []string{"resources: {pids.max: 64}"}, func(text string) string { return strings.Replace(text, "[mount, pid, ipc", "[mount, ipc", 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWeb(t)
			w.lines = c.lines
			// Who loses its parent may become a child of this process: it is found by its command line.
			_, mark, _ := strings.Cut(w.address, ":")
			mark = "-drain " + mark + "ms"
			w.args = append([]string{"-ready", "now", "-goodbye", "50ms"}, strings.Fields(mark)...)
			p := supervisor(t, "--policy", writePolicy(t, c.alter(w.text()))).start(t)
			waitFor(t, "it runs, or says why not", func() bool {
				select {
				case <-p.done:
					return true
				default:
				}
				s, err := p.tryStatus()
				return err == nil && allReady(s)
			})
			select {
			case <-p.done:
				needsControlGroups(t, "pids", p.ended(t))
				t.Fatal("it has ended")
			default:
			}
			kin := func() int { return len(running(mark)) }
			if n := kin(); n != 1 {
				t.Fatalf("%d processes of the service, want 1: %v", n, running(mark))
			}
			if status, text := misbehave(t, w.address, "daemonize"); status != 200 {
				t.Fatalf("daemonize: %d %s", status, text)
			}
			waitFor(t, "there is a grandchild", func() bool { return kin() == 2 })
			first := p.status(t).Modules[0].Instances[0].PID
			// It does not survive its module's end, whether it was asked for or not.
			p.ask(t, "restart", "service").run(t).wants(t, 0)
			waitFor(t, "only the new one is there", func() bool { return kin() == 1 })
			if status, text := misbehave(t, w.address, "daemonize"); status != 200 {
				t.Fatalf("daemonize: %d %s", status, text)
			}
			waitFor(t, "there is a grandchild again", func() bool { return kin() == 2 })
			second := p.status(t).Modules[0].Instances[0].PID
			if first == second {
				t.Errorf("process %d was not replaced", first)
			}
			p.ask(t, "stop", "service").run(t).wants(t, 0)
			if n := kin(); n != 0 {
				t.Errorf("%d processes are left: %v", n, running(mark))
			}
			p.stop(t, unix.SIGTERM)
		})
	}
}

// TestCrashLoop: a module that ends again and again is started later and later, then held, and tried again when somebody wants it.
func TestCrashLoop(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	flag := filepath.Join(dir, "flag")
	crashing := module{name: "crashing", command: []string{place.victim, "needs:" + flag + ",7", "ready"}, files: []string{fmt.Sprintf("{path: %s, access: r}", dir)},
		lines: []string{"user: daemon", "restart: {policy: on-failure, delay: 40ms, max_delay: 200ms, burst: 5, window: 1m, reset_after: 10s}"}}
	p := supervise(t, policy(t, "", crashing, sleeper("other", 1)))
	s := p.becomes(t, "it is held", func(s api.Status) bool { return moduleOf(t, s, "crashing").Instances[0].State == "held" })
	other := pids(s)["other[0]"]
	i := moduleOf(t, s, "crashing").Instances[0]
	for _, words := range []string{"5 starts within 1m0s were too many", "exited with status 7", "`supervisor start crashing` tries again"} {
		if !strings.Contains(i.Reason, words) {
			t.Errorf("the reason does not say %q: %s", words, i.Reason)
		}
	}
	if i.Restarts != 4 || i.PID != 0 || i.LastExit != "exited with status 7" {
		t.Errorf("%+v, want four restarts and no process", i)
	}
	var delays []time.Duration
	for _, e := range p.events(t) {
		if e.Kind != "instance.backoff" {
			continue
		}
		_, text, _ := strings.Cut(e.Text, "started again in ")
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("%q: %v", e.Text, err)
		}
		delays = append(delays, d)
	}
	want := []time.Duration{40, 80, 160, 200}
	if len(delays) != len(want) {
		t.Fatalf("delays %v, want about %v ms", delays, want)
	}
	for n, d := range delays {
		if about := want[n] * time.Millisecond; d < about*89/100 || d > about*111/100 {
			t.Errorf("delay %d is %v, want %v give or take a tenth", n, d, about)
		}
	}
	// It is tried again, once more in vain, and then it is what it needs.
	r := p.ask(t, "start", "crashing").run(t)
	if r.status != 1 && r.status != 0 { // it may have run for the moment that counts as ready
		t.Errorf("start: status %d\n%s", r.status, r.stderr)
	}
	p.becomes(t, "it is held again", func(s api.Status) bool { return moduleOf(t, s, "crashing").Instances[0].State == "held" })
	writeFile(t, flag, "", 0o644)
	p.ask(t, "start", "crashing").run(t).wants(t, 0)
	s = p.becomes(t, "it is ready", allReady)
	if now := pids(s)["other[0]"]; now != other {
		t.Errorf("the other is process %d, and was %d", now, other)
	}
	if got := moduleOf(t, s, "crashing").Instances[0]; got.Reason != "" {
		t.Errorf("it is ready and has the reason %q", got.Reason)
	}
	r = p.stop(t, unix.SIGTERM)
	if !strings.Contains(r.stderr, "crashing is held: 5 starts within 1m0s were too many") {
		t.Errorf("the log does not say that it was held:\n%s", r.stderr)
	}
	if err := os.Remove(flag); err != nil {
		t.Error(err)
	}
}
