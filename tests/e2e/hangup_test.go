package e2e

import "testing"

// TestHangup: SIGHUP is a reload while the terminal that the supervisor runs in lives, and the end when it is closed.
func TestHangup(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	file := writePolicy(t, w.text())
	term := newTerminal(t)
	p := supervisor(t, "--policy", file).at(t, term)
	p.becomes(t, "every instance is ready", allReady)
	rewrite(t, file, w.next().text())
	if s := p.reloads(t, true); s.Generation != 2 {
		t.Errorf("generation %d after SIGHUP in a terminal", s.Generation)
	}
	if err := term.slave.Close(); err != nil {
		t.Fatal(err)
	}
	if err := term.master.Close(); err != nil { // the kernel sends SIGHUP to the leader of the session
		t.Fatal(err)
	}
	if r := p.ended(t); r.status != 0 {
		t.Errorf("%+v", r)
	}
	p.leavesNothing(t)
	if _, err := p.tryStatus(); err == nil {
		t.Error("somebody still answers")
	}
}
