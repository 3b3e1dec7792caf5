package posix

// Clock tells the time, and waits for it.
type Clock interface {
	// ClockGettime returns the time of a clock (CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME …).
	// Errors: EINVAL (no such clock). Source: clock_gettime(2).
	//posix:calls clock_gettime
	//posix:retry retry it only reads
	ClockGettime(clock int) (Timespec, error)

	// ClockNanosleep blocks until the time has passed, or until it has come with TIMER_ABSTIME in flags. After EINTR remain, unless nil, says how much
	// was left, if the time was relative. Errors: EINTR, EINVAL, EOPNOTSUPP (such a clock). Source: clock_nanosleep(2).
	//posix:calls clock_nanosleep
	//posix:retry caller again, it would wait for the whole time once more, unless that is absolute
	//posix:fills remain
	ClockNanosleep(clock int, flags int, request Timespec, remain *Timespec) error
}
