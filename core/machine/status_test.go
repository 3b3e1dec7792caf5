package machine

import (
	"testing"
	"time"
)

// TestStatusText: what a process says of itself is shown as long as it is there.
func TestStatusText(t *testing.T) {
	w := one(t, spec{name: "a", health: "notify"}, conduct{ready: time.Millisecond, dies: time.Millisecond})
	w.run(time.Second)
	text := "serving"
	w.step(Notified{Now: Now{w.now}, Instance: w.processes[0].ID, Status: &text})
	if got := w.instance().Status; got != text {
		t.Errorf("it says %q, want %q", got, text)
	}
	w.ask(1, Stop, false, "a")
	w.run(time.Second)
	if i := w.instance(); i.Status != "" || i.State != "stopped" {
		t.Errorf("after its end: %+v", i)
	}
}
