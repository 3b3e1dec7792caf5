package spawner

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// TestRest: there is one rest after all that was asked for, and none for what is asked for all the time.
func TestRest(t *testing.T) {
	var rests atomic.Int32
	rested := make(chan time.Time, 16)
	s := newResidentTest(t, planOf(shell("a", "exec sleep 1000"), shell("b", "exec sleep 1000")), func(s *resident) {
		s.Rest = func() { rests.Add(1); rested <- time.Now() }
	}).run()
	m := s.manager()
	var asked time.Time
	for _, module := range []string{"a", "b"} {
		time.Sleep(restAfter / 2)
		asked = time.Now()
		m.start(1, module, 0)
	}
	if at := await(t, rested, "a rest"); at.Sub(asked) < restAfter {
		t.Errorf("it rested %s after it was asked for something", at.Sub(asked))
	}
	m.memory(m.must(wire.KindStats, nil).fds[0])
	await(t, m.ask(wire.KindPing, nil), "a pong")
	time.Sleep(restAfter * 5 / 4)
	if n := rests.Load(); n != 1 {
		t.Errorf("it rested %d times", n)
	}
	m.prepare()
	await(t, rested, "a rest after the reload that was prepared")
	m.kill()
	s.manager()
	await(t, rested, "a rest after another manager was started")
}
