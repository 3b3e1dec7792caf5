package spawner

import (
	"net"
	"testing"

	"github.com/bulkhead/bulkhead/spawner/wire"
)

// TestStatistics: queues, counters, launches; two questions at once are both answered.
func TestStatistics(t *testing.T) {
	s := newResidentTest(t, listening(planOf(quiet(t, "a")), tcp("web", 0)), func(s *resident) {
		s.Counters = func() ([]wire.CallCount, []wire.CallDuration) {
			return []wire.CallCount{{Op: "clone3", Errno: "0", N: 3}}, []wire.CallDuration{{Op: "clone3"}}
		}
	}).run()
	m := s.manager()
	_, web := s.socket("web")
	m.start(1, "a", 0)
	c, err := net.Dial("tcp", web.String()) // nobody accepts it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	// More than a few at a time are refused: every answer is a file in the spawner's memory.
	var crowd []chan answered
	s.onLoop(func() { // the loop reads them together, when it goes on
		for range maxStatistics + 1 {
			crowd = append(crowd, m.ask(wire.KindStats, nil))
		}
	})
	for n, from := range crowd {
		a := await(t, from, "statistics")
		for _, fd := range a.fds {
			m.memory(fd)
		}
		switch {
		case n < maxStatistics && a.Code != wire.Done, n == maxStatistics && a.Code != wire.Refused:
			t.Errorf("request %d: %+v", n, a)
		}
	}
	first, second := m.ask(wire.KindStats, nil), m.ask(wire.KindStats, nil)
	for _, from := range []chan answered{first, second} {
		a := await(t, from, "statistics")
		if a.Code != wire.Done || len(a.fds) != 1 {
			t.Fatalf("%+v", a)
		}
		st, err := wire.DecodeStats(m.memory(a.fds[0]))
		if err != nil {
			t.Fatal(err)
		}
		if len(st.Queues) != 1 || st.Queues[0] != (wire.Queue{Listener: "web", Length: 1, Limit: 16}) {
			t.Errorf("queues %+v", st.Queues)
		}
		if len(st.Calls) != 1 || st.Calls[0].N != 3 || len(st.Durations) != 1 {
			t.Errorf("%+v", st)
		}
		if h := st.Launches; h.Count != 1 || h.Sum <= 0 || h.Buckets[len(h.Buckets)-1].N != 1 {
			t.Errorf("launches %+v", h)
		}
		if len(st.Parts) < 2 || st.Parts[0].Op != "streams" || st.Parts[0].Count != 1 || st.Parts[0].Sum > st.Launches.Sum {
			t.Errorf("parts of launches %+v", st.Parts)
		}
	}
}
