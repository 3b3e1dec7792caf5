package spawner

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a alarms
		var rang []string
		add := func(name string, d time.Duration) *alarm {
			return a.set(d, func() { rang = append(rang, name) })
		}
		if a.patience() >= 0 {
			t.Error("without alarms it does not wait for ever")
		}
		add("late", 3*time.Second)
		stopped := add("stopped", 2*time.Second)
		first := add("first", time.Second)
		a.set(2*time.Second, func() { add("chained", 0) })
		a.stop(stopped)
		a.stop(stopped)
		a.stop(nil)
		if got := a.patience(); got != time.Second {
			t.Errorf("it waits for %s", got)
		}
		a.ring()
		if len(rang) != 0 {
			t.Errorf("%q rang before their time", rang)
		}
		time.Sleep(2 * time.Second)
		if got := a.patience(); got != 0 {
			t.Errorf("it waits for %s while one is due", got)
		}
		a.ring()
		a.stop(first) // it was called
		time.Sleep(time.Hour)
		a.ring()
		if want := []string{"first", "late", "chained"}; !slices.Equal(rang, want) && !slices.Equal(rang, []string{"first", "chained", "late"}) {
			t.Errorf("%q", rang)
		}
		if a.patience() >= 0 {
			t.Error("something is left")
		}
	})
}
