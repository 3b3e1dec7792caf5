package kernel

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// scheduler knows who waits. Waits have no queues: a wait is a question (ready) that is asked again when somebody can go on.
// Between two questions nothing runs, so a wake-up cannot be lost.
type scheduler struct {
	running    int     // how many run: the goroutine that made the kernel, and the programs that are not waiting
	goroutines int     // programs that have not ended
	waits      []*wait // in no order
	timers     timerHeap
	serial     uint64 // of the next wait or timer
	moved      bool   // an attempt did a part of what it has to do: others that were asked before it may go on now
}

// wait is a call that cannot go on, or a program that has not begun.
type wait struct {
	process *Process // nil: it is not a process that waits, but the test
	what    string   // for the message of a deadlock: "read"
	// ready is asked with the kernel locked, by whoever gives way. When it has said yes once it is not asked again: it may be an attempt.
	ready   func() bool
	until   time.Duration // when it gives up; never when negative
	idle    bool          // it goes on only when nobody else can
	paused  bool          // it is the wait of a process that has been stopped
	index   int           // in scheduler.waits
	resumed chan struct{} // closed when it may go on
	why     why
}

const never time.Duration = -1

// why says how a wait ended.
type why int

const (
	isReady why = iota
	timedOut
	interrupted // a signal must be taken, or the process is to end
	stuck       // nobody can ever go on
	crashed     // a program has panicked: see Kernel.crash
	shut        // the machine has been shut down
)

// wait lets others run until ready holds, the time until has come (unless it is [never]), or a signal must be taken, which may be the end of the process:
// whoever called tidies up and leaves. The kernel is locked before and after. what names the call in the message of a deadlock. ready may be an attempt that
// takes effect: it is not called again after it was true.
func (k *Kernel) wait(p *Process, what string, until time.Duration, ready func() bool) why {
	w := &wait{process: p, what: what, until: until, ready: ready}
	if !w.ask(k) {
		k.park(w)
	}
	if w.why > interrupted {
		p.calls--
		k.abandon(w) // does not return
	}
	return w.why
}

// ask finds out whether a wait is over, and why.
func (w *wait) ask(k *Kernel) bool {
	switch p := w.process; {
	case p != nil && p.dying():
		w.why = interrupted
	case p != nil && p.stopped && !w.paused:
		return false
	case w.ready():
		w.why = isReady
	case p != nil && !w.paused && p.interrupted():
		w.why = interrupted
	case w.until >= 0 && k.now >= w.until:
		w.why = timedOut
	default:
		return false
	}
	return true
}

// park gives up the processor until w is chosen.
func (k *Kernel) park(w *wait) {
	k.enqueue(w)
	k.wakeAt(w.until)
	k.sched.running--
	k.reschedule()
	k.mu.Unlock()
	<-w.resumed
	k.mu.Lock()
}

func (k *Kernel) enqueue(w *wait) {
	w.resumed = make(chan struct{})
	w.index = len(k.sched.waits)
	k.sched.waits = append(k.sched.waits, w)
}

// abandon ends a goroutine of the test whose wait will never be over. The kernel is locked before, and not afterwards.
func (k *Kernel) abandon(w *wait) {
	if w.why == shut {
		k.mu.Unlock()
		runtime.Goexit()
	}
	var problem any = k.crash
	if w.why == stuck {
		problem = k.deadlock(w)
	} else {
		k.told = true
	}
	k.mu.Unlock()
	panic(problem)
}

// reschedule is called whenever something has happened that might let a wait end, and whenever somebody stopped running.
func (k *Kernel) reschedule() {
	if k.config.Concurrent {
		for again := true; again; again = k.sched.moved {
			k.sched.moved = false
			for i := 0; i < len(k.sched.waits); {
				if w := k.sched.waits[i]; w.ask(k) {
					k.resume(w) // another one has its place now
				} else {
					i++
				}
			}
		}
		return
	}
	for k.sched.running == 0 && len(k.sched.waits) > 0 {
		if w := k.choose(); w != nil {
			k.resume(w)
		} else if at, ok := k.nextTime(); ok {
			k.moveTo(at)
		} else {
			k.stuck()
		}
	}
}

