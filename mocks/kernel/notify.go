package kernel

import "github.com/bulkhead/bulkhead/posix"

// listener is the object of SECCOMP_FILTER_FLAG_NEW_LISTENER. What it is told cannot be read: that is an ioctl that posix.Core does not have. So a
// notified call waits until the listener is closed.
type listener struct {
	anonymous
	closed bool
	asked  uint64 // how many calls there were
	waits  int    // how many wait
}

func (l *listener) changes() uint64 { return l.asked }

func (l *listener) events(*file) uint32 {
	if l.waits > 0 {
		return pollIn
	}
	return 0
}

func (l *listener) release(*file) { l.closed = true }

// notify asks the listener of a filter. Source: kernel/seccomp.c, seccomp_do_user_notification.
func (p *Process) notify(by *filterLink) posix.Errno {
	l := by.listener
	if l == nil || l.closed {
		return enosys
	}
	l.asked++
	l.waits++
	why := p.k.wait(p, "a call that a seccomp listener is asked about", never, func() bool { return l.closed })
	l.waits--
	if why == interrupted {
		return eintr
	}
	return enosys
}

// setListener adds a filter with a listener and returns the listener's descriptor.
func (p *Process) setListener(link *filterLink) (int, posix.Errno) {
	l := &listener{}
	f, errno := p.k.newFile(p, l, oRdwr)
	if errno != 0 {
		return 0, errno
	}
	fd, errno := p.install(f, 0, true)
	if errno != 0 {
		return 0, errno
	}
	for older := link.older; older != nil; older = older.older {
		if older.listener != nil {
			errno = ebusy
		}
	}
	if link.total > maxFilters {
		errno = enomem
	}
	if errno != 0 {
		p.fds.remove(fd)
		return 0, errno
	}
	link.listener = l
	p.box.filters = link
	return int(fd), 0
}

// pollIn is EPOLLIN.
const pollIn = 1
