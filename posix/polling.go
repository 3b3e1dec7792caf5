package posix

// EpollEvent is one readiness report. Source: epoll_ctl(2).
type EpollEvent struct {
	Events uint32 // EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR …
	Data   uint64 // what was registered
}

// PollFD is one descriptor of [Polling.Ppoll]. Source: poll(2).
type PollFD struct {
	FD      FD
	Events  int16
	Revents int16
}

// Itimerspec is when a timer first expires and how often afterwards. Source: timerfd_settime(2).
type Itimerspec struct {
	Interval Timespec
	Value    Timespec // zero disarms
}

// Polling waits for descriptors, timers and counters.
type Polling interface {
	// EpollCreate1 makes an epoll instance; the caller owns it. flags: EPOLL_CLOEXEC.
	// Errors: EMFILE, ENFILE, ENOMEM. Source: epoll_create1(2).
	//posix:calls epoll_create1
	//posix:retry retry nothing was made
	EpollCreate1(flags int) (FD, error)

	// EpollCtl adds, changes or removes (EPOLL_CTL_…) the interest in fd. event may be nil to remove.
	// Errors: EBADF, EEXIST, ENOENT, ENOSPC, EPERM (fd cannot be polled). Source: epoll_ctl(2).
	//posix:calls epoll_ctl
	//posix:retry retry nothing was changed
	//posix:reads event
	EpollCtl(epfd FD, op int, fd FD, event *EpollEvent) error

	// EpollWait fills events and returns how many. It blocks for at most timeout milliseconds, for ever when negative.
	// Errors: EBADF, EINTR, EINVAL. Source: epoll_wait(2).
	//posix:calls epoll_pwait
	//posix:retry caller again, it would wait for the whole timeout once more
	//posix:fills events
	EpollWait(epfd FD, events []EpollEvent, timeout int) (int, error)

	// Ppoll waits for one of fds and returns how many have Revents. A nil timeout blocks for ever.
	// Errors: EINTR, EINVAL, ENOMEM. Source: ppoll(2).
	//posix:calls ppoll
	//posix:retry caller again, it would wait for the whole timeout once more
	//posix:reads timeout
	//posix:updates fds
	Ppoll(fds []PollFD, timeout *Timespec) (int, error)

	// Eventfd2 makes a counter to wait on; the caller owns it. flags: EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE.
	// Errors: EINVAL, EMFILE, ENFILE. Source: eventfd(2).
	//posix:calls eventfd2
	//posix:retry retry nothing was made
	Eventfd2(initial uint32, flags int) (FD, error)

	// TimerfdCreate makes a timer to wait on; the caller owns it. flags: TFD_CLOEXEC, TFD_NONBLOCK.
	// Errors: EINVAL, EMFILE, ENFILE. Source: timerfd_create(2).
	//posix:calls timerfd_create
	//posix:retry retry nothing was made
	TimerfdCreate(clock int, flags int) (FD, error)

	// TimerfdSettime arms or disarms a timer. flags: TFD_TIMER_ABSTIME. Errors: EBADF, EINVAL. Source: timerfd_settime(2).
	//posix:calls timerfd_settime
	//posix:retry retry it does not block; the same setting made again is the same
	TimerfdSettime(fd FD, flags int, value Itimerspec) error

	// TimerfdGettime fills value with how long it is until the timer expires (0: it is disarmed), and its interval. Errors: EBADF, EINVAL.
	// Source: timerfd_gettime(2).
	//posix:calls timerfd_gettime
	//posix:retry retry it only reads
	//posix:fills value
	TimerfdGettime(fd FD, value *Itimerspec) error
}
