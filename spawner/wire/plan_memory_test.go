package wire

import (
	"runtime"
	"testing"
	"time"
	"unsafe"
)

// TestPlanLetsTheMessageGo: the spawner keeps plans for as long as it runs, and messages are much larger than what is of use of them.
func TestPlanLetsTheMessageGo(t *testing.T) {
	message := fullPlan().Encode()
	gone := make(chan struct{})
	runtime.AddCleanup(&message[0], func(struct{}) { close(gone) }, struct{}{})
	p, err := DecodePlan(message)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; runtime.GC() {
		select {
		case <-gone:
		default:
			if time.Now().Before(end) {
				continue
			}
			t.Error("the message is still there")
		}
		break
	}
	runtime.KeepAlive(p)
}

// TestPlanSaysNothingTwice: a hundred modules of one profile have a hundred times the same texts.
func TestPlanSaysNothingTwice(t *testing.T) {
	one := fullPlan()
	one.Modules = append(one.Modules, one.Modules...)
	p, err := DecodePlan(one.Encode())
	if err != nil {
		t.Fatal(err)
	}
	half := len(p.Modules) / 2
	for i := range half {
		a, b := p.Modules[i].Program.Steps[0].Text, p.Modules[half+i].Program.Steps[0].Text
		if a == "" || a != b || unsafe.StringData(a) != unsafe.StringData(b) {
			t.Errorf("%q and %q are not the same string", a, b)
		}
	}
}
