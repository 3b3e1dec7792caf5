package posix

// Clock tells the time.
type Clock interface {
	// ClockGettime returns the time of a clock (CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME …).
	// Errors: EINVAL (no such clock). Source: clock_gettime(2).
	//posix:calls clock_gettime
	//posix:retry retry it only reads
	ClockGettime(clock int) (Timespec, error)
}
