package poll

import (
	"container/heap"
	"time"
)

// Timer calls a function once.
type Timer struct {
	at    time.Time
	f     func()
	index int // in the heap; -1 when it is not there
	heap  *timers
}

// After calls f when d has passed. Only functions that the loop calls use it.
func (l *Loop) After(d time.Duration, f func()) *Timer {
	t := &Timer{at: time.Now().Add(d), f: f, heap: &l.timers}
	heap.Push(&l.timers, t)
	return t
}

// Stop makes sure that the function is not called any more. A nil timer, and one that has expired, are stopped already.
func (t *Timer) Stop() {
	if t == nil {
		return
	}
	t.f = nil // it may have been taken out of the heap to be called in this round
	if t.index >= 0 {
		heap.Remove(t.heap, t.index)
	}
}

// timers is a heap by time.
type timers []*Timer

func (h timers) Len() int           { return len(h) }
func (h timers) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *timers) Push(x any) {
	t := x.(*Timer)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *timers) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}

func (h timers) first() (time.Time, bool) {
	if len(h) == 0 {
		return time.Time{}, false
	}
	return h[0].at, true
}

// expire calls the functions of those whose time has come, and not those that they add.
func (h *timers) expire(now time.Time) {
	var due []*Timer
	for len(*h) > 0 && !(*h)[0].at.After(now) {
		due = append(due, heap.Pop(h).(*Timer))
	}
	for _, t := range due {
		if f := t.f; f != nil {
			f()
		}
	}
}
