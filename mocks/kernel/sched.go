package kernel

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// scheduler knows who waits. Waits have no queues: a wait is a question (ready) that is asked again after something has happened.
// Between two questions nothing runs, so asking costs what the number of waits costs, and a wake-up cannot be lost.
type scheduler struct {
	running int      // how many run: the goroutine that made the kernel, and the programs that are not waiting
	waits   []*wait  // in the order in which they began
	timers  []*timer // by when they expire, then by age
	serial  uint64   // of the next wait or timer
}

// wait is a call that cannot go on, or a program that has not begun.
type wait struct {
	serial  uint64
	process *Process
	what    string        // for the message of a deadlock: "read fd 3"
	ready   func() bool   // called with the kernel locked
	until   time.Duration // when it gives up; never when negative
	resumed chan struct{} // closed when it may go on
	stuck   bool          // nobody can ever go on
}

// timer calls fire, with the kernel locked, when its time has come.
type timer struct {
	serial uint64
	at     time.Duration
	fire   func()
}

const never time.Duration = -1

// why says how a wait ended.
type why int

const (
	isReady why = iota
	timedOut
	interrupted // a signal that is not blocked arrived
)

// wait lets others run until ready holds, the time until has come (unless it is [never]), or a signal must be taken. The kernel is locked
// before and after. what names the call in the message of a deadlock.
func (k *Kernel) wait(p *Process, what string, until time.Duration, ready func() bool) why {
	for {
		switch {
		case p.dying():
			k.unwind(p)
		case ready():
			return isReady
		case p.interrupted():
			return interrupted
		case until >= 0 && k.now >= until:
			return timedOut
		}
		k.park(&wait{process: p, what: what, until: until, ready: func() bool {
			return p.dying() || ready() || p.interrupted() || until >= 0 && k.now >= until
		}})
	}
}

// park gives up the processor until w is chosen.
func (k *Kernel) park(w *wait) {
	w.resumed = make(chan struct{})
	w.serial = k.sched.serial
	k.sched.serial++
	k.sched.waits = append(k.sched.waits, w)
	k.sched.running--
	k.reschedule()
	k.mu.Unlock()
	<-w.resumed
	k.mu.Lock()
	if w.stuck {
		panic(k.deadlock(w))
	}
}

// reschedule is called whenever something has happened that might let a wait end, and whenever somebody stopped running.
func (k *Kernel) reschedule() {
	if k.config.Concurrent {
		for _, w := range slices.Clone(k.sched.waits) {
			if w.ready() {
				k.resume(w)
			}
		}
		return
	}
	for k.sched.running == 0 {
		var ready []*wait
		for _, w := range k.sched.waits {
			if w.ready() {
				ready = append(ready, w)
			}
		}
		if len(ready) > 0 {
			k.resume(ready[k.rng.IntN(len(ready))])
			return
		}
		if at, ok := k.nextTime(); ok {
			k.moveTo(at)
			continue
		}
		k.stuck()
		return
	}
}

func (k *Kernel) resume(w *wait) {
	i := slices.Index(k.sched.waits, w)
	k.sched.waits = slices.Delete(k.sched.waits, i, i+1)
	k.sched.running++
	close(w.resumed)
}

// nextTime is when the next timer expires or the next wait gives up.
func (k *Kernel) nextTime() (at time.Duration, ok bool) {
	if len(k.sched.timers) > 0 {
		at, ok = k.sched.timers[0].at, true
	}
	for _, w := range k.sched.waits {
		if w.until >= 0 && (!ok || w.until < at) {
			at, ok = w.until, true
		}
	}
	return at, ok
}

// moveTo sets the clock, never back, and fires the timers whose time has come.
func (k *Kernel) moveTo(at time.Duration) {
	k.now = max(k.now, at)
	for len(k.sched.timers) > 0 && k.sched.timers[0].at <= k.now {
		t := k.sched.timers[0]
		k.sched.timers = k.sched.timers[1:]
		t.fire()
	}
}

// after arranges for fire to be called at a time. The kernel is locked then.
func (k *Kernel) after(at time.Duration, fire func()) *timer {
	t := &timer{serial: k.sched.serial, at: at, fire: fire}
	k.sched.serial++
	i, _ := slices.BinarySearchFunc(k.sched.timers, t, func(a, b *timer) int {
		if a.at != b.at {
			return int(min(max(a.at-b.at, -1), 1))
		}
		if a.serial < b.serial {
			return -1
		}
		return 1
	})
	k.sched.timers = slices.Insert(k.sched.timers, i, t)
	return t
}

// cancel makes sure that a timer does not fire any more.
func (k *Kernel) cancel(t *timer) {
	if i := slices.Index(k.sched.timers, t); i >= 0 {
		k.sched.timers = slices.Delete(k.sched.timers, i, i+1)
	}
}

// stuck wakes one of those that wait for ever, to tell its goroutine. The goroutine that made the kernel is preferred: there the test is.
func (k *Kernel) stuck() {
	if len(k.sched.waits) == 0 {
		return // all have ended
	}
	w := k.sched.waits[0]
	for _, other := range k.sched.waits {
		if other.process == nil || !other.process.programmed {
			w = other
			break
		}
	}
	w.stuck = true
	k.resume(w)
}

func (k *Kernel) deadlock(w *wait) string {
	var b strings.Builder
	fmt.Fprintf(&b, "kernel: deadlock at %v: nothing can ever happen again", k.now)
	for _, w := range append([]*wait{w}, k.sched.waits...) {
		if w.process == nil {
			fmt.Fprintf(&b, "\n\t%s", w.what)
			continue
		}
		fmt.Fprintf(&b, "\n\tprocess %d waits in %s", w.process.pid, w.what)
	}
	return b.String()
}

// start runs f on a goroutine of its own, as soon as its turn comes. The kernel is locked.
func (k *Kernel) start(p *Process, f func()) {
	w := &wait{process: p, what: "its first call", until: never, ready: func() bool { return true }, resumed: make(chan struct{})}
	w.serial = k.sched.serial
	k.sched.serial++
	k.sched.waits = append(k.sched.waits, w)
	go func() {
		<-w.resumed
		defer func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.sched.running--
			k.reschedule()
		}()
		f()
	}()
	if k.config.Concurrent {
		k.reschedule()
	}
}

// Settle lets all programs run until each of them waits. No time passes.
func (k *Kernel) Settle() { k.Advance(0) }

// Advance lets d pass: the programs run, and the timers up to then expire in their order. It returns when the time has come and everybody
// waits. The caller is not a program.
func (k *Kernel) Advance(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	end := k.now + d
	for {
		k.quiesce()
		at, ok := k.nextTime()
		if !ok || at > end {
			break
		}
		k.moveTo(at)
		if k.config.Concurrent {
			k.reschedule()
		}
	}
	k.moveTo(end)
	k.quiesce()
}

// quiesce gives way to everybody who can go on.
func (k *Kernel) quiesce() {
	if k.config.Concurrent {
		k.reschedule()
		return
	}
	for slices.ContainsFunc(k.sched.waits, func(w *wait) bool { return w.ready() }) {
		// Last in line: it is ready only when nobody else is.
		me := &wait{what: "Settle or Advance", until: never}
		me.ready = func() bool {
			return !slices.ContainsFunc(k.sched.waits, func(w *wait) bool { return w != me && w.ready() })
		}
		k.park(me)
	}
}

// Now returns how long the machine has been up: CLOCK_MONOTONIC.
func (k *Kernel) Now() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}
