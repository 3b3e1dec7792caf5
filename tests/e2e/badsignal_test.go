package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// descriptorsOf counts those of a process.
func descriptorsOf(t testing.TB, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestReloadsWithoutPause: fifty signals, each with another policy, come faster than one can be carried out. In the end the last policy is in force,
// one instance serves, no client has noticed, and nothing is left of what was on the way.
func TestReloadsWithoutPause(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	file := writePolicy(t, w.text())
	p := ready(t, file)
	settled := func() api.Status {
		t.Helper()
		return p.becomes(t, "all is done", func(s api.Status) bool { return allReady(s) && s.Generation > 1 })
	}
	// What there is after one reload is compared with what there is after many.
	w = w.next()
	rewrite(t, file, w.text())
	p.reload(t).wants(t, 0)
	before := settled()
	waitFor(t, "the one before has gone", func() bool { return len(descendants(p.Process.Pid)) <= 4 })
	family, spawner, manager := len(descendants(p.Process.Pid)), 0, 0
	if isRoot() { // an ordinary user may not look into processes of a user namespace
		spawner, manager = descriptorsOf(t, p.Process.Pid), descriptorsOf(t, before.Manager.PID)
	}
	end := pressure(t, w.address, 2)
	const signals = 50
	for range signals {
		w = w.next()
		rewrite(t, file, w.text())
		p.signal(t, unix.SIGHUP)
		time.Sleep(3 * time.Millisecond) // so that few of them are one signal for the kernel
	}
	waitFor(t, "the last policy is in force", func() bool { a, err := tryVisit(w.address); return err == nil && a.version == strconv.Itoa(w.version) })
	s := settled()
	// What drains has its time, and what is made ahead goes after a while.
	waitFor(t, fmt.Sprintf("as many processes as before (%d)", family), func() bool { return len(descendants(p.Process.Pid)) <= family })
	s = settled()
	end(10)
	// The last reload may have found nothing changed any more, and kept the instance.
	if len(s.Modules[0].Instances) != 1 || s.Listeners[0].Generation != 1 {
		t.Errorf("generation %d, with %+v and %+v; want one instance and the socket of the first", s.Generation, s.Modules[0].Instances, s.Listeners)
	}
	if s.Manager.PID != before.Manager.PID {
		t.Errorf("the manager is process %d, and was %d", s.Manager.PID, before.Manager.PID)
	}
	if s.LastReload == nil || !s.LastReload.OK {
		t.Errorf("the last reload: %+v", s.LastReload)
	}
	if n := count(p.events(t), "reload.done"); uint64(n) != s.Generation-1 || n < 3 || n > signals {
		t.Errorf("%d reloads were done, and it is generation %d", n, s.Generation)
	}
	const spare = 4 // what comes and goes
	if isRoot() {
		waitFor(t, fmt.Sprintf("the spawner has no more descriptors than %d", spawner+spare), func() bool { return descriptorsOf(t, p.Process.Pid) <= spawner+spare })
		waitFor(t, fmt.Sprintf("the manager has no more descriptors than %d", manager+spare), func() bool { return descriptorsOf(t, s.Manager.PID) <= manager+spare })
	}
	p.stop(t, unix.SIGTERM)
}

// TestSignalWhileStarting: SIGHUP comes again and again from when the policies are compiled on. It is not the end, and what was asked for last is done.
func TestSignalWhileStarting(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	file := writePolicy(t, w.text())
	p := supervisor(t, "--policy", file).start(t)
	waitFor(t, "a compile process", func() bool { return len(descendants(p.Process.Pid)) > 0 })
	version := 0
	for deadline := time.Now().Add(limit / 2); ; time.Sleep(2 * time.Millisecond) {
		select {
		case <-p.done:
			t.Fatalf("SIGHUP has ended it: %+v", p.result(t))
		default:
		}
		p.signal(t, unix.SIGHUP)
		s, err := p.tryStatus()
		if err == nil && s.Generation > 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not get ready: %+v, %v", s, err)
		}
	}
	version++
	w = w.next()
	rewrite(t, file, w.text())
	p.signal(t, unix.SIGHUP)
	waitFor(t, "the last policy is in force", func() bool { a, err := tryVisit(w.address); return err == nil && a.version == strconv.Itoa(version) })
	p.becomes(t, "it has come to rest", allReady)
	if i := slices.IndexFunc(p.events(t), func(e api.Event) bool { return e.Kind == "reload.failed" || e.Kind == "reload.refused" }); i >= 0 {
		t.Errorf("a reload went wrong: %s", p.events(t)[i].Text)
	}
	p.stop(t, unix.SIGTERM)
}
