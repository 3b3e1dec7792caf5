package spawner

import (
	"container/heap"
	"time"
)

// alarms are functions that the loop calls when their time has come. They belong to the loop.
type alarms struct{ queue alarmQueue }

// alarm is one of them. It is called once.
type alarm struct {
	at    time.Time
	f     func()
	place int // in the queue; -1 when it is not there any more
}

// set has f called after d. The result can be given to stop.
func (a *alarms) set(d time.Duration, f func()) *alarm {
	x := &alarm{at: time.Now().Add(d), f: f}
	heap.Push(&a.queue, x)
	return x
}

// stop makes sure that an alarm is not called any more. Nil, and one that was called, are fine.
func (a *alarms) stop(x *alarm) {
	if x != nil && x.place >= 0 {
		heap.Remove(&a.queue, x.place)
	}
}

// patience is how long the loop can wait; negative is for ever.
func (a *alarms) patience() time.Duration {
	if len(a.queue) == 0 {
		return -1
	}
	return max(time.Until(a.queue[0].at), 0)
}

// ring calls those whose time has come. Before each one look takes notice of what has happened, however long the others took: an alarm says that something
// has not. One that is set meanwhile waits for the next call.
func (a *alarms) ring(look func() error) error {
	for now := time.Now(); a.due(now); {
		if err := look(); err != nil {
			return err
		}
		if a.due(now) { // nobody has stopped it
			heap.Pop(&a.queue).(*alarm).f()
		}
	}
	return nil
}

func (a *alarms) due(now time.Time) bool { return len(a.queue) > 0 && !a.queue[0].at.After(now) }

// alarmQueue implements [heap.Interface]; the next alarm comes first.
type alarmQueue []*alarm

func (q alarmQueue) Len() int           { return len(q) }
func (q alarmQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }

func (q alarmQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push implements [heap.Interface].
func (q *alarmQueue) Push(x any) {
	a := x.(*alarm)
	a.place = len(*q)
	*q = append(*q, a)
}

// Pop implements [heap.Interface].
func (q *alarmQueue) Pop() any {
	old := *q
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	a.place = -1
	return a
}
