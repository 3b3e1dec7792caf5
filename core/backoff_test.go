package core

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkhead/bulkhead/core/link/linktest"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// TestHourOfRestarts: a module that ends at once is started again an hour long, by the whole manager: machine, channel, pipes, event
// loops. All of its clocks are virtual.
func TestHourOfRestarts(t *testing.T) {
	began := time.Now() // outside of the bubble: real
	starts := 0
	synctest.Test(t, func(t *testing.T) {
		m := linktest.Module("web")
		m.Restart = wire.Restart{Policy: "always", Delay: time.Second, MaxDelay: 30 * time.Second, Burst: 100, Window: time.Minute, ResetAfter: time.Hour}
		s := newStage(t, m)
		var at []time.Time
		s.spawner.Started = func(i *linktest.Instance) { // one at a time
			at = append(at, time.Now())
			i.End(1)
		}
		s.start()
		time.Sleep(time.Hour)
		synctest.Wait()
		var gap time.Duration
		for i := range at[1:] {
			next := at[i+1].Sub(at[i])
			if next < gap || next > m.Restart.MaxDelay {
				t.Errorf("start %d comes %s after the one before, which came after %s", i+2, next, gap)
			}
			gap = next
		}
		if gap != m.Restart.MaxDelay {
			t.Errorf("the delay has grown to %s", gap)
		}
		if first := at[1].Sub(at[0]); first != m.Restart.Delay {
			t.Errorf("the first delay is %s", first)
		}
		if n := len(s.spawner.Instances()); n > 1 {
			t.Errorf("%d instances are not forgotten", n)
		}
		if got := s.kernel.Now(); got < time.Hour {
			t.Errorf("in the kernel it is %s", got)
		}
		starts = len(at)
	})
	// 1 + 2 + 4 + 8 + 16 s, and then every 30 s.
	if want := 6 + int((time.Hour-31*time.Second)/(30*time.Second)); starts != want {
		t.Errorf("%d starts in an hour, want %d", starts, want)
	}
	t.Logf("%d starts, in %s of real time", starts, time.Since(began))
}
