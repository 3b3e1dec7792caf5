package spawner

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a alarms
		var rang []string
		ring := func(look func() error) {
			t.Helper()
			if err := a.ring(look); err != nil {
				t.Error(err)
			}
		}
		nothing := func() error { return nil }
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
		ring(nothing)
		if len(rang) != 0 {
			t.Errorf("%q rang before their time", rang)
		}
		time.Sleep(2 * time.Second)
		if got := a.patience(); got != 0 {
			t.Errorf("it waits for %s while one is due", got)
		}
		ring(nothing)
		a.stop(first) // it was called
		time.Sleep(time.Hour)
		ring(nothing)
		if want := []string{"first", "late", "chained"}; !slices.Equal(rang, want) && !slices.Equal(rang, []string{"first", "chained", "late"}) {
			t.Errorf("%q", rang)
		}
		if a.patience() >= 0 {
			t.Error("something is left")
		}
		// What happens while one is being called can stop the next.
		rang = nil
		slow := false
		a.set(time.Second, func() { slow = true })
		next := add("stopped by what happened", 2*time.Second)
		time.Sleep(time.Hour)
		ring(func() error {
			if slow {
				a.stop(next)
			}
			return nil
		})
		if len(rang) != 0 || a.patience() >= 0 {
			t.Errorf("%q", rang)
		}
		add("never", 0)
		if err := a.ring(func() error { return io.EOF }); err != io.EOF || len(rang) != 0 {
			t.Errorf("%v, %q", err, rang)
		}
	})
}
