package e2e

import (
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/core/api"
)

// reloads has a supervisor bring in what is in its files, by the command or by SIGHUP, and returns the status afterwards.
func (p *program) reloads(t testing.TB, bySignal bool) api.Status {
	t.Helper()
	if !bySignal {
		p.reload(t).wants(t, 0)
		return p.status(t)
	}
	before := p.status(t).LastReload
	p.signal(t, unix.SIGHUP)
	s := p.becomes(t, "the end of a reload by SIGHUP", func(s api.Status) bool {
		return s.State == "running" && s.LastReload != nil && (before == nil || s.LastReload.Time.After(before.Time))
	})
	if !s.LastReload.OK {
		t.Fatalf("the reload by SIGHUP: %s\n%s", s.LastReload.Text, p.stderr.String())
	}
	return s
}

// TestReloadUnderLoad replaces a service thirty times under clients that keep their connections and clients that do not.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	const reloads = 30
	w := newWeb(t)
	file := writePolicy(t, w.text())
	p := ready(t, file)
	first := visit(t, w.address)
	end := pressure(t, w.address, 4)
	processes := map[int]bool{p.status(t).Modules[0].Instances[0].PID: true}
	for i := range reloads {
		w = w.next()
		rewrite(t, file, w.text())
		s := p.reloads(t, i%2 == 1)
		for _, instance := range s.Modules[0].Instances {
			if instance.Generation == s.Generation {
				processes[instance.PID] = true
			}
		}
		// Draining ones do not accept for long; what is asked after the reload is answered by the new one, soon.
		waitFor(t, "an answer of the new version", func() bool {
			now := visit(t, w.address)
			if now.inode() != first.inode() {
				t.Errorf("reload %d: the socket has inode %d, not %d", i, now.inode(), first.inode())
			}
			return now.version == strconv.Itoa(w.version)
		})
	}
	who := end(reloads)
	if len(processes) != reloads+1 {
		t.Errorf("%d processes after %d reloads", len(processes), reloads)
	}
	if len(who) < reloads {
		t.Errorf("%d instances answered", len(who))
	}
	p.stop(t, unix.SIGTERM)
}