// choose returns one of those that can go on, each as likely as the others, or else one that is idle. It asks in an order drawn by lot, so that nobody is asked
// in vain who would go on.
func (k *Kernel) choose() *wait {
	for {
		k.sched.moved = false
		w, idle := k.chooseOnce()
		switch {
		case w != nil:
			return w
		case k.sched.moved:
		case idle != nil && idle.ask(k):
			return idle
		default:
			return nil
		}
	}
}

// chooseOnce asks everybody once. idle is one that is.
func (k *Kernel) chooseOnce() (w, idle *wait) {
	waits := k.sched.waits
	for n := len(waits); n > 0; n-- {
		i := 0
		if n > 1 {
			i = int(k.rng.Uint64N(uint64(n)))
		}
		w = waits[i]
		k.swap(i, n-1)
		switch {
		case w.idle:
			if idle == nil {
				idle = w
			}
		case w.ask(k):
			return w, nil
		}
	}
	return nil, idle
}

func (k *Kernel) swap(i, j int) {
	w := k.sched.waits
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}

func (k *Kernel) resume(w *wait) {
	last := len(k.sched.waits) - 1
	k.swap(w.index, last)
	k.sched.waits[last] = nil
	k.sched.waits = k.sched.waits[:last]
	k.sched.running++
	close(w.resumed)
}

// nextTime is when the next timer expires or the next wait gives up.
func (k *Kernel) nextTime() (at time.Duration, ok bool) {
	at, ok = k.sched.timers.first()
	for _, w := range k.sched.waits {
		if w.until >= 0 && (!ok || w.until < at) {
			at, ok = w.until, true
		}
	}
	return at, ok
}

// moveTo sets the clock, never back, and fires the timers whose time has come.
func (k *Kernel) moveTo(at time.Duration) {
	for {
		due, ok := k.sched.timers.first()
		if !ok || due > at {
			break
		}
		k.now = max(k.now, due)
		k.sched.timers.pop().fire()
	}
	k.now = max(k.now, at)
}

// stuck wakes one of those that wait for ever, to tell its goroutine: the test's, if it is among them.
func (k *Kernel) stuck() {
	w := k.tester()
	if w == nil {
		w = slices.MinFunc(k.sched.waits, func(a, b *wait) int { return int(a.process.pid - b.process.pid) })
	}
	w.why = stuck
	k.resume(w)
}

// tester returns a wait of the test's own, nil when there is none.
func (k *Kernel) tester() *wait {
	for _, w := range k.sched.waits {
		if w.process == nil || !w.process.programmed {
			return w
		}
	}
	return nil
}

func (k *Kernel) deadlock(me *wait) string {
	var lines []string
	for _, w := range append([]*wait{me}, k.sched.waits...) {
		if w.process == nil {
			lines = append(lines, "\n\tthe test waits in "+w.what)
			continue
		}
		state := "waits"
		if w.process.stopped {
			state = "is stopped"
		}
		lines = append(lines, fmt.Sprintf("\n\tprocess %d (%s) %s in %s", w.process.pid, w.process.comm, state, w.what))
	}
	slices.Sort(lines)
	return fmt.Sprintf("kernel: deadlock at %v: nothing can ever happen again%s", k.now, strings.Join(lines, ""))
}

// Settle lets all programs run until each of them waits. No time passes.
func (k *Kernel) Settle() { k.Advance(0) }

// Advance lets d pass: the programs run, and the timers up to then expire in their order. It returns when the time has come and everybody
// waits. The caller is not a program. A program's panic is the caller's.
func (k *Kernel) Advance(d time.Duration) {
	k.mu.Lock()
	if k.goTime.on() {
		k.catchUp()
		k.goTime.boot = k.goTime.boot.Add(-max(d, 0))
	}
	end := k.now + max(d, 0)
	for {
		k.quiesce()
		at, ok := k.nextTime()
		if !ok || at > end {
			break
		}
		k.moveTo(at)
	}
	k.moveTo(end)
	k.quiesce()
	k.mu.Unlock()
}

// quiesce gives way to everybody who can go on.
func (k *Kernel) quiesce() {
	if k.config.Concurrent {
		k.reschedule()
		return
	}
	me := &wait{what: "Settle or Advance", until: never, idle: true, ready: func() bool { return true }}
	k.park(me)
	if me.why > interrupted {
		k.abandon(me)
	}
}

// Now returns how long the machine has been up: CLOCK_MONOTONIC.
func (k *Kernel) Now() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.goTime.on() {
		k.catchUp()
	}
	return k.now
}
