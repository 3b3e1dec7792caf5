package kernel

import (
	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// epoll is an instance of epoll(7). Items are put on the list of ready ones when their objects tell of a change, and looked at when somebody waits: the
// order of reports is that of Linux. Source: fs/eventpoll.c.
type epoll struct {
	anonymous
	unmoved
	file    *file // its only description
	items   map[epollKey]*epollItem
	ready   epollList
	polled  []*epollItem // those whose objects do not tell
	waiting int          // calls of epoll_wait that block
	q       waitq        // instances that watch this one
}

// epollKey says what an item is of: the same description may be added under several numbers.
type epollKey struct {
	file *file
	fd   posix.FD
}

type epollItem struct {
	ep         *epoll
	key        epollKey
	events     uint32
	data       uint64
	a, b       *waitq
	seen       uint64 // changes of an object that does not tell, when it was last reported
	linked     bool   // it is on the list
	prev, next *epollItem
}

// epollPrivate are the bits that say how to report, and are left when EPOLLONESHOT has reported.
const epollPrivate uint32 = unix.EPOLLWAKEUP | unix.EPOLLONESHOT | unix.EPOLLET | unix.EPOLLEXCLUSIVE

// wake is told that the object has changed. It returns whether somebody was woken, for EPOLLEXCLUSIVE.
func (it *epollItem) wake(mask uint32) bool {
	if it.events&^epollPrivate == 0 || mask != 0 && mask&it.events == 0 {
		return false
	}
	if !it.linked {
		it.ep.ready.push(it)
	}
	it.ep.q.notify(unix.EPOLLIN)
	if it.ep.waiting == 0 {
		return false
	}
	const inOut = unix.EPOLLIN | unix.EPOLLOUT
	return mask&inOut == 0 || mask&inOut == inOut || mask&inOut&it.events != 0
}

func (it *epollItem) poll() uint32 {
	return it.key.file.object.events(it.key.file) & it.events
}

// ask looks at the items whose objects do not tell of changes.
func (ep *epoll) ask() {
	for _, it := range ep.polled {
		if it.linked || it.events&^epollPrivate == 0 || it.poll() == 0 {
			continue
		}
		if it.events&unix.EPOLLET != 0 && it.seen == it.key.file.object.changes() {
			continue
		}
		ep.ready.push(it)
	}
}

// collect reports what is ready and returns how many. What is still ready afterwards goes to the end of the list, unless it is edge-triggered.
func (ep *epoll) collect(p *Process, out []posix.EpollEvent) int {
	ep.file.askedBy(p)
	ep.ask()
	n := 0
	todo := ep.ready
	ep.ready = epollList{}
	for todo.first != nil && n < len(out) {
		it := todo.first
		todo.remove(it)
		events := it.poll()
		if events == 0 {
			continue
		}
		out[n] = posix.EpollEvent{Events: events, Data: it.data}
		n++
		it.seen = it.key.file.object.changes()
		switch {
		case it.events&unix.EPOLLONESHOT != 0:
			it.events &= epollPrivate
		case it.events&unix.EPOLLET == 0:
			ep.ready.push(it)
		}
	}
	todo.append(ep.ready)
	ep.ready = todo
	return n
}

// events takes those off the list that turn out not to be ready.
func (ep *epoll) events(*file) uint32 {
	ep.ask()
	for it := ep.ready.first; it != nil; it = ep.ready.first {
		if it.poll() != 0 {
			return unix.EPOLLIN | unix.EPOLLRDNORM
		}
		ep.ready.remove(it)
	}
	return 0
}

func (ep *epoll) queues(*file) (a, b *waitq) { return &ep.q, nil }

func (ep *epoll) release(*file) {
	for _, it := range ep.items {
		it.detach()
		it.key.file.unwatch(it)
	}
	ep.items, ep.polled, ep.ready = nil, nil, epollList{}
}

// detach removes an item from everything but the list of its file.
func (it *epollItem) detach() {
	ep := it.ep
	delete(ep.items, it.key)
	if it.linked {
		ep.ready.remove(it)
	}
	if it.a == nil {
		for i, other := range ep.polled {
			if other == it {
				ep.polled = append(ep.polled[:i], ep.polled[i+1:]...)
				break
			}
		}
		return
	}
	it.a.remove(it)
	if it.b != nil {
		it.b.remove(it)
	}
}

// unwatch forgets an item of an epoll instance.
func (f *file) unwatch(it *epollItem) {
	for i, other := range f.watchers {
		if other == it {
			f.watchers = append(f.watchers[:i], f.watchers[i+1:]...)
			return
		}
	}
}

// unwatched is called when the last reference of a file has gone: epoll instances forget it.
func (f *file) unwatched() {
	for _, it := range f.watchers {
		it.detach()
	}
	f.watchers = nil
}

// epollList is a list of items in the order in which they became ready.
type epollList struct{ first, last *epollItem }

func (l *epollList) push(it *epollItem) {
	it.prev, it.next, it.linked = l.last, nil, true
	if l.last == nil {
		l.first = it
	} else {
		l.last.next = it
	}
	l.last = it
}

func (l *epollList) remove(it *epollItem) {
	if it.prev == nil {
		l.first = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		l.last = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.prev, it.next, it.linked = nil, nil, false
}

// append puts a whole list behind this one.
func (l *epollList) append(other epollList) {
	switch {
	case other.first == nil:
	case l.first == nil:
		*l = other
	default:
		l.last.next, other.first.prev = other.first, l.last
		l.last = other.last
	}
}
