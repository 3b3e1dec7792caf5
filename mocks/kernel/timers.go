package kernel

import (
	"container/heap"
	"time"
)

// timer calls fire, with the kernel locked, when its time has come.
type timer struct {
	serial uint64
	at     time.Duration
	fire   func()
	index  int // in the heap; -1: it is not there
}

// timerHeap has the timers by when they expire, then by age. See container/heap.
type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].serial < h[j].serial
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = -1
	return t
}

func (h timerHeap) first() (at time.Duration, ok bool) {
	if len(h) == 0 {
		return 0, false
	}
	return h[0].at, true
}

func (h *timerHeap) pop() *timer { return heap.Pop(h).(*timer) }

// after arranges for fire to be called at a time. The kernel is locked then.
func (k *Kernel) after(at time.Duration, fire func()) *timer {
	t := &timer{serial: k.sched.serial, at: at, fire: fire}
	k.sched.serial++
	heap.Push(&k.sched.timers, t)
	k.wakeAt(at)
	return t
}

// cancel makes sure that a timer does not fire any more. nil is no timer.
func (k *Kernel) cancel(t *timer) {
	if t != nil && t.index >= 0 {
		heap.Remove(&k.sched.timers, t.index)
	}
}
