package kernel

import "golang.org/x/sys/unix"

// waitq is whom an object tells of changes: the epoll instances that watch it. A call that blocks needs none, since the scheduler asks it again.
// Source: Linux's wait queues, whose order of calls this keeps.
type waitq struct {
	items []*epollItem
}

// notifier is an object that tells of changes by itself. An epoll instance asks objects that are not notifiers each time it is waited on.
type notifier interface {
	// queues returns where a description of the object hears of changes; b is nil when one is all.
	queues(f *file) (a, b *waitq)
}

// notify says that what mask tells might have changed; 0 is anything.
func (q *waitq) notify(mask uint32) {
	if len(q.items) == 0 {
		return
	}
	for i := len(q.items) - 1; i >= 0; i-- {
		if q.items[i].events&unix.EPOLLEXCLUSIVE == 0 {
			q.items[i].wake(mask)
		}
	}
	for _, it := range q.items {
		if it.events&unix.EPOLLEXCLUSIVE != 0 && it.wake(mask) {
			return
		}
	}
}

func (q *waitq) remove(it *epollItem) {
	for i, other := range q.items {
		if other == it {
			q.items = append(q.items[:i], q.items[i+1:]...)
			return
		}
	}
}
