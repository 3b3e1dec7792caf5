package kernel

import (
	"github.com/bulkhead/bulkhead/posix"
)

// file is an open file description: what all copies of a descriptor share, also in other processes and in messages on their way.
type file struct {
	k      *Kernel
	refs   int    // descriptors, messages and mappings that hold it
	flags  uint32 // O_…: access mode and status flags
	offset int64
	object object
	place  *place // what was opened by a path; nil for pipes, sockets …
	own    place  // what place leads to, most often
	opener credentials
	// watchers are the items of epoll instances that are about it.
	watchers []*epollItem
	inflight int // how many of refs are messages; only of unix sockets
	// counted: it is one of the writers of its inode.
	counted   bool
	denied    uint64 // LANDLOCK_ACCESS_FS_TRUNCATE and …IOCTL_DEV when the opener's domain denies them
	lock      int    // LOCK_SH or LOCK_EX: see flock.go
	lockInode *inode // of those without a place
	owner     int    // F_SETOWN
	signal    int    // F_SETSIG
}

// object is what a description is of: a regular file, a directory, a pipe's end, a socket, a timer … Methods are called with the kernel locked. Those that it has
// no use for come from [nothing]. None of them waits: what cannot be done now is EAGAIN, and the caller waits for events to change.
type object interface {
	read(p *Process, f *file, b []byte) (int, posix.Errno)
	write(p *Process, f *file, b []byte) (int, posix.Errno)
	// events returns what poll(2) would: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR, EPOLLRDHUP.
	events(f *file) uint32
	// changes counts what would wake a poller: an edge-triggered epoll reports again when it differs from the last time. It is not asked of a [notifier].
	changes() uint64
	stat(f *file, st *posix.Stat) posix.Errno
	// release is called when the last reference of f has gone.
	release(f *file)
	// pollable says whether epoll takes it (EPERM otherwise, as for regular files).
	pollable() bool
}

// nothing is an object on which nothing can be done: what most objects embed.
type nothing struct{}

func (nothing) read(*Process, *file, []byte) (int, posix.Errno)  { return 0, einval }
func (nothing) write(*Process, *file, []byte) (int, posix.Errno) { return 0, einval }
func (nothing) events(*file) uint32                              { return 0 }
func (nothing) changes() uint64                                  { return 0 }
func (nothing) release(*file)                                    {}
func (nothing) pollable() bool                                   { return true }

// newFile returns a description with no reference yet: install makes the first. ENFILE when the machine has too many.
func (k *Kernel) newFile(p *Process, o object, flags uint32) (*file, posix.Errno) {
	if k.files >= k.config.MaxFiles && !p.cred.has(capSysAdmin) {
		return nil, enfile
	}
	k.files++
	return &file{k: k, flags: flags, object: o, opener: p.cred}, 0
}

// hold adds a reference.
func (f *file) hold() *file {
	f.refs++
	return f
}

// drop takes one away, and releases the file with the last.
func (f *file) drop() {
	f.refs--
	if f.refs > 0 {
		return
	}
	if f.refs < 0 {
		panic("bug: a file of the in-memory kernel has been released twice; please report it")
	}
	f.k.files--
	if f.watchers != nil {
		f.unwatched()
	}
	f.object.release(f)
	if f.counted {
		f.place.entry.inode.writers--
	}
	f.unlock()
	if f.place != nil {
		f.place.drop()
	}
}

func (f *file) nonblocking() bool { return f.flags&oNonblock != 0 }
func (f *file) readable() bool {
	mode := f.flags & (oPath | oAccmode)
	return mode == oRdonly || mode == oRdwr
}
func (f *file) writable() bool {
	mode := f.flags & (oPath | oAccmode)
	return mode == oWronly || mode == oRdwr
}

// blocking makes an attempt until it is answered with something else than EAGAIN, unless nonblock holds. The attempt that is answered is the last, and may be made
// on the goroutine of another process: what it did is done, whatever happens to this process before it goes on. what names the call for the message of a
// deadlock. A signal makes it EINTR, unless it is handled with SA_RESTART or not at all.
func (p *Process) blocking(nonblock bool, what string, attempt func() posix.Errno) posix.Errno {
	errno := attempt()
	if errno != eagain || nonblock {
		return errno
	}
	for p.k.wait(p, what, never, func() bool {
		if errno == eagain {
			errno = attempt()
		}
		return errno != eagain
	}) == interrupted {
		if p.attendWithin() {
			return eintr
		}
	}
	return errno
}
