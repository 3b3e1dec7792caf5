package e2e

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// TestReloadKeepsMore: the threads that launch have given up what no module kept until then. A reload brings a module that keeps a capability: it has
// that one and no other, after a restart too; the next reload takes it away.
func TestReloadKeepsMore(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		t.Skip("an ordinary user's modules have their capabilities in a user namespace, where nothing is given up before: the run as root has it")
	}
	w := newWeb(t)
	w.lines = []string{"restart: {policy: on-failure, delay: 10ms, burst: 100}"}
	text := func(caps string) string {
		return strings.Replace(w.text(), "capabilities: []", "capabilities: ["+caps+"]", 1)
	}
	file := writePolicy(t, text(""))
	p := ready(t, file)
	// has compares the sets of the instance that runs.
	has := func(when string, s api.Status, want uint64) int {
		t.Helper()
		pid := s.Modules[0].Instances[len(s.Modules[0].Instances)-1].PID
		status := statusOf(t, pid)
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			if got, want := status[set], fmt.Sprintf("%016x", want); got != want {
				t.Errorf("%s: %s is %s, want %s", when, set, got, want)
			}
		}
		return pid
	}
	alone := func(before int) func(s api.Status) bool {
		return func(s api.Status) bool {
			i := s.Modules[0].Instances
			return len(i) == 1 && i[0].PID != before && i[0].PID != 0 && i[0].State == "ready"
		}
	}
	pid := has("at first", p.becomes(t, "one instance", alone(0)), 0)
	for _, step := range []struct {
		caps string
		want uint64
	}{
		{"net_bind_service", 1 << unix.CAP_NET_BIND_SERVICE}, {"net_bind_service, chown", 1<<unix.CAP_NET_BIND_SERVICE | 1<<unix.CAP_CHOWN}, {"", 0},
	} {
		w = w.next()
		rewrite(t, file, text(step.caps))
		p.reloads(t, false)
		pid = has("after a reload with ["+step.caps+"]", p.becomes(t, "one new instance", alone(pid)), step.want)
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		pid = has("after a restart with ["+step.caps+"]", p.becomes(t, "one instance again", alone(pid)), step.want)
	}
	p.stop(t, unix.SIGTERM)
}
