package kernel

import "time"

// goTime drives the clock when Config.GoTime is set. It is guarded by k.mu.
type goTime struct {
	boot  time.Time   // when the clock stood at 0; the zero value: the clock is not Go's
	timer *time.Timer // of Go, at alarm; nil: none was ever needed
	alarm time.Duration
	armed bool
}

func (g *goTime) on() bool { return !g.boot.IsZero() }

// catchUp moves the clock to where Go's is.
func (k *Kernel) catchUp() { k.moveTo(time.Since(k.goTime.boot)) }

// wakeAt has the kernel look at its timers and waits at a time. Nothing else does when everybody waits.
func (k *Kernel) wakeAt(at time.Duration) {
	g := &k.goTime
	if !g.on() || at < 0 || g.armed && g.alarm <= at {
		return
	}
	g.armed, g.alarm = true, at
	d := at - time.Since(g.boot)
	if g.timer == nil {
		g.timer = time.AfterFunc(d, k.alarmed)
		return
	}
	g.timer.Reset(d)
}

// alarmed is called by Go's timer. One that was set again meanwhile comes once too often, which does no harm.
func (k *Kernel) alarmed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	k.goTime.armed = false
	k.catchUp()
	k.reschedule()
	if at, ok := k.nextTime(); ok {
		k.wakeAt(at)
	}
}
