package kernel

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix"
)

// epollBatch is how many events one call reports at most: what the Linux implementation of the method takes.
const epollBatch = 64

// epollNests is how deep instances may watch each other. Source: fs/eventpoll.c, EP_MAX_NESTS.
const epollNests = 4

// EpollCreate1 implements [posix.Polling].
func (p *Process) EpollCreate1(flags int) (posix.FD, error) {
	c, errno := p.enter(posix.OpEpollCreate1, uint64(flags))
	fd := posix.FD(-1)
	switch {
	case errno != 0:
	case uint32(flags)&^unix.EPOLL_CLOEXEC != 0:
		errno = einval
	default:
		ep := &epoll{items: map[epollKey]*epollItem{}}
		if fd, errno = p.makeFD(ep, oRdwr|uint32(flags)); errno == 0 {
			ep.file = p.fds.get(fd)
		}
	}
	return fd, c.leave(errno)
}

// EpollCtl implements [posix.Polling].
func (p *Process) EpollCtl(epfd posix.FD, op int, fd posix.FD, event *posix.EpollEvent) error {
	c, errno := p.enter(posix.OpEpollCtl, uint64(epfd), uint64(op), uint64(fd), pointer(event != nil))
	if errno == 0 {
		errno = p.epollCtl(epfd, int32(op), fd, event)
	}
	return c.leave(errno)
}

// pointer is how seccomp sees an argument that is a pointer.
func pointer(there bool) uint64 {
	if there {
		return 1
	}
	return 0
}

func (p *Process) epollCtl(epfd posix.FD, op int32, fd posix.FD, event *posix.EpollEvent) posix.Errno {
	var want posix.EpollEvent
	if op != unix.EPOLL_CTL_DEL {
		if event == nil {
			return efault
		}
		want = *event
	}
	f, errno := p.file(epfd)
	if errno != 0 {
		return errno
	}
	target, errno := p.file(fd)
	if errno != 0 {
		return errno
	}
	if !target.object.pollable() {
		return eperm
	}
	ep, ok := f.object.(*epoll)
	if !ok || f == target {
		return einval
	}
	_, nested := target.object.(*epoll)
	if op != unix.EPOLL_CTL_DEL && want.Events&unix.EPOLLEXCLUSIVE != 0 && !exclusiveAllowed(op, want.Events, nested) {
		return einval
	}
	if want.Events&unix.EPOLLWAKEUP != 0 && !p.cred.has(unix.CAP_BLOCK_SUSPEND) {
		want.Events &^= unix.EPOLLWAKEUP
	}
	if op == unix.EPOLL_CTL_ADD && nested && !mayNest(f, target) {
		return eloop
	}
	key := epollKey{target, fd}
	it := ep.items[key]
	switch op {
	case unix.EPOLL_CTL_ADD:
		if it != nil {
			return eexist
		}
		ep.add(key, want)
	case unix.EPOLL_CTL_DEL:
		if it == nil {
			return enoent
		}
		it.detach()
		target.unwatch(it)
	case unix.EPOLL_CTL_MOD:
		if it == nil {
			return enoent
		}
		if it.events&unix.EPOLLEXCLUSIVE != 0 {
			return einval
		}
		it.modify(want)
	default:
		return einval
	}
	return 0
}

func exclusiveAllowed(op int32, events uint32, nested bool) bool {
	const allowed uint32 = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLERR | unix.EPOLLHUP | unix.EPOLLWAKEUP | unix.EPOLLET | unix.EPOLLEXCLUSIVE
	return op != unix.EPOLL_CTL_MOD && (op != unix.EPOLL_CTL_ADD || !nested && events&^allowed == 0)
}

// mayNest tells whether an instance may watch another: no circle, and not too deep.
func mayNest(f, target *file) bool {
	down, ok := depthBelow(target, f, 0)
	return ok && down+1+depthAbove(f, 0) <= epollNests
}

func depthBelow(f, forbidden *file, depth int) (deepest int, ok bool) {
	if f == forbidden || depth > epollNests {
		return 0, false
	}
	for key := range f.object.(*epoll).items {
		if _, nested := key.file.object.(*epoll); !nested {
			continue
		}
		d, ok := depthBelow(key.file, forbidden, depth+1)
		if !ok {
			return 0, false
		}
		deepest = max(deepest, d+1)
	}
	return deepest, true
}

func depthAbove(f *file, depth int) (highest int) {
	if depth > epollNests {
		return depth
	}
	for _, it := range f.watchers {
		highest = max(highest, 1+depthAbove(it.ep.file, depth+1))
	}
	return highest
}

func (ep *epoll) add(key epollKey, want posix.EpollEvent) {
	it := &epollItem{ep: ep, key: key, events: want.Events | unix.EPOLLERR | unix.EPOLLHUP, data: want.Data}
	if n, ok := key.file.object.(notifier); ok {
		it.a, it.b = n.queues(key.file)
	}
	if it.a == nil {
		ep.polled = append(ep.polled, it)
	} else {
		it.a.items = append(it.a.items, it)
	}
	if it.b != nil {
		it.b.items = append(it.b.items, it)
	}
	ep.items[key] = it
	key.file.watchers = append(key.file.watchers, it)
	it.look()
}

func (it *epollItem) modify(want posix.EpollEvent) {
	it.events, it.data = want.Events|unix.EPOLLERR|unix.EPOLLHUP, want.Data
	it.look()
}

// look puts an item on the list if there is something to report.
func (it *epollItem) look() {
	if it.poll() != 0 && !it.linked {
		it.ep.ready.push(it)
		it.ep.q.notify(unix.EPOLLIN)
	}
}

// EpollWait implements [posix.Polling].
func (p *Process) EpollWait(epfd posix.FD, events []posix.EpollEvent, timeout int) (int, error) {
	c, errno := p.enter(posix.OpEpollWait, uint64(epfd), 1, uint64(min(len(events), epollBatch)), uint64(timeout), 0, 0)
	n := 0
	if errno == 0 {
		n, errno = p.epollWait(epfd, events, int32(timeout))
	}
	return n, c.leave(errno)
}

func (p *Process) epollWait(epfd posix.FD, events []posix.EpollEvent, timeout int32) (int, posix.Errno) {
	f, errno := p.file(epfd)
	if errno != 0 {
		return 0, errno
	}
	ep, ok := f.object.(*epoll)
	if !ok || len(events) == 0 {
		return 0, einval
	}
	events = events[:min(len(events), epollBatch)]
	n := ep.collect(p, events)
	if n > 0 || timeout == 0 {
		return n, 0
	}
	return p.waitForEvents(f, ep, events, timeout)
}

func (p *Process) waitForEvents(f *file, ep *epoll, events []posix.EpollEvent, timeout int32) (n int, errno posix.Errno) {
	p.pin(f)
	ep.waiting++ // one too many when the process is killed: then no exclusive wake-up goes on to another instance
	until := never
	if timeout > 0 {
		until = later(p.k.now, time.Duration(timeout)*time.Millisecond)
	}
	why := p.k.wait(p, "epoll_wait", until, func() bool {
		if n == 0 {
			n = ep.collect(p, events)
		}
		return n > 0
	})
	ep.waiting--
	p.unpin(f)
	if why == interrupted {
		return 0, eintr
	}
	return n, 0
}
